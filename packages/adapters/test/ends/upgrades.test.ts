import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import fastifyWebsocket from '@fastify/websocket'
import { createAdaptorServer, getRequestListener, upgradeWebSocket as honoUpgrade } from '@hono/node-server'
import { createNodeWebSocket } from '@hono/node-ws'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { type Middleware, type Pipeline, pipeline, Reply } from '@palisade/core'
import { concurrencyLimit } from '@palisade/ratelimit'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Ends, listenOn, nodeHosts } from './node-hosts.js'

interface Served {
  readonly server: Server
  close?(): Promise<unknown> | undefined
}

interface WebSocketHost {
  readonly name: string
  serve(edge: Pipeline<object>): Promise<Served> | Served
}

/** Every way in which an upgrade comes to a pipeline. `/chat` takes WebSockets. */
const ways: readonly WebSocketHost[] = [
  ...nodeHosts.map(
    (host): WebSocketHost => ({
      name: `handleUpgrade on ${host.name}`,
      async serve(edge) {
        const mounted = await host.mount(edge)
        const server = createServer(mounted.listener)
        new WebSocketServer({ server, path: '/chat' })
        mounted.edge.handleUpgrade(server)
        return { server, close: () => mounted.close() }
      },
    }),
  ),
  {
    name: '@fastify/websocket',
    async serve(edge) {
      const app = Fastify()
      await app.register(toFastify(edge))
      await app.register(fastifyWebsocket)
      app.get('/chat', { websocket: true }, socket => void socket.on('error', () => {}))
      await app.ready()
      return { server: app.server, close: () => app.close() }
    },
  },
  {
    name: '@fastify/websocket behind handleUpgrade',
    async serve(pipe) {
      const app = Fastify()
      const edge = toFastify(pipe)
      await app.register(edge)
      await app.register(fastifyWebsocket)
      app.get('/chat', { websocket: true }, socket => void socket.on('error', () => {}))
      edge.handleUpgrade(app.server)
      await app.ready()
      return { server: app.server, close: () => app.close() }
    },
  },
  {
    name: 'WebSockets of @hono/node-server',
    serve(edge) {
      const app = new Hono()
      app.use(toHono(edge))
      app.get(
        '/chat',
        honoUpgrade(() => ({})),
      )
      const websocket = { server: new WebSocketServer({ noServer: true }) as never }
      return { server: createAdaptorServer({ fetch: app.fetch, websocket }) as Server }
    },
  },
  {
    name: 'WebSockets of @hono/node-ws',
    serve(edge) {
      const app = new Hono()
      const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app })
      app.use(toHono(edge))
      app.get(
        '/chat',
        upgradeWebSocket(() => ({})),
      )
      const server = createServer(getRequestListener(app.fetch))
      injectWebSocket(server as never)
      return { server }
    },
  },
]

const running: Served[] = []
const clients: Socket[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  for (const { server, close } of running.splice(0)) {
    server.closeAllConnections()
    server.close()
    await close?.()
  }
})

async function start(way: WebSocketHost, edge: Pipeline<object>) {
  const served = await way.serve(edge)
  running.push(served)
  const accepted: Socket[] = []
  served.server.on('connection', (socket: Socket) => accepted.push(socket))
  return { port: await listenOn(served.server), accepted }
}

