import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import Router from '@koa/router'
import { toExpress } from '@palisade/adapters/express'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { type Outcome, pipeline } from '@palisade/core'
import express from 'express'
import { Hono } from 'hono'
import Koa from 'koa'
import mount from 'koa-mount'
import { afterEach, describe, expect, it } from 'vitest'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A pipeline that keeps how each request ended, and a branch that refuses. */
function scene() {
  const outcomes: Outcome[] = []
  const waiting: (() => void)[] = []
  const edge = pipeline({ production: true }).use({
    name: 'a',
    onResponse(_ctx, outcome) {
      outcomes.push(outcome)
      for (const wake of waiting.splice(0)) wake()
    },
  })
  const closed = edge.branch().use({
    name: 'closed',
    onRequest: ctx => ctx.deny({ status: 403, code: 'CLOSED', message: 'closed' }),
  })
  const next = () => new Promise<void>(resolve => waiting.push(resolve))
  return { edge, closed, outcomes, next }
}

/** The route of each request to a listener of Node. */
async function routesOn(
  listener: RequestListener,
  { outcomes, next }: ReturnType<typeof scene>,
  ...paths: string[]
) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  open.push(() => server.close())
  await once(server, 'listening')
  for (const path of paths) {
    const ended = next()
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
    await response.text()
    await ended
  }
  return outcomes.map(({ route }) => route)
}

describe('Koa', () => {
  const answer = (ctx: Koa.Context) => {
    ctx.body = 'ok'
  }

  it('given koa-mount, one in another too, then the template has the prefixes', async () => {
    const here = scene()
    const router = new Router().get('/items/:id', answer).get('/', answer).get('/files/{*rest}', answer)
    const inner = new Koa().use(mount('/v1', new Koa().use(router.routes())))
    const app = new Koa().use(toKoa(here.edge)).use(mount('/api', inner))
    const paths = ['/api/v1/items/7', '/api/v1', '/api/v1/files/a/b?x=1', '/api/v1/none', '/none']
    expect(await routesOn(app.callback(), here, ...paths)).toEqual([
      '/api/v1/items/:id',
      '/api/v1',
      '/api/v1/files/{*rest}',
      undefined,
      undefined,
    ])
  })

  it('given a mount that a request has left again, then the template is of the route behind it', async () => {
    const here = scene()
    const router = new Router().get('/api/:id', answer)
    const app = new Koa()
      .use(toKoa(here.edge))
      .use(
        mount(
          '/api',
          new Koa().use((_ctx, next) => next()),
        ),
      )
      .use(router.routes())
    expect(await routesOn(app.callback(), here, '/api/7')).toEqual(['/api/:id'])
  })

  it('given something without a router in a mount, then the mount is the label', async () => {
    const here = scene()
    const app = new Koa()
      .use(toKoa(here.edge))
      .use(mount('/files', mount('/static/', new Koa().use(answer)) as never))
    expect(await routesOn(app.callback(), here, '/files/static/a.js', '/files/other')).toEqual([
      '/files/static',
      undefined,
    ])
  })

  it.each(['/v1', '/v:version'])(
    'given a router with the prefix %s, also on refusals, then it is in the template',
    async prefix => {
      const here = scene()
      const router = new Router({ prefix })
      router.use('/closed', toKoa(here.closed))
      router.get('/closed/:id', answer).get('/items/:id', answer)
      const app = new Koa().use(toKoa(here.edge)).use(router.routes())
      expect(await routesOn(app.callback(), here, '/v1/items/7', '/v1/closed/7')).toEqual([
        `${prefix}/items/:id`,
        `${prefix}/closed/:id`,
      ])
    },
  )

  it('given a route by a regular expression, also on refusals, then its text is the label', async () => {
    const here = scene()
    const router = new Router()
    router.get(/^\/v\d+\/items/, answer)
    router.get(/^\/closed\/.*/, toKoa(here.closed), answer)
    const app = new Koa().use(toKoa(here.edge)).use(router.routes())
    expect(await routesOn(app.callback(), here, '/v1/items/7', '/v2/items/8', '/closed/9')).toEqual([
      String(/^\/v\d+\/items/),
      String(/^\/v\d+\/items/),
      String(/^\/closed\/.*/),
    ])
  })
})

