import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import { authenticate, basic } from '@palisade/auth'
import { type Pipeline, pipeline } from '@palisade/core'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { koaBody } from 'koa-body'
import multer from 'multer'
import { afterEach, describe, expect, test } from 'vitest'
import { Ends, listenOn, nodeHosts } from './node-hosts.js'

type Build = (edge: Pipeline<object>) => Promise<Server> | Server

const onExpress =
  (parser: express.RequestHandler): Build =>
  edge => {
    const app = express()
    app.set('env', 'test')
    const mounted = toExpress(edge)
    app.use(mounted)
    app.post('/', parser, (_req, res) => void res.send('ok'))
    app.use(mounted.errorHandler)
    return createServer(app)
  }

const onHono =
  (read: 'json' | 'text' | 'parseBody' | 'arrayBuffer'): Build =>
  edge => {
    const app = new Hono()
    const mounted = toHono(edge)
    app.use(mounted)
    app.onError(mounted.errorHandler)
    app.post('/', async c => {
      await (c.req[read] as () => Promise<unknown>).call(c.req)
      return c.text('ok')
    })
    return createAdaptorServer({ fetch: app.fetch }) as Server
  }

/** What reads a body on each host, behind the edge and in front of its error handler. */
const readers: Record<string, Build> = {
  'express.json()': onExpress(express.json()),
  'express.urlencoded()': onExpress(express.urlencoded({ type: '*/*' })),
  'express.raw()': onExpress(express.raw({ type: '*/*' })),
  'multer in memory': onExpress(multer({ storage: multer.memoryStorage() }).any()),
  async 'parsers of Fastify'(edge) {
    const app = Fastify()
    const mounted = toFastify(edge)
    await app.register(mounted)
    app.setErrorHandler(mounted.errorHandler)
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null))
    app.post('/', async () => 'ok')
    await app.ready()
    return app.server
  },
  async 'a stream parser of Fastify'(edge) {
    const app = Fastify()
    const mounted = toFastify(edge)
    await app.register(mounted)
    app.setErrorHandler(mounted.errorHandler)
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', async (_request: unknown, payload: Readable) => {
      for await (const _ of payload);
    })
    app.post('/', async () => 'ok')
    await app.ready()
    return app.server
  },
  'koa-body'(edge) {
    const app = new Koa()
    app.silent = true
    const mounted = toKoa(edge)
    app.use(mounted).use(mounted.errorHandler)
    app.use(koaBody({ multipart: true }))
    app.use(ctx => {
      ctx.body = 'ok'
    })
    return createServer(app.callback())
  },
  'c.req.json()': onHono('json'),
  'c.req.text()': onHono('text'),
  'c.req.parseBody()': onHono('parseBody'),
  'c.req.arrayBuffer()': onHono('arrayBuffer'),
  'a handler of node'(edge) {
    return createServer(
      toNode(edge, async (req, res) => {
        for await (const _ of req);
        res.end('ok')
      }),
    )
  },
  'ctx.bytes() of a middleware'(edge) {
    const reading = edge.use({
      name: 'reads',
      async onRequest(ctx) {
        await ctx.bytes(10_000)
      },
    })
    return createServer(toNode(reading, (_req, res) => void res.end('ok')))
  },
}

const TYPES: Record<string, [type: string, start: string]> = {
  json: ['application/json', '{"half":'],
  form: [
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\npart',
  ],
}

const running: Server[] = []

afterEach(() => {
  for (const server of running.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

const EVENTS = ['request:error', 'decision:refused'] as const

/** An edge, and all that it says of a request. */
function scene() {
  const ends = new Ends()
  const said: string[] = []
  const debugged: string[] = []
  const logger = {
    ...ends.logger,
    debug: (_fields: object, message = '') => void debugged.push(message),
  }
  const edge = pipeline({ logger }).use(ends.middleware)
  for (const name of EVENTS) edge.events.on(name, () => void said.push(name))
  return { ends, edge, said, debugged }
}

/**
 * When all that the broken connection sets off has been done: parsers clean up in several turns.
 */
const settled = async () => {
  for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
}

/** The parsers that read one type only. */
const ONLY: Record<string, string> = {
  'express.json()': 'json',
  'multer in memory': 'form',
  'c.req.parseBody()': 'form',
}

describe.each(Object.keys(readers))('an upload that %s reads', name => {
  test.each(
    Object.keys(TYPES)
      .filter(kind => (ONLY[name] ?? kind) === kind)
      .flatMap(kind =>
        (['resets the connection', 'ends its side'] as const).map(how => [kind, how] as const),
      ),
  )('given half a %s body when the client %s then nothing but a line at debug is said', async (kind, how) => {
    const { ends, edge, said } = scene()
    const server = await (readers[name] as Build)(edge)
    running.push(server)
    const port = await listenOn(server)
    const [type, start] = TYPES[kind] as (typeof TYPES)[string]
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    client.on('error', () => {})
    client.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: 5000\r\n\r\n${start}`,
    )
    while (ends.starts === 0) await new Promise(resolve => setImmediate(resolve))
    await settled()
    if (how === 'ends its side') client.end()
    else client.resetAndDestroy()
    await ends.reach(1)
    await settled()
    client.destroy()
    expect(ends.outcomes).toMatchObject([{ status: undefined, aborted: true }])
    expect(ends.errors).toEqual([])
    expect(said).toEqual([])
  })
})

describe.each(nodeHosts)('a login that is broken off on $name', host => {
  test('given a password that waits for its turn when the client leaves then nothing but a line at debug is said', async () => {
    const { ends, edge, said, debugged } = scene()
    const failures: string[] = []
    edge.events.on('auth:failure', () => void failures.push('auth:failure'))
    let begin = () => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    const login = edge.use(
      authenticate({
        strategies: [
          basic({
            verify: (_user, _password, { signal }) => {
              begin()
              // As the queue of passwordHasher() does.
              return new Promise((_, reject) =>
                signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
              )
            },
          }),
        ],
      }),
    )
    const mounted = await host.mount(login)
    const server = createServer(mounted.listener)
    running.push(server)
    const client = connect(await listenOn(server), '127.0.0.1').on('error', () => {})
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YTpi\r\n\r\n')
    await begun
    client.resetAndDestroy()
    await ends.reach(1)
    await settled()
    expect(ends.outcomes).toMatchObject([{ status: undefined, aborted: true }])
    expect(debugged).toEqual(['middleware "authenticate" failed: the client has left'])
    expect([ends.errors, said, failures]).toEqual([[], [], []])
    await mounted.close()
  })
})
