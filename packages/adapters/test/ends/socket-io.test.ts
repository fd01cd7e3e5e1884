import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type Pipeline, pipeline } from '@palisade/core'
import { concurrencyLimit } from '@palisade/ratelimit'
import { Server as SocketServer } from 'socket.io'
import { io as connect, type Socket } from 'socket.io-client'
import { afterEach, describe, expect, test } from 'vitest'
import { Ends, listenOn, type Mounted, nodeHosts } from './node-hosts.js'

const open: { server: Server; sockets: SocketServer; mounted: Mounted; clients: Socket[] }[] = []

afterEach(async () => {
  for (const { server, sockets, mounted, clients } of open.splice(0)) {
    for (const client of clients) client.close()
    await sockets.close()
    server.closeAllConnections()
    await mounted.close()
  }
})

async function serve(
  host: (typeof nodeHosts)[number],
  edge: Pipeline<object>,
  how: 'middleware' | 'edge' | 'with handleUpgrade' = 'middleware',
) {
  const mounted = await host.mount(edge)
  const server = createServer(mounted.listener)
  const sockets = new SocketServer(server)
  if (how === 'edge') sockets.engine.use(mounted.edge as unknown as Mounted['edge']['middleware'])
  else sockets.engine.use(mounted.edge.middleware)
  if (how === 'with handleUpgrade') mounted.edge.handleUpgrade(server)
  sockets.on('connection', socket => socket.on('echo', (text, answer) => answer(text)))
  const port = await listenOn(server)
  const clients: Socket[] = []
  open.push({ server, sockets, mounted, clients })
  return {
    port,
    server,
    client(transport: 'polling' | 'websocket', headers: Record<string, string> = {}) {
      const client = connect(`http://127.0.0.1:${port}`, {
        transports: [transport],
        extraHeaders: headers,
        reconnection: false,
        forceNew: true,
      })
      clients.push(client)
      return client
    },
  }
}

const key = (ends: Ends) =>
  pipeline({ logger: ends.logger })
    .use(ends.middleware)
    .use({
      name: 'key',
      onRequest(ctx) {
        ctx.setHeader('X-Edge', 'yes')
        if (ctx.header('x-key') === 'right') return undefined
        return ctx.deny({ status: 401, code: 'UNAUTHORIZED', message: 'who are you?' })
      },
    })

describe.each(nodeHosts)('Socket.IO on $name', host => {
  test.each(['polling', 'websocket'] as const)(
    'given a pipeline in front of engine.io when a client connects by %s then it is let through, once a request, and its end is seen',
    async transport => {
      const ends = new Ends()
      const { client } = await serve(host, key(ends))
      const one = client(transport, { 'X-Key': 'right' })
      await once(one as never, 'connect')
      expect(await one.emitWithAck('echo', 'hello')).toBe('hello')
      one.close()
      await ends.reach(ends.starts)
      expect(ends.errors).toEqual([])
      for (const { status, aborted } of ends.outcomes)
        if (!aborted) expect(status).toBe(transport === 'polling' ? 200 : 101)
      if (transport === 'websocket') expect(ends.outcomes).toMatchObject([{ status: 101, aborted: false }])
    },
  )

  test.each(['polling', 'websocket'] as const)(
    'given a pipeline in front of engine.io when it refuses a client of %s then the client gets a whole HTTP answer',
    async transport => {
      const ends = new Ends()
      const { client, port } = await serve(host, key(ends))
      const [error] = (await once(client(transport) as never, 'connect_error')) as [Error]
      expect(error).toBeInstanceOf(Error)
      await ends.reach(1)
      expect(ends.outcomes).toMatchObject([{ status: 401, aborted: false }])
      const headers: Record<string, string> =
        transport === 'websocket'
          ? {
              Connection: 'Upgrade',
              Upgrade: 'websocket',
              'Sec-WebSocket-Version': '13',
              'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
            }
          : {}
      const answer = await ask(port, `/socket.io/?EIO=4&transport=${transport}`, headers)
      expect(answer).toMatch(/^HTTP\/1\.1 401 /)
      expect(answer).toMatch(/\r\nX-Edge: yes\r\n/i)
      expect(answer).toContain('"code":"UNAUTHORIZED"')
    },
  )

  test('given the edge itself when engine.io uses it then it is the same middleware', async () => {
    const ends = new Ends()
    const { client } = await serve(host, key(ends), 'edge')
    for (const transport of ['polling', 'websocket'] as const) {
      const good = client(transport, { 'X-Key': 'right' })
      await once(good as never, 'connect')
      good.close()
      await once(client(transport) as never, 'connect_error')
    }
    await ends.reach(ends.starts)
    expect(ends.errors).toEqual([])
  })

  test('given handleUpgrade too when a WebSocket is opened then the pipeline runs once', async () => {
    const ends = new Ends()
    const { client } = await serve(host, key(ends), 'with handleUpgrade')
    const one = client('websocket', { 'X-Key': 'right' })
    await once(one as never, 'connect')
    one.close()
    await ends.reach(1)
    expect([ends.starts, ends.outcomes.length]).toEqual([1, 1])
  })

  test('given a limit of one place when clients come and close their WebSockets then each place is returned', async () => {
    const ends = new Ends()
    const edge = pipeline({ logger: ends.logger })
      .use(ends.middleware)
      .use(concurrencyLimit({ limit: 1, key: () => 'all' }))
    const { client } = await serve(host, edge)
    for (let count = 1; count <= 3; count++) {
      const one = client('websocket')
      await once(one as never, 'connect')
      one.close()
      await ends.reach(count)
    }
    expect(ends.outcomes.map(({ status }) => status)).toEqual([101, 101, 101])
    expect(ends.errors).toEqual([])
  })
})

/** The whole answer, as text. */
async function ask(port: number, target: string, headers: Record<string, string>): Promise<string> {
  const { connect: connectSocket } = await import('node:net')
  const socket = connectSocket(port, '127.0.0.1')
  const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...headers })
  socket.write(
    `GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  )
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
