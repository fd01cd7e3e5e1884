/**
 * More ways in which an application sends a request to itself, or changes one, than
 * `dispatch.test.ts` has.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import { type Pipeline, pipeline, Reply, type RequestContext } from '@palisade/core'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import mount from 'koa-mount'
import { describe, expect, test } from 'vitest'

/** Below `/admin` only those with `authorization: Bearer <name>`; notes whom it saw. */
const keyed = (seen: string[] = []): Pipeline =>
  pipeline().use({
    name: 'keyed',
    onRequest(ctx: RequestContext) {
      const name = ctx.header('authorization')
      seen.push(`${ctx.method} ${ctx.path} ${name ?? '-'}`)
      if (!ctx.path.startsWith('/admin') || name?.startsWith('Bearer ') === true) return undefined
      return ctx.deny({ status: 401, code: 'NO', message: 'no key' })
    },
  })

async function serve<T>(server: Server, action: (port: number) => Promise<T>): Promise<T> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await action((server.address() as AddressInfo).port)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

async function ask(port: number, path: string, method = 'GET', headers: Record<string, string> = {}) {
  const sent = request({ host: '127.0.0.1', port, path, method, headers })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return { status: answer.statusCode, text, headers: answer.headers }
}

const honoServer = (app: Hono) => createAdaptorServer({ fetch: app.fetch }) as Server

describe('Hono on Node', () => {
  test('given an edge on a part of the app when a route outside of it asks that part then the edge sees the inner request', async () => {
    const seen: string[] = []
    const app = new Hono()
    const edge = toHono(keyed(seen))
    app.use('/admin/*', edge)
    app.post('/batch', async c => {
      const inner = await app.request('/admin/x', { method: 'DELETE' }, c.env)
      return c.json([inner.status, inner.headers.get('content-type')])
    })
    app.delete('/admin/x', c => c.text('deleted'))
    const { text, headers } = await serve(honoServer(app), port =>
      ask(port, '/batch', 'POST', { Authorization: 'Bearer outer' }),
    )
    expect(seen).toEqual(['DELETE /admin/x -'])
    expect(JSON.parse(text)[0]).toBe(401)
    expect(headers['content-type']).toMatch(/json/)
  })

  test('given an edge in a mounted app only when requests come then it sees the path that the mounted app routes by', async () => {
    const seen: string[] = []
    const inner = new Hono().use(toHono(keyed(seen))).get('/admin', c => c.text('secret'))
    const app = new Hono()
    app.mount('/inner', inner.fetch)
    const { status } = await serve(honoServer(app), port => ask(port, '/inner/admin'))
    expect([status, seen]).toEqual([401, ['GET /admin -']])
  })

  test('given twenty inner requests at once, three deep, when each has its own credential then each is decided by its own', async () => {
    const app = new Hono()
    const edge = toHono(keyed())
    app.use(edge)
    app.get('/batch/:depth', async c => {
      const depth = Number(c.req.param('depth'))
      if (depth > 0) return app.request(`/batch/${depth - 1}`, { headers: c.req.raw.headers }, c.env)
      const all = Array.from({ length: 20 }, (_, i) =>
        app.request('/admin', { headers: i % 2 === 0 ? { authorization: `Bearer ${i}` } : {} }, c.env),
      )
      const answers = await Promise.all(all)
      return c.json(await Promise.all(answers.map(async one => [one.status, await one.text()])))
    })
    app.get('/admin', c => c.text(edge.context(c).header('authorization') ?? '-'))
    const { text } = await serve(honoServer(app), port =>
      ask(port, '/batch/3', 'GET', { Authorization: 'Bearer outer' }),
    )
    const answers = JSON.parse(text) as [number, string][]
    answers.forEach(([status, body], i) => {
      expect(status).toBe(i % 2 === 0 ? 200 : 401)
      if (i % 2 === 0) expect(body).toBe(`Bearer ${i}`)
    })
    expect(answers).toHaveLength(20)
  })
})

test('given Hono on Node when a handler gives the app the very same request again then the edge counts it again', async () => {
  let left = 2
  const app = new Hono()
  app.use(
    toHono(
      pipeline().use({
        name: 'limit',
        onRequest: () =>
          left-- > 0 ? undefined : new Reply(429, { 'Content-Type': 'text/plain' }, 'slow down'),
      }),
    ),
  )
  app.get('/', c => app.fetch(c.req.raw, c.env))
  const { status, text } = await serve(honoServer(app), port => ask(port, '/'))
  expect([status, text]).toEqual([429, 'slow down'])
})

