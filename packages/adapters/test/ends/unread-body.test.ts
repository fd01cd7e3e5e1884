import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { toFetch } from '@palisade/adapters/fetch'
import { type Pipeline, pipeline, Reply, type RequestContext } from '@palisade/core'
import { Hono } from 'hono'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { toHono as toHonoByFetch } from '../../src/hono-fetch.js'
import { Ends, listenOn, type Mounted, type NodeHost, nodeHosts } from './node-hosts.js'

const running: { server: Server; mounted: Mounted }[] = []
const clients: Socket[] = []

afterEach(async () => {
  vi.useRealTimers()
  for (const client of clients.splice(0)) client.destroy()
  for (const { server, mounted } of running.splice(0)) {
    server.closeAllConnections()
    server.close()
    await mounted.close()
  }
})

async function serve(host: NodeHost, edge: Pipeline<object>) {
  const mounted = await host.mount(edge)
  const server = createServer(mounted.listener)
  // Otherwise Node itself closes a connection on which nothing comes.
  server.keepAliveTimeout = 0
  const accepted: Socket[] = []
  server.on('connection', (socket: Socket) => accepted.push(socket))
  running.push({ server, mounted })
  const port = await listenOn(server)
  const closed = async () => {
    for (const socket of accepted)
      if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
  }
  return { port, accepted, closed }
}

function open(port: number): Socket {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  clients.push(client)
  return client
}

/** All that the server sends until it closes. */
async function answerOf(client: Socket): Promise<string> {
  let text = ''
  client.on('data', chunk => {
    text += String(chunk)
  })
  await new Promise(resolve => client.once('end', resolve).once('close', resolve))
  return text
}

const head = (length: string) => `POST / HTTP/1.1\r\nHost: localhost\r\n${length}\r\n\r\n`
const CHUNK = `10000\r\n${'x'.repeat(0x10000)}\r\n`

/** Sends for as long as the connection lasts. */
function floods(client: Socket, part: string): void {
  const bytes = Buffer.from(part)
  const send = () => {
    while (client.writable && client.write(bytes));
  }
  client.on('drain', send)
  send()
}

const deny = (ctx: RequestContext) => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no entry' })

/** What answers a request without reading its body. */
const refusals: Record<string, (ctx: RequestContext) => Reply | Promise<Reply | undefined>> = {
  'a refusal': deny,
  'a later refusal': async ctx => {
    await new Promise(resolve => setImmediate(resolve))
    return deny(ctx)
  },
  'a reply that streams': () =>
    new Reply(
      403,
      {},
      (async function* () {
        yield 'no '
        await new Promise(resolve => setImmediate(resolve))
        yield 'entry'
      })(),
    ),
  'an error': () => {
    throw new Error('boom')
  },
  'a body that is over the limit': async ctx => {
    await ctx.bytes(10)
    return undefined
  },
}

const turn = () => new Promise(resolve => setImmediate(resolve))

/** A few reads of Node's: the allowance is 64 KiB. */
const FEW_READS = 512 * 1024

