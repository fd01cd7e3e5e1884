import Router from '@koa/router'
import { toKoa } from '@palisade/adapters/koa'
import Koa from 'koa'
import { boom, credentials, hello, slow } from '../handlers.js'
import { LOOPBACK, type StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, { orders, people }, port, host = LOOPBACK) => {
  const edge = toKoa(protection.edge)
  const known = toKoa(protection.known)
  const reads = toKoa(protection.reads)
  const writes = toKoa(protection.writes)
  const admins = toKoa(protection.admins)

  const app = new Koa()
  app.use(edge).use(edge.errorHandler)

  // A path has one spelling, as on every other host.
  const router = new Router({ sensitive: true, strict: true })
  router.get('/public/hello', ctx => {
    ctx.body = hello(edge.context(ctx))
  })
  router.get('/demo/credentials', async ctx => {
    ctx.body = await credentials(edge.context(ctx), people)
  })
  router.get('/api/orders', reads, async ctx => {
    ctx.body = await orders.list(reads.context(ctx))
  })
  router.post('/api/orders', writes, async ctx => {
    ctx.body = await orders.create(writes.context(ctx))
    ctx.status = 201
  })
  router.get('/api/orders/:id', reads, async ctx => {
    ctx.body = await orders.show(reads.context(ctx), ctx.params['id'] ?? '')
  })
  router.get('/api/slow', known, async ctx => {
    ctx.body = await slow(known.context(ctx))
  })
  router.get('/api/boom', known, boom)
  router.get('/admin/reports', admins, async ctx => {
    ctx.body = await orders.report(admins.context(ctx))
  })

  app.use(router.routes())
  return listening(app.listen(port, host))
}