test('given Fastify with a slow onSend hook when the edge refuses then no later hook and no handler runs', async () => {
  const reached: string[] = []
  const app = Fastify()
  await app.register(toFastify(keyed()))
  app.addHook('onSend', async (_request, _reply, payload) => {
    await new Promise(resolve => setImmediate(resolve))
    return payload
  })
  for (const name of ['preParsing', 'preValidation', 'preHandler'] as const)
    app.addHook(name, async () => void reached.push(name))
  app.get('/admin', async () => {
    reached.push('handler')
    return 'secret'
  })
  await app.ready()
  const answers = await serve(app.server as Server, port =>
    Promise.all(Array.from({ length: 5 }, () => ask(port, '/admin'))),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(401))
  expect(reached).toEqual([])
})

describe('one request of Node, dispatched again', () => {
  test('given Express when a batch dispatches the same target with another credential then each is decided by its own', async () => {
    const seen: string[] = []
    const app = express()
    app.set('env', 'test')
    const edge = toExpress(keyed(seen))
    app.use(edge)
    app.get('/batch', (req, res) => {
      req.url = '/admin'
      const names = ['Bearer ada', undefined, 'Bearer eve']
      const texts: string[] = []
      const next = () => {
        const i = texts.length
        if (i === names.length) {
          Reflect.apply(Object.getPrototypeOf(res).end, res, [texts.join(' ')])
          return
        }
        const name = names[i]
        if (name === undefined) delete req.headers.authorization
        else req.headers.authorization = name
        const inner = new ServerResponse(req)
        inner.end = ((body: string | Buffer) => {
          texts.push(`${inner.statusCode}${inner.statusCode === 200 ? String(body) : ''}`)
          next()
          return inner
        }) as never
        ;(app as unknown as { handle(...args: unknown[]): void }).handle(req, inner)
      }
      next()
    })
    app.get('/admin', (req, res) => {
      res.end(edge.context(req).header('authorization'))
    })
    const { text } = await serve(createServer(app), port => ask(port, '/batch'))
    expect(text).toBe('200Bearer ada 401 200Bearer eve')
  })

  test.each(['express', 'node', 'koa'])(
    'given %s when the credential is taken away between two mounts of an edge then it decides anew',
    async name => {
      const seen: string[] = []
      const drop = (req: IncomingMessage) => {
        delete req.headers.authorization
      }
      const build = () => {
        if (name === 'express') {
          const app = express()
          const edge = toExpress(keyed(seen))
          app.use(edge)
          app.use((req, _res, next) => {
            drop(req)
            next()
          })
          app.get('/admin', edge, (_req, res) => {
            res.end('secret')
          })
          return createServer(app)
        }
        if (name === 'koa') {
          const app = new Koa()
          const edge = toKoa(keyed(seen))
          app.use(edge)
          app.use((ctx, next) => {
            drop(ctx.req)
            return next()
          })
          app.use(edge)
          app.use(ctx => {
            ctx.body = 'secret'
          })
          return createServer(app.callback())
        }
        let isAgain = false
        const edge = toNode(keyed(seen), (req, res) => {
          if (isAgain) return res.end('secret')
          isAgain = true
          drop(req)
          edge(req, res)
          return undefined
        })
        return createServer(edge)
      }
      const { status } = await serve(build(), port =>
        ask(port, '/admin', 'GET', { Authorization: 'Bearer ada' }),
      )
      expect([status, seen]).toEqual([401, ['GET /admin Bearer ada', 'GET /admin -']])
    },
  )

  test('given node when a handler dispatches an object that inherits from the request then it is another request', async () => {
    const seen: string[] = []
    const edge = toNode(keyed(seen), (req, res) => {
      if (req.url === '/admin') {
        res.end('secret')
        return
      }
      edge(Object.create(req, { url: { value: '/admin' }, headers: { value: {} } }), res)
    })
    const { status } = await serve(createServer(edge), port => ask(port, '/batch'))
    expect([status, seen]).toEqual([401, ['GET /batch -', 'GET /admin -']])
  })
})