describe('Express', () => {
  const answer: express.RequestHandler = (_req, res) => void res.end('ok')

  it('given handlers behind app.use, then the mount path is the label, and never a path of a client', async () => {
    const here = scene()
    const app = express()
    app.use(toExpress(here.edge))
    app.use('/graphql', answer)
    app.use('/t/:tenant/files', answer)
    app.use('/api', express.Router().use('/proxy', answer).get('/users/:id', answer))
    app.use('/admin', toExpress(here.closed))
    app.use('/sub', express().use('/deep', answer))
    app.use('/static', express.static('/nowhere'))
    const paths = [
      '/graphql',
      '/GraphQL/x?y=1',
      '/t/a/files/1',
      '/t/b/files/2',
      '/api/proxy/a/b',
      '/api/users/7',
    ]
    expect(
      await routesOn(app, here, ...paths, '/admin/7', '/sub/deep/x', '/static/none', '/none', '/api/none'),
    ).toEqual([
      '/graphql',
      '/graphql',
      '/t/:tenant/files',
      '/t/:tenant/files',
      '/api/proxy',
      '/api/users/:id',
      '/admin',
      '/sub/deep',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('given a sub-app inside a router, then the template has the prefixes', async () => {
    const here = scene()
    const app = express()
    app.use(toExpress(here.edge))
    const inner = express().get('/items/:id', answer).use('/files', answer)
    app.use('/api', express.Router().use('/inner', inner))
    expect(await routesOn(app, here, '/api/inner/items/7', '/api/inner/files/x')).toEqual([
      '/api/inner/items/:id',
      '/api/inner/files',
    ])
  })
})

describe.each(['a server of Node', 'fetch'])('Hono on %s', kind => {
  async function routesOf(fill: (app: Hono, here: ReturnType<typeof scene>) => void, ...paths: string[]) {
    const here = scene()
    const app = new Hono()
    app.use(toHono(here.edge, { peer: () => '127.0.0.1' }))
    fill(app, here)
    if (kind !== 'fetch') return routesOn(getRequestListener(app.fetch), here, ...paths)
    for (const path of paths) {
      const ended = here.next()
      await (await app.request(path)).text()
      await ended
    }
    return here.outcomes.map(({ route }) => route)
  }

  it('given app.mount(), then the mount path is the label', async () => {
    const fill = (app: Hono) => {
      app.mount('/other', () => new Response('ok'))
      app.mount('/gone', () => new Response('no', { status: 404 }))
    }
    expect(await routesOf(fill, '/other/a/b', '/other', '/gone/a', '/none')).toEqual([
      '/other',
      '/other',
      undefined,
      undefined,
    ])
  })

  it('given handlers with two parameters, then their path is the label', async () => {
    const fill = (app: Hono) => {
      app.get('/a/:id', (c, _next) => Promise.resolve(c.text('ok')))
      app.all('/b/:id', (c, _next) => Promise.resolve(c.text('ok')))
      app.use('/static/*', (c, _next) => Promise.resolve(c.text('ok')))
      app.basePath('/v1').use('/c/*', (c, _next) => Promise.resolve(c.text('ok')))
    }
    expect(await routesOf(fill, '/a/1', '/b/1', '/static/x.js', '/v1/c/1', '/none')).toEqual([
      '/a/:id',
      '/b/:id',
      '/static',
      '/v1/c',
      undefined,
    ])
  })

  it('given a handler for everything, then it is no label', async () => {
    const fill = (app: Hono) => app.use('*', (c, _next) => Promise.resolve(c.text('ok')))
    expect(await routesOf(fill, '/a')).toEqual([undefined])
  })

  it('given middleware that passes everything on, then it is no label', async () => {
    const fill = (app: Hono) => app.use('/api/*', (_c, next) => next())
    expect(await routesOf(fill, '/api/none', '/none')).toEqual([undefined, undefined])
  })

  it('given a branch that refuses, then the label is the route, or the path of the branch', async () => {
    const fill = (app: Hono, { closed }: ReturnType<typeof scene>) => {
      app.use('/admin/*', toHono(closed, { peer: () => '127.0.0.1' }))
      app.get('/admin/users/:id', c => c.text('ok'))
    }
    expect(await routesOf(fill, '/admin/users/1', '/admin/none')).toEqual(['/admin/users/:id', '/admin'])
  })
})
