import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { type ClientHttp2Session, connect, createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import { type Pipeline, pipeline, Reply, type RequestContext } from '@palisade/core'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { afterEach, describe, expect, test } from 'vitest'
import { http2Express } from './http2-express.js'
import { Ends } from './node-hosts.js'

const CANCEL = 8

/**
 * What the handlers need: `/stream` answers with what `stream()` gives, `/wait` when `wait` is
 * over.
 */
interface Handlers {
  readonly wait: Promise<void>
  stream(): Readable
}

/** The hosts, asked by HTTP/2. */
const hosts: Record<
  string,
  (edge: Pipeline<object>, handlers: Handlers) => Promise<{ server: Http2Server; close?(): unknown }>
> = {
  async node(edge, { wait, stream }) {
    const listener = toNode(edge, async (req, res) => {
      if (req.url === '/stream') return void stream().pipe(res)
      if (req.url === '/wait') await wait
      res.end('ok')
    })
    return { server: serverOf(listener) }
  },
  async express(edge, { wait, stream }) {
    const app = http2Express()
    app.set('env', 'test')
    app.use(toExpress(edge))
    app.get('/stream', (_req, res) => void stream().pipe(res))
    app.use(async (req, res) => {
      if (req.path === '/wait') await wait
      res.send('ok')
    })
    return { server: serverOf(app) }
  },
  async fastify(edge, { wait, stream }) {
    const app = Fastify({ http2: true })
    await app.register(toFastify(edge) as never)
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.all('/', async () => 'ok')
    app.get('/stream', () => Promise.resolve(stream()))
    app.get('/wait', () => wait.then(() => 'ok'))
    await app.ready()
    return { server: app.server as Http2Server, close: () => app.close() }
  },
  async koa(edge, { wait, stream }) {
    const app = new Koa()
    app.silent = true
    app.use(toKoa(edge))
    app.use(async ctx => {
      if (ctx.path === '/wait') await wait
      ctx.body = ctx.path === '/stream' ? stream() : 'ok'
    })
    return { server: serverOf(app.callback()) }
  },
  async hono(edge, { wait, stream }) {
    const app = new Hono()
    app.use(toHono(edge))
    app.all('/', c => c.text('ok'))
    app.get('/stream', c => c.body(Readable.toWeb(stream()) as never))
    app.get('/wait', async c => {
      await wait
      return c.text('ok')
    })
    return { server: createAdaptorServer({ fetch: app.fetch, createServer }) as Http2Server }
  },
}

const serverOf = (listener: RequestListener) => createServer(listener as never)

const open: { session: ClientHttp2Session; server: Http2Server; close: () => unknown }[] = []

afterEach(async () => {
  for (const { session, server, close } of open.splice(0)) {
    session.destroy()
    server.close()
    await close()
  }
})

const never = new Promise<void>(() => {})
const endless = () => new Readable({ read() {} })

async function serve(
  host: string,
  edge: Pipeline<object>,
  handlers: Partial<Handlers> = {},
): Promise<ClientHttp2Session> {
  const { server, close = () => {} } = await (hosts[host] as (typeof hosts)[string])(edge, {
    wait: never,
    stream: endless,
    ...handlers,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  session.on('error', () => {})
  open.push({ session, server, close })
  return session
}

function watched(see: (ctx: RequestContext) => void = () => {}) {
  const ends = new Ends()
  const edge = pipeline({ logger: ends.logger }).use(ends.middleware).use({ name: 'sees', onRequest: see })
  return { ends, edge }
}

/** When the server has seen the request. */
const reached = async (ends: Ends) => {
  while (ends.starts === 0) await new Promise(resolve => setImmediate(resolve))
}

describe.each(Object.keys(hosts))('HTTP/2 on %s', host => {
  test('given a handler at work when the client cancels then the outcome is aborted without a status, and the signal fires', async () => {
    const signals: AbortSignal[] = []
    const { ends, edge } = watched(ctx => void signals.push(ctx.signal))
    const session = await serve(host, edge)
    const stream = session.request({ ':path': '/wait' }).on('error', () => {})
    await reached(ends)
    stream.close(CANCEL)
    await ends.reach(1)
    expect(ends.outcomes).toMatchObject([{ status: undefined, aborted: true }])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  test('given an answer in the middle when the client cancels then the outcome is aborted, with the status that was sent', async () => {
    const body = endless()
    body.push('first')
    const { ends, edge } = watched()
    const session = await serve(host, edge, { stream: () => body })
    const stream = session.request({ ':path': '/stream' }).on('error', () => {})
    await once(stream, 'data')
    stream.close(CANCEL)
    await ends.reach(1)
    expect(ends.outcomes).toMatchObject([{ status: 200, aborted: true }])
  })

  test('given an answer that was ended but not read when the client cancels then the outcome is aborted', async () => {
    const { ends, edge } = watched()
    // More than a client takes that does not read.
    const session = await serve(host, edge, { stream: () => Readable.from([Buffer.alloc(10_000_000)]) })
    const stream = session.request({ ':path': '/stream' }).on('error', () => {})
    await once(stream, 'response')
    stream.close(CANCEL)
    await ends.reach(1)
    expect(ends.outcomes).toMatchObject([{ status: 200, aborted: true }])
  })

  test('given a handler at work when the connection breaks then the outcome is aborted', async () => {
    const { ends, edge } = watched()
    const session = await serve(host, edge)
    session.request({ ':path': '/wait' }).on('error', () => {})
    await reached(ends)
    session.destroy()
    await ends.reach(1)
    expect(ends.outcomes).toMatchObject([{ status: undefined, aborted: true }])
  })

  test('given a HEAD when its handler pipes a body then the request ends', async () => {
    const { ends, edge } = watched()
    const session = await serve(host, edge, { stream: () => Readable.from(['one', 'two']) })
    const stream = session.request({ ':path': '/stream', ':method': 'HEAD' })
    const [headers] = (await once(stream.resume(), 'response')) as [Record<string, unknown>]
    await ends.reach(1)
    expect([headers[':status'], ends.outcomes]).toMatchObject([200, [{ status: 200, aborted: false }]])
  })

  test('given answers of every kind when they are whole then no outcome is aborted', async () => {
    const { ends, edge } = watched()
    const session = await serve(host, edge, {
      wait: Promise.resolve(),
      stream: () => Readable.from(['one', 'two']),
    })
    for (const path of ['/', '/wait', '/stream']) {
      const stream = session.request({ ':path': path })
      let body = ''
      for await (const chunk of stream) body += String(chunk)
      expect(body).toBe(path === '/stream' ? 'onetwo' : 'ok')
    }
    await ends.reach(3)
    expect(ends.outcomes.every(({ status, aborted }) => status === 200 && !aborted)).toBe(true)
  })

  test('given a refusal when the client goes on sending then it has the answer, and its stream is closed without an error', async () => {
    const ends = new Ends()
    const edge = pipeline({ logger: ends.logger })
      .use(ends.middleware)
      .use({
        name: 'reads, then refuses',
        async onRequest(ctx) {
          await ctx.bytes(10)
        },
      })
    const session = await serve(host, edge)
    const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false })
    stream.on('error', () => {})
    const closed = new Promise(resolve => stream.once('close', resolve))
    stream.write(Buffer.alloc(1000))
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    stream.resume()
    await closed
    expect([headers[':status'], stream.rstCode]).toEqual([413, 0])
    await ends.reach(1)
    expect(ends.outcomes).toMatchObject([{ status: 413, aborted: false }])
  })

  test('given a reply that streams when its source fails then the client can tell', async () => {
    const ends = new Ends()
    const edge = pipeline({ logger: ends.logger })
      .use(ends.middleware)
      .use({
        name: 'streams',
        onRequest: () =>
          new Reply(
            200,
            {},
            (async function* () {
              yield 'part'
              await new Promise(resolve => setImmediate(resolve))
              throw new Error('broken')
            })(),
          ),
      })
    const session = await serve(host, edge)
    const stream = session.request({ ':path': '/' })
    const failed = new Promise(resolve => stream.once('error', resolve).once('aborted', resolve))
    stream.resume()
    await failed
    await ends.reach(1)
    expect(ends.outcomes).toMatchObject([{ status: 200, aborted: true }])
    expect(ends.errors).toEqual(['the body of an answer failed: Error: broken'])
  })
})