describe.each(nodeHosts)('a body that is not wanted on $name', host => {
  test('given answers of every kind when the client goes on sending then it has the whole answer, and little is read', async () => {
    const one = async (refuse: (typeof refusals)[string], start: string, part: string) => {
      const ends = new Ends()
      const edge = pipeline({ logger: ends.logger })
        .use(ends.middleware)
        .use({ name: 'refuses', onRequest: refuse })
      const { port, accepted, closed } = await serve(host, edge)
      const client = open(port)
      client.write(start)
      floods(client, part)
      const answer = await answerOf(client)
      expect(answer).toMatch(/^HTTP\/1\.1 (403|413|500) /)
      expect(answer).toMatch(/\r\nConnection: close\r\n/i)
      expect(answer).toMatch(/no entry|over 10 bytes|INTERNAL_ERROR|0\r\n\r\n$/)
      await closed()
      for (const { bytesRead } of accepted) expect(bytesRead).toBeLessThan(FEW_READS)
      await ends.reach(1)
      expect(ends.outcomes).toMatchObject([{ aborted: false }])
    }
    // At once, as each waits until the client has had the time to read its answer.
    await Promise.all(
      Object.values(refusals).flatMap(refuse => [
        one(refuse, head('Transfer-Encoding: chunked'), CHUNK),
        one(refuse, head('Content-Length: 9999999999'), 'x'.repeat(0x10000)),
      ]),
    )
  })

  const refusing = (ends: Ends) =>
    pipeline({ logger: ends.logger }).use(ends.middleware).use({ name: 'no', onRequest: deny })

  test('given a refusal when a short body arrives all the same then the connection serves the next request', async () => {
    const ends = new Ends()
    const { port } = await serve(host, refusing(ends))
    const client = open(port)
    client.write(head('Content-Length: 4'))
    await once(client, 'data')
    client.write(`body${head('Content-Length: 0')}`)
    const [second] = (await once(client, 'data')) as [Buffer]
    expect(String(second)).toMatch(/^HTTP\/1\.1 403 /)
    expect(ends.starts).toBe(2)
  })

  test('given a refusal when a short body never arrives then the connection is closed', async () => {
    const ends = new Ends()
    const { port, closed } = await serve(host, refusing(ends))
    const client = open(port)
    client.write(`${head('Content-Length: 4')}bo`)
    expect(await answerOf(client)).toMatch(/^HTTP\/1\.1 403 /)
    await closed()
  })

  test('given a refusal when the client sends nothing more and stays then the connection is closed', async () => {
    const ends = new Ends()
    const { port, closed } = await serve(host, refusing(ends))
    const client = open(port)
    client.write(head('Transfer-Encoding: chunked'))
    expect(await answerOf(client)).toMatch(/^HTTP\/1\.1 403 /)
    await closed()
  })

  test('given a refusal when the rest of the body arrives then the connection is closed without a wait', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const ends = new Ends()
    const { port, closed } = await serve(host, refusing(ends))
    const client = open(port)
    client.write(head('Transfer-Encoding: chunked'))
    expect(await answerOf(client)).toMatch(/^HTTP\/1\.1 403 /)
    client.write('4\r\nbody\r\n0\r\n\r\n')
    await closed()
  })

  test('given an answer that the client reads late when it goes on sending then it has the whole answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const body = 'x'.repeat(512 * 1024)
    const edge = pipeline().use({ name: 'long', onRequest: () => new Reply(403, {}, body) })
    const { port, accepted } = await serve(host, edge)
    const client = open(port)
    client.write(head('Transfer-Encoding: chunked'))
    client.write(CHUNK)
    while (accepted[0]?.writableFinished !== true) await turn()
    // What comes to a socket that is closed resets the connection, and the rest of the answer is
    // lost.
    client.write(CHUNK)
    for (let i = 0; i < 20; i++) await turn()
    expect((await answerOf(client)).endsWith(body)).toBe(true)
  })

  const reading = (ends: Ends, then: (read: Promise<unknown>) => Promise<unknown>) =>
    pipeline({ logger: ends.logger, bodyTimeout: 1000 })
      .use(ends.middleware)
      .use({ name: 'reads', onRequest: ctx => then(ctx.bytes(10)).then(() => new Reply(200)) })

  test('given a short body that is over the limit when it is refused then the connection is closed', async () => {
    const { port } = await serve(
      host,
      reading(new Ends(), read => read),
    )
    const client = open(port)
    client.write(`${head('Content-Length: 20')}${'x'.repeat(20)}`)
    const answer = await answerOf(client)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toMatch(/\r\nConnection: close\r\n/i)
  })

  test('given a body that has arrived when its time runs out then the connection serves the next request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const edge = reading(new Ends(), async read => {
      await read
      vi.advanceTimersByTime(2000)
    })
    const { port } = await serve(host, edge)
    const client = open(port)
    for (let i = 0; i < 2; i++) {
      client.write(`${head('Content-Length: 4')}body`)
      const [answer] = (await once(client, 'data')) as [Buffer]
      expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /)
      expect(String(answer)).not.toMatch(/\r\nConnection: close\r\n/i)
    }
  })

  test('given a middleware that reads the body when the client leaves in the middle then it is a 400', async () => {
    const ends = new Ends()
    const seen: unknown[] = []
    const edge = reading(ends, read => read.then(undefined, error => void seen.push(error.status)))
    const { port } = await serve(host, edge)
    const client = open(port)
    client.write(`${head('Content-Length: 4')}bo`)
    while (ends.starts === 0) await turn()
    client.destroy()
    await ends.reach(1)
    while (seen.length === 0) await turn()
    expect(seen).toEqual([400])
  })

  test('given a middleware that reads the body when it does not arrive in time then it is a 408, and the connection is closed', async () => {
    const ends = new Ends()
    const edge = pipeline({ logger: ends.logger, bodyTimeout: 20 })
      .use(ends.middleware)
      .use({
        name: 'reads',
        async onRequest(ctx) {
          await ctx.bytes(100)
        },
      })
    const { port, closed } = await serve(host, edge)
    for (const start of [head('Content-Length: 10'), head('Transfer-Encoding: chunked')]) {
      const client = open(port)
      client.write(start)
      const answer = await answerOf(client)
      expect(answer).toMatch(/^HTTP\/1\.1 408 /)
      expect(answer).toContain('"code":"REQUEST_TIMEOUT"')
      expect(answer).toContain('did not arrive within 20 ms')
      expect(answer).toMatch(/\r\nConnection: close\r\n/i)
    }
    await closed()
    await ends.reach(2)
    expect(ends.outcomes).toMatchObject([
      { status: 408, aborted: false },
      { status: 408, aborted: false },
    ])
    expect(ends.errors).toEqual([])
  })
})

test('given a fetch host when a body does not arrive in time then it is a 408, and the body is cancelled', async () => {
  const edge = () =>
    pipeline({ bodyTimeout: 20 }).use({
      name: 'reads',
      async onRequest(ctx) {
        await ctx.bytes(100)
      },
    })
  const app = new Hono()
  app.use(toHonoByFetch(edge()))
  for (const serve of [toFetch(edge(), () => new Response('ok')), (request: Request) => app.fetch(request)]) {
    let cancelled = () => {}
    const cancel = new Promise<void>(resolve => {
      cancelled = resolve
    })
    const body = new ReadableStream({ cancel: () => cancelled() })
    const response = await serve(
      new Request('http://localhost/', { method: 'POST', body, duplex: 'half' } as RequestInit),
    )
    expect(response.status).toBe(408)
    await cancel
  }
})
