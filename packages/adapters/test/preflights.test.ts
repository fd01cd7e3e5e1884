import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Router from '@koa/router'
import { toFastify } from '@palisade/adapters/fastify'
import { toKoa } from '@palisade/adapters/koa'
import { cors, type Pipeline, pipeline } from '@palisade/core'
import Fastify, { type FastifyInstance } from 'fastify'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'

const APP = 'https://app.example.com'
const PREFLIGHT = { origin: APP, 'access-control-request-method': 'PUT' }
const silent = { debug() {}, info() {}, warn() {}, error() {} }

const edgeOf = () => pipeline({ logger: silent })
const open = (edge: Pipeline) => toFastify(edge.branch().use(cors({ origin: APP, methods: ['PUT'] })))

type Setup = (scope: FastifyInstance, branch: ReturnType<typeof open>) => unknown

async function start(inScope: Setup, prefix = '/api'): Promise<FastifyInstance> {
  const edge = edgeOf()
  const branch = open(edge)
  const app = Fastify()
  await app.register(toFastify(edge))
  app.get('/outside', () => 'ok')
  app.register(async scope => void (await inScope(scope, branch)), { prefix })
  await app.ready()
  return app
}

const options = (app: FastifyInstance, url: string, headers: Record<string, string> = PREFLIGHT) =>
  app.inject({ method: 'OPTIONS', url, headers })

describe('preflights behind a branch with cors', () => {
  it.each<[string, Setup]>([
    [
      'registered and awaited in the scope',
      async (scope, branch) => {
        await scope.register(branch)
        scope.put('/orders/:id', () => 'ok')
      },
    ],
    [
      'registered in the scope',
      (scope, branch) => {
        scope.register(branch)
        scope.put('/orders/:id', () => 'ok')
      },
    ],
    [
      'registered behind the routes',
      (scope, branch) => {
        scope.put('/orders/:id', () => 'ok')
        scope.register(branch)
      },
    ],
    [
      'a hook of the scope',
      (scope, branch) => {
        scope.addHook('onRequest', branch.onRequest)
        scope.put('/orders/:id', () => 'ok')
      },
    ],
    [
      'a hook of the scope behind the routes',
      (scope, branch) => {
        scope.put('/orders/:id', () => 'ok')
        scope.addHook('onRequest', branch.onRequest)
      },
    ],
    [
      'a hook of the scope around',
      (scope, branch) => {
        scope.addHook('onRequest', branch.onRequest)
        scope.register(async inner => void inner.put('/:id', () => 'ok'), { prefix: '/orders' })
      },
    ],
    [
      'a hook of the route',
      (scope, branch) => scope.put('/orders/:id', { onRequest: branch.onRequest }, () => 'ok'),
    ],
    [
      'one of the hooks of the route',
      (scope, branch) =>
        scope.put('/orders/:id', { onRequest: [(_q, _r, done) => done(), branch.onRequest] }, () => 'ok'),
    ],
    [
      'a hook of the scope with several methods and versions',
      (scope, branch) => {
        scope.addHook('onRequest', branch.onRequest)
        scope.route({ method: ['PUT', 'DELETE'], url: '/orders/:id', handler: () => 'ok' })
        scope.get('/orders/:id', { constraints: { version: '1.0.0' } }, () => 'ok')
        scope.get('/orders/:id', { constraints: { version: '2.0.0' } }, () => 'ok')
      },
    ],
  ])(
    'given it is %s, when a preflight comes, then it is answered, and no other OPTIONS is',
    async (_, setup) => {
      const app = await start(setup)
      const answer = await options(app, '/api/orders/7')
      expect(answer.statusCode).toBe(204)
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': APP,
        'access-control-allow-methods': 'PUT',
      })
      expect((await options(app, '/api/orders/7', {})).statusCode).toBe(404)
      expect((await options(app, '/api/nothing')).statusCode).toBe(404)
      expect((await options(app, '/outside')).statusCode).toBe(404)
      const put = await app.inject({ method: 'PUT', url: '/api/orders/7', headers: { origin: APP } })
      expect([put.statusCode, put.headers['access-control-allow-origin']]).toEqual([200, APP])
      await app.close()
    },
  )

  it('given a pipeline of its own in a scope, when a preflight comes, then it is answered', async () => {
    const app = Fastify()
    app.register(
      async scope => {
        await scope.register(toFastify(edgeOf().use(cors({ origin: APP }))))
        scope.put('/orders/:id', () => 'ok')
      },
      { prefix: '/api' },
    )
    expect((await options(app, '/api/orders/7')).statusCode).toBe(204)
    expect((await options(app, '/api/orders/7', {})).statusCode).toBe(404)
    await app.close()
  })

  it('given the index route of a scope, when a preflight comes, then it is answered with and without slash', async () => {
    const app = await start((scope, branch) => {
      scope.addHook('onRequest', branch.onRequest)
      scope.get('/', () => 'ok')
    })
    for (const url of ['/api', '/api/']) expect((await options(app, url)).statusCode).toBe(204)
    await app.close()
  })

  it('given routes that have OPTIONS themselves, when OPTIONS comes, then theirs answers what is no preflight', async () => {
    const app = await start((scope, branch) => {
      scope.addHook('onRequest', branch.onRequest)
      scope.get('/a', () => 'ok')
      scope.options('/a', () => 'own')
      scope.route({ method: ['GET', 'OPTIONS'], url: '/b', handler: () => 'own' })
      scope.options('/*', () => 'own')
    })
    for (const url of ['/api/a', '/api/b', '/api/c']) {
      expect((await options(app, url)).statusCode).toBe(204)
      expect((await options(app, url, {})).body).toBe('own')
    }
    await app.close()
  })

  it('given routes beside the branch, when a preflight comes, then hooks of their scopes do not see it', async () => {
    let seen = 0
    const app = await start((scope, branch) => {
      scope.register(async inner => {
        inner.addHook('onRequest', branch.onRequest)
        inner.get('/open', () => 'ok')
      })
      scope.register(async inner => {
        inner.addHook('onRequest', async () => void seen++)
        inner.get('/closed', () => 'ok')
      })
    })
    expect((await options(app, '/api/open')).statusCode).toBe(204)
    expect((await options(app, '/api/closed')).statusCode).toBe(404)
    expect(seen).toBe(0)
    await app.close()
  })
})

describe('a Koa router', () => {
  it('given an OPTIONS route with the branch, when a preflight comes, then it is answered', async () => {
    const edge = edgeOf()
    const branch = toKoa(edge.branch().use(cors({ origin: APP, methods: ['PUT'] })))
    const router = new Router({ prefix: '/api' })
    router.use(branch)
    router.options('/{*path}', branch)
    router.put('/orders/:id', ctx => {
      ctx.body = 'ok'
    })
    const app = new Koa().use(toKoa(edge)).use(router.routes())
    const server = createServer(app.callback()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const url = `http://127.0.0.1:${port}/api/orders/7`
    const answer = await fetch(url, { method: 'OPTIONS', headers: { ...PREFLIGHT, Origin: APP } })
    expect(answer.status).toBe(204)
    expect((await fetch(url, { method: 'PUT', headers: { Origin: APP } })).status).toBe(200)
    server.closeAllConnections()
    server.close()
  })
})