function ask(port: number, target = '/chat'): Socket {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  clients.push(client)
  client.write(
    `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  return client
}

const refusing = (ends: Ends) =>
  pipeline({ logger: ends.logger })
    .use(ends.middleware)
    .use({
      name: 'no',
      onRequest: ctx => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no entry' }),
    })

const echoes: Middleware = {
  name: 'hub',
  onRequest: ctx =>
    ctx.isUpgrade
      ? Reply.takeOver((socket: Duplex, head: Uint8Array) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
          socket.write(head)
          socket.pipe(socket)
        })
      : undefined,
}

/** Waits until a text was heard. */
function listen(client: Socket): (text: string) => Promise<void> {
  let heard = ''
  client.on('data', (chunk: Buffer) => {
    heard += String(chunk)
  })
  return async text => {
    while (!heard.includes(text)) await once(client, 'data')
  }
}

const allClosed = (sockets: readonly Socket[]) =>
  Promise.all(sockets.map(socket => socket.closed || new Promise(resolve => socket.once('close', resolve))))

describe.each(ways)('an upgrade by $name', way => {
  test('given a refusal when the client writes after it and exits then no socket is left', async () => {
    const ends = new Ends()
    const { port, accepted } = await start(way, refusing(ends))
    const client = ask(port)
    const [answer] = (await once(client, 'data')) as [Buffer]
    expect(String(answer)).toMatch(/^HTTP\/1\.1 403 /)
    client.write('more and more')
    client.destroy()
    await allClosed(accepted)
    expect(ends.outcomes).toMatchObject([{ status: 403, aborted: false }])
    expect(ends.errors).toEqual([])
  })

  test('given a refusal when the client keeps its side open then the socket is closed all the same', async () => {
    const ends = new Ends()
    const { port, accepted } = await start(way, refusing(ends))
    await once(ask(port), 'data')
    await allClosed(accepted)
    expect(ends.outcomes).toMatchObject([{ status: 403, aborted: false }])
  })

  test('given a refusal when the client goes on sending then little is read', async () => {
    const { port, accepted } = await start(way, refusing(new Ends()))
    const client = ask(port)
    await once(client, 'data')
    const part = Buffer.alloc(0x10000)
    const flood = () => {
      while (client.writable && client.write(part));
    }
    client.on('drain', flood)
    flood()
    await allClosed(accepted)
    for (const { bytesRead } of accepted) expect(bytesRead).toBeLessThan(512 * 1024)
  })

  test('given nobody who waits for the end when an upgrade is refused then the socket is closed all the same', async () => {
    const { port, accepted } = await start(
      way,
      pipeline().use({ name: 'no', onRequest: () => new Reply(403) }),
    )
    const client = ask(port)
    await once(client, 'data')
    client.write('more')
    client.end()
    await allClosed(accepted)
  })

  test('given an upgrade that passes when its WebSocket closes then its outcome is 101, and no error', async () => {
    const ends = new Ends()
    const { port } = await start(way, pipeline({ logger: ends.logger }).use(ends.middleware))
    for (const leave of ['close', 'terminate'] as const) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`)
      await once(socket, 'open')
      expect(ends.outcomes.length).toBe(ends.starts - 1)
      socket[leave]()
      await ends.reach(ends.starts)
    }
    expect(ends.outcomes).toMatchObject([
      { status: 101, aborted: false },
      { status: 101, aborted: false },
    ])
    expect(ends.errors).toEqual([])
  })

  test('given an upgrade that passes and nobody takes when it is answered then its outcome is that status', async () => {
    const ends = new Ends()
    const { port, accepted } = await start(way, pipeline({ logger: ends.logger }).use(ends.middleware))
    const client = ask(port, '/nowhere')
    // @fastify/websocket opens a WebSocket for a 404, and closes it.
    const status = Number((await once(client, 'data')).join().slice(9, 12))
    client.end()
    await allClosed(accepted)
    expect(ends.outcomes).toMatchObject([{ status, aborted: false }])
  })

  test('given a limit of one place when upgrades are refused, cut and closed then the place is returned each time', async () => {
    const ends = new Ends()
    const turns = [403, 101, 403, 101, 101]
    let turn = 0
    const edge = pipeline({ logger: ends.logger })
      .use(ends.middleware)
      .use(concurrencyLimit({ limit: 1, key: () => 'all' }))
      .use({
        name: 'in turns',
        onRequest: () => (turns[turn++] === 403 ? new Reply(403) : undefined),
      })
    const { port } = await start(way, edge)
    for (const [i, expected] of turns.entries()) {
      const client = ask(port)
      const [answer] = (await once(client, 'data')) as [Buffer]
      expect(String(answer)).toMatch(new RegExp(`^HTTP/1\\.1 ${expected} `))
      if (i % 2 === 0) client.resetAndDestroy()
      else client.end()
      await ends.reach(i + 1)
    }
    expect(ends.outcomes.map(({ status }) => status)).toEqual(turns)
  })

  test('given a middleware that takes it over when the client talks then it has the socket, and the outcome is 101', async () => {
    const ends = new Ends()
    const { port, accepted } = await start(
      way,
      pipeline({ logger: ends.logger }).use(ends.middleware).use(echoes),
    )
    const client = ask(port)
    const heard = listen(client)
    await heard('HTTP/1.1 101')
    client.write('hello')
    await heard('hello')
    expect(ends.outcomes).toEqual([])
    client.end()
    await allClosed(accepted)
    expect(ends.outcomes).toMatchObject([{ status: 101, aborted: false }])
    expect(ends.errors).toEqual([])
  })

  test('given a middleware that fails when it takes it over then the client gets a 500 and no socket is left', async () => {
    const ends = new Ends()
    const failing: Middleware = {
      name: 'hub',
      onRequest: () =>
        Reply.takeOver(() => {
          throw new Error('boom')
        }),
    }
    const { port, accepted } = await start(
      way,
      pipeline({ logger: ends.logger }).use(ends.middleware).use(failing),
    )
    const client = ask(port)
    await listen(client)('HTTP/1.1 500')
    await allClosed(accepted)
    expect(ends.outcomes).toMatchObject([{ status: 500, aborted: false }])
  })

  test('given a middleware that reads its body when it comes then it is empty, at once', async () => {
    const ends = new Ends()
    const reads: Middleware = {
      name: 'reads',
      async onRequest(ctx) {
        const { bytes, complete } = await ctx.peek(9)
        for await (const _ of ctx.body()) throw new Error('there is no body')
        const all = await ctx.bytes(9)
        return new Reply(418, { 'X-Read': `${bytes.length} ${complete} ${all.length}` })
      },
    }
    const { port, accepted } = await start(
      way,
      pipeline({ logger: ends.logger }).use(ends.middleware).use(reads),
    )
    await once(ask(port), 'data')
    await allClosed(accepted)
    expect(ends.outcomes).toMatchObject([{ status: 418, aborted: false }])
    expect(ends.errors).toEqual([])
  })

  test('given a middleware that waits when the client resets the upgrade then its outcome is aborted, once', async () => {
    const ends = new Ends()
    let go = () => {}
    const waiting = new Promise<void>(resolve => {
      go = resolve
    })
    const { port, accepted } = await start(
      way,
      pipeline({ logger: ends.logger })
        .use(ends.middleware)
        .use({ name: 'waits', onRequest: () => waiting }),
    )
    const client = ask(port)
    while (ends.starts === 0) await new Promise(resolve => setImmediate(resolve))
    client.resetAndDestroy()
    await allClosed(accepted)
    await ends.reach(1)
    go()
    await new Promise(resolve => setImmediate(resolve))
    expect(ends.outcomes).toMatchObject([{ status: undefined, aborted: true }])
    expect(ends.errors).toEqual([])
  })
})

test('given a WebSocket that is injected when it is opened and closed then its outcome is 101', async () => {
  const ends = new Ends()
  const app = Fastify()
  await app.register(toFastify(pipeline({ logger: ends.logger }).use(ends.middleware)))
  await app.register(fastifyWebsocket)
  app.get('/chat', { websocket: true }, socket => {
    socket.on('message', text => socket.send(`${text}!`))
  })
  await app.ready()
  const socket = await app.injectWS('/chat')
  socket.send('hello')
  const [message] = (await once(socket, 'message')) as [Buffer]
  expect(String(message)).toBe('hello!')
  socket.terminate()
  await ends.reach(1)
  expect(ends.outcomes).toMatchObject([{ status: 101, aborted: false }])
  await app.close()
})