describe.each(['express', 'node'])('a batch on %s', name => {
  test('given the same inner request many times, each with its own response, when a limit counts then it counts each, and each ends', async () => {
    const ends: (number | undefined)[] = []
    let isOver = () => {}
    const over = new Promise<void>(resolve => {
      isOver = resolve
    })
    let left = 2
    const edge = pipeline().use({
      name: 'limit',
      onRequest: ctx =>
        ctx.path === '/login' && left-- <= 0
          ? ctx.deny({ status: 429, code: 'SLOW', message: 'slow down' })
          : undefined,
      onResponse: (ctx, { status }) => {
        if (ctx.path === '/login') ends.push(status)
        if (ends.length === 5) isOver()
      },
    })
    const batch = async (
      req: IncomingMessage,
      res: ServerResponse,
      again: (inner: ServerResponse) => void,
    ) => {
      const { end } = res
      req.url = '/login'
      const statuses: number[] = []
      for (let i = 0; i < 5; i++) {
        const inner = new ServerResponse(req)
        // Without a socket nothing is ever flushed: no event reports the end.
        const ended = new Promise<void>(resolve => {
          inner.end = ((body: string) => {
            ServerResponse.prototype.end.call(inner, body, 'utf8')
            resolve()
            return inner
          }) as never
        })
        again(inner)
        await ended
        statuses.push(inner.statusCode)
      }
      end.call(res, JSON.stringify(statuses), 'utf8')
    }
    let server: Server
    if (name === 'express') {
      const app = express()
      app.use(toExpress(edge))
      app.get('/batch', (req, res) =>
        batch(req, res, inner => (app as unknown as { handle(...args: unknown[]): void }).handle(req, inner)),
      )
      app.get('/login', (_req, res) => {
        res.end('in')
      })
      server = createServer(app)
    } else {
      const listener = toNode(edge, (req, res) =>
        req.url === '/login' ? res.end('in') : batch(req, res, inner => listener(req, inner)),
      )
      server = createServer(listener)
    }
    const { text } = await serve(server, port => ask(port, '/batch'))
    expect(JSON.parse(text)).toEqual([200, 200, 429, 429, 429])
    await over
    expect(ends).toEqual([200, 200, 429, 429, 429])
  })
})

describe('a credential that is taken away in front of the edge', () => {
  const builds: Record<string, (edge: Pipeline) => Promise<Server> | Server> = {
    express(edge) {
      const app = express()
      app.use((req, _res, next) => {
        delete req.headers.authorization
        next()
      })
      app.use(toExpress(edge)).get('/admin', (_req, res) => {
        res.end('secret')
      })
      return createServer(app)
    },
    koa(edge) {
      const app = new Koa()
      app.use((ctx, next) => {
        delete ctx.request.headers.authorization
        return next()
      })
      app.use(toKoa(edge)).use(ctx => {
        ctx.body = 'secret'
      })
      return createServer(app.callback())
    },
    async fastify(edge) {
      const app = Fastify()
      app.addHook('onRequest', (req, _reply, done) => {
        delete req.headers.authorization
        done()
      })
      await app.register(toFastify(edge))
      app.get('/admin', () => 'secret')
      await app.ready()
      return app.server as Server
    },
    hono(edge) {
      const app = new Hono()
      app.use((c, next) => {
        c.req.raw.headers.delete('authorization')
        return next()
      })
      app.use(toHono(edge))
      app.get('/admin', c => c.text('secret'))
      return honoServer(app)
    },
    node(edge) {
      const listener = toNode(edge, (_req, res) => res.end('secret'))
      return createServer((req, res) => {
        delete req.headers.authorization
        listener(req, res)
      })
    },
  }
  test.each(Object.keys(builds))('on %s is not seen', async name => {
    const server = await (builds[name] as (edge: Pipeline) => Promise<Server>)(keyed())
    const { status } = await serve(server, port => ask(port, '/admin', 'GET', { Authorization: 'Bearer x' }))
    expect(status).toBe(401)
  })
})

describe("Koa's own ways to change a request", () => {
  const changes: Record<string, (ctx: Koa.Context) => void> = {
    'ctx.url': ctx => {
      ctx.url = '/admin?x'
    },
    'ctx.path': ctx => {
      ctx.path = '/admin'
    },
    'ctx.req.url': ctx => {
      ctx.req.url = '/admin'
    },
  }
  test.each(Object.keys(changes))('given %s set in front of a branch then the branch sees it', async name => {
    const root = pipeline().use({ name: 'root', onRequest() {} })
    const seen: string[] = []
    const branch = root.branch().use({
      name: 'b',
      onRequest(ctx: RequestContext) {
        seen.push(`${ctx.method} ${ctx.path}`)
      },
    })
    const app = new Koa()
    app.use(toKoa(root))
    app.use((ctx, next) => {
      ctx.method = 'DELETE'
      ;(changes[name] as (ctx: Koa.Context) => void)(ctx)
      return next()
    })
    app.use(toKoa(branch))
    app.use(
      mount('/admin', ctx => {
        ctx.body = 'ok'
      }),
    )
    await serve(createServer(app.callback()), port => ask(port, '/public/admin'))
    expect(seen).toEqual(['DELETE /admin'])
  })
})
