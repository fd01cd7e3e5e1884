import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { toHono } from '@palisade/adapters/hono'
import { Hono } from 'hono'
import { boom, notJson, slow } from '../orders.js'
import type { StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, orders, port) => {
  const edge = toHono(protection.edge)
  const app = new Hono()
  app.use(edge)
  app.use('/api/*', toHono(protection.api))

  app.get('/public/hello', c => c.json({ hello: 'world', request_id: edge.state(c).requestId }))
  app.get('/api/orders', c => c.json(orders.list()))
  app.get('/api/orders/:id', c => c.json(orders.get(c.req.param('id'))))
  app.post('/api/orders', async c => {
    const input = await c.req.json<unknown>().catch(() => {
      throw notJson()
    })
    return c.json(orders.create(input), 201)
  })
  app.get('/api/slow', async c => c.json(await slow(c.req.query('ms'))))
  app.get('/api/boom', boom)

  app.onError(edge.errorHandler)
  app.notFound(edge.notFoundHandler)
  return listening(serve({ fetch: app.fetch, port }) as Server)
}
