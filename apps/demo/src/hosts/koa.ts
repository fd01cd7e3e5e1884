import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import { toKoa } from '@palisade/adapters/koa'
import Koa from 'koa'
import { boom, notJson, slow } from '../orders.js'
import type { StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, orders, port) => {
  const edge = toKoa(protection.edge)
  const app = new Koa()
  app.use(edge).use(edge.errorHandler)

  const api = new Router({ prefix: '/api' })
  api.use(toKoa(protection.api))
  api.use(
    bodyParser({
      enableTypes: ['json'],
      onError: () => {
        throw notJson()
      },
    }),
  )
  api.get('/orders', ctx => {
    ctx.body = orders.list()
  })
  api.get('/orders/:id', ctx => {
    ctx.body = orders.get(ctx.params['id'] ?? '')
  })
  api.post('/orders', ctx => {
    ctx.body = orders.create(ctx.request.body)
    ctx.status = 201
  })
  api.get('/slow', async ctx => {
    ctx.body = await slow(ctx.query['ms'])
  })
  api.get('/boom', boom)

  const open = new Router()
  open.get('/public/hello', ctx => {
    ctx.body = { hello: 'world', request_id: edge.state(ctx).requestId }
  })

  app.use(open.routes()).use(api.routes())
  return listening(app.listen(port))
}
