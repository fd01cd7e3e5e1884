/** One run of a pipeline for each dispatch, in the ways in which each host dispatches. */
import { once } from 'node:events'
import { createServer, IncomingMessage, request, type Server, ServerResponse } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toNode } from '@palisade/adapters/node'
import { type Pipeline, pipeline, type RequestContext, requestId } from '@palisade/core'
import { rateLimit } from '@palisade/ratelimit'
import express from 'express'
import Fastify from 'fastify'
import { type Context, Hono } from 'hono'
import { methodOverride } from 'hono/method-override'
import { expect, test } from 'vitest'
import { Probe } from './conformance/probe.js'

/** Refuses what is below `/admin` without `x-key`. */
const keyed = (probe: Probe): Pipeline =>
  probe.pipeline().use(
    probe.middleware('edge', {
      onRequest: ctx =>
        ctx.path.startsWith('/admin') && ctx.header('x-key') === undefined
          ? ctx.deny({ status: 401, code: 'NO', message: 'no key' })
          : undefined,
    }),
  )

const paths = (seen: string[]) => ({
  name: 'paths',
  onRequest(ctx: RequestContext) {
    seen.push(`${ctx.method} ${ctx.url}`)
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

interface Asked {
  method?: string
  headers?: Record<string, string>
  body?: string
}

async function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Asked = {}) {
  const sent = request({ host: '127.0.0.1', port, path, method, headers })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return { status: answer.statusCode, text, headers: answer.headers }
}

test('given Hono on Node when a handler asks the app with c.env then headers of the inner answer are not on the outer one', async () => {
  let count = 0
  const app = new Hono()
  const edge = toHono(
    pipeline().use({
      name: 'count',
      onRequest: ctx => {
        ctx.setHeader(`X-Run-${++count}`, ctx.path)
        ctx.appendHeader('Set-Cookie', `run=${count}`)
      },
    }),
  )
  app.use(edge)
  app.get('/batch', async c => {
    const inner = await app.request('/inner', {}, c.env)
    const outer = edge.context((c.env as { incoming: IncomingMessage }).incoming)
    return c.json([inner.headers.get('x-run-2'), await inner.text(), edge.context(c).path, outer.path])
  })
  app.get('/inner', c => c.text(edge.context(c).path))
  const { text, headers } = await serve(createAdaptorServer({ fetch: app.fetch }) as Server, port =>
    ask(port, '/batch'),
  )
  expect(JSON.parse(text)).toEqual(['/inner', '/inner', '/batch', '/batch'])
  expect(headers).toMatchObject({ 'x-run-1': '/batch', 'set-cookie': ['run=1'] })
  expect(headers).not.toHaveProperty('x-run-2')
})

test('given Hono on Node when a handler does not read an inner answer then the inner request ends all the same', async () => {
  const probe = new Probe()
  const app = new Hono()
  app.use(toHono(keyed(probe)))
  app.get('/batch', async c => c.text(String((await app.request('/inner', {}, c.env)).status)))
  app.get('/inner', c => c.text('never read'))
  const { text } = await serve(createAdaptorServer({ fetch: app.fetch }) as Server, async port => {
    const answer = await ask(port, '/batch')
    await probe.settled()
    return answer
  })
  expect(text).toBe('200')
  expect(probe.trace).toEqual(['edge>', 'edge>', '<edge', '<edge'])
})

test('given Hono on Node when an inner request has forwarding headers then its client is that of the outer one', async () => {
  const app = new Hono()
  const edge = toHono(pipeline({ trust: (await import('@palisade/core')).trustedHops(1) }).use(paths([])))
  app.use(edge)
  app.get('/batch', c => app.request('/ip', { headers: { 'x-forwarded-for': '198.51.100.66' } }, c.env))
  app.get('/ip', c => c.text(edge.context(c).client.ip ?? 'none'))
  const { text } = await serve(createAdaptorServer({ fetch: app.fetch }) as Server, port =>
    ask(port, '/batch', { headers: { 'X-Forwarded-For': '203.0.113.7' } }),
  )
  expect(text).toBe('203.0.113.7')
})

test("given Hono's method-override behind the edge when it changes the method then edge and branch see the new one", async () => {
  const seen: string[] = []
  const root = pipeline().use(paths([]))
  const app = new Hono()
  app.use(toHono(root))
  app.use(methodOverride({ app, header: 'x-method' }))
  const branch = toHono(root.branch().use(paths(seen)))
  app.post('/a', branch, c => c.text('post'))
  app.delete('/a', branch, c => c.text('delete'))
  const { text } = await serve(createAdaptorServer({ fetch: app.fetch }) as Server, port =>
    ask(port, '/a', { method: 'POST', headers: { 'X-Method': 'DELETE' } }),
  )
  expect([text, seen]).toEqual(['delete', ['DELETE /a']])
})

test('given Hono with app.route() and app.mount() when requests come then each dispatch passes the edge once', async () => {
  const probe = new Probe()
  const edge = toHono(keyed(probe))
  const routed = new Hono().use(edge).get('/x', c => c.text('routed'))
  const mounted = new Hono().use(edge).get('/admin', c => c.text('mounted'))
  const app = new Hono()
  app.use(edge)
  app.route('/routed', routed)
  app.mount('/mounted', mounted.fetch)
  const answers = await serve(createAdaptorServer({ fetch: app.fetch }) as Server, async port => {
    const first = await ask(port, '/routed/x')
    const runs = probe.trace.length
    return [first.text, runs, (await ask(port, '/mounted/admin')).status]
  })
  expect(answers).toEqual(['routed', 2, 401])
})

test('given Hono when a middleware puts another request in place of the first then a branch sees its headers', async () => {
  const seen: (string | undefined)[] = []
  const root = pipeline().use(paths([]))
  const branch = root.branch().use({
    name: 'b',
    onRequest(ctx) {
      seen.push(ctx.header('authorization'), ctx.header('x-old'))
    },
  })
  const app = new Hono()
  app.use(toHono(root))
  app.use('/replaced', (c, next) => {
    c.req.raw = new Request(c.req.raw, { headers: { Authorization: 'new' } })
    return next()
  })
  app.use('/changed', (c, next) => {
    c.req.raw.headers.set('Authorization', 'changed')
    return next()
  })
  for (const path of ['/replaced', '/changed', '/plain'])
    app.get(path, toHono(branch), (c: Context) => c.text(c.req.header('authorization') ?? 'none'))
  const texts = await serve(createAdaptorServer({ fetch: app.fetch }) as Server, async port => {
    const of = async (path: string) =>
      (await ask(port, path, { headers: { Authorization: 'old', 'X-Old': 'yes' } })).text
    return [await of('/replaced'), await of('/changed'), await of('/plain')]
  })
  expect(texts).toEqual(['new', 'changed', 'old'])
  expect(seen).toEqual(['new', undefined, 'changed', 'yes', 'old', 'yes'])
})

test('given mounts and rewrites of Express when a branch runs then it sees the whole path of its route', async () => {
  const seen: string[] = []
  const root = pipeline().use(paths([]))
  const branch = toExpress(root.branch().use(paths(seen)))
  const app = express()
  app.use(toExpress(root))
  app.use((req, _res, next) => {
    if (req.url.startsWith('/en/')) req.url = req.url.slice(3)
    next()
  })
  const inner = express.Router()
  inner.use((req, _res, next) => {
    if (req.url === '/moved') req.url = '/secret?moved'
    next()
  })
  inner.use(branch, (_req, res) => {
    res.send('ok')
  })
  const sub = express()
  sub.use('/v1', inner)
  app.use('/api', sub)
  await serve(createServer(app), async port => {
    for (const path of ['/api/v1/a?q', '/en/api/v1/b', '/api/v1/moved', '/api/v1', '/api/v1?x', '/api/v1/'])
      await ask(port, path)
    await ask(port, 'http://other.example/api/v1/c')
  })
  expect(seen).toEqual([
    'GET /api/v1/a?q',
    'GET /api/v1/b',
    'GET /api/v1/secret?moved',
    'GET /api/v1',
    'GET /api/v1?x',
    'GET /api/v1/',
    'GET http://other.example/api/v1/c',
  ])
})

test('given a branch that was passed when the method changes behind it then the next mount of it decides anew', async () => {
  const seen: string[] = []
  const root = pipeline().use(paths([]))
  const branch = toExpress(root.branch().use(paths(seen)))
  const app = express()
  app.use(toExpress(root))
  app.post('/a', branch, (req, _res, next) => {
    req.method = 'DELETE'
    next()
  })
  app.delete('/a', branch, (_req, res) => {
    res.send('deleted')
  })
  const { text } = await serve(createServer(app), port => ask(port, '/a', { method: 'POST' }))
  expect([text, seen]).toEqual(['deleted', ['POST /a', 'DELETE /a']])
})

test('given rewriteUrl of Fastify when a target is long, absolute or malformed then the rewritten path decides, once', async () => {
  const probe = new Probe()
  const long = 'x'.repeat(200)
  const app = Fastify({
    rewriteUrl: req => ((req.url ?? '').includes('hide') ? '/admin' : (req.url ?? '/')),
  })
  await app.register(toFastify(keyed(probe)))
  app.get('/admin', () => 'admin')
  await app.ready()
  const statuses = await serve(app.server as Server, async port => {
    const all: unknown[] = []
    for (const path of [`/hide/${long}`, 'http://other.example/hide', '/hide/%zz', `/${long}`])
      all.push((await ask(port, path)).status)
    all.push((await ask(port, `/hide/${long}`, { headers: { 'X-Key': '1' } })).text)
    return all
  })
  await app.close()
  expect(statuses).toEqual([401, 401, 401, 404, 'admin'])
  expect(probe.trace.filter(one => one === 'edge>')).toHaveLength(5)
})

test.each([
  ['a malformed path', '/a/%zz', 400],
  ['an over-long parameter', `/a/${'x'.repeat(200)}`, 414],
  ['no path', 'nopath', 400],
  ['nothing', '', 400],
])(
  'given rewriteUrl of Fastify that makes %s of a target when a client floods then it is refused as elsewhere',
  async (_, made, own) => {
    const app = Fastify({
      rewriteUrl(req) {
        const { url = '/' } = req
        // Some rewrites set the request's own field, too.
        if (url.startsWith('/p?u=')) req.url = decodeURIComponent(url.slice(5))
        return req.url ?? '/'
      },
    })
    const ids: unknown[] = []
    const edge = pipeline()
      .use(requestId())
      .use(rateLimit({ limit: 3, window: '1m' }))
    await app.register(toFastify(edge))
    app.get('/a/:b', () => 'a')
    await app.ready()
    const statuses = await serve(app.server as Server, async port => {
      const all: unknown[] = []
      for (let i = 0; i < 5; i++) {
        const { status, headers } = await ask(port, `/p?u=${encodeURIComponent(made)}`)
        all.push(status)
        ids.push(headers['x-request-id'])
      }
      return all
    })
    await app.close()
    expect(statuses).toEqual([own, own, own, 429, 429])
    expect(ids).toEqual(ids.map(() => expect.any(String)))
  },
)

test('given a gateway that makes requests without raw lines when a credential comes then it is read', () => {
  const seen: unknown[] = []
  const listener = toNode(
    pipeline().use({
      name: 'a',
      onRequest(ctx) {
        seen.push(ctx.header('authorization'))
      },
    }),
    () => {},
  )
  const req = new IncomingMessage(new Socket())
  req.method = 'GET'
  req.url = '/'
  Object.assign(req.headers, { authorization: 'Bearer abc' })
  listener(req, new ServerResponse(req))
  expect(seen).toEqual(['Bearer abc'])
})
