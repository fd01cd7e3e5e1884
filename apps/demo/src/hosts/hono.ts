import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { toHono } from '@palisade/adapters/hono'
import { Hono } from 'hono'
import { boom, credentials, hello, slow } from '../handlers.js'
import { LOOPBACK, type StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, { orders, people }, port, host = LOOPBACK) => {
  const edge = toHono(protection.edge)
  const known = toHono(protection.known)
  const reads = toHono(protection.reads)
  const writes = toHono(protection.writes)
  const admins = toHono(protection.admins)

  const app = new Hono()
  app.use(edge)
  app.onError(edge.errorHandler)
  app.notFound(edge.notFoundHandler)

  app.get('/public/hello', c => c.json(hello(edge.context(c))))
  app.get('/demo/credentials', async c => c.json(await credentials(edge.context(c), people)))
  app.get('/api/orders', reads, async c => c.json(await orders.list(reads.context(c))))
  app.post('/api/orders', writes, async c => c.json(await orders.create(writes.context(c)), 201))
  app.get('/api/orders/:id', reads, async c => c.json(await orders.show(reads.context(c), c.req.param('id'))))
  app.get('/api/slow', known, async c => c.json(await slow(known.context(c))))
  app.get('/api/boom', known, boom)
  app.get('/admin/reports', admins, async c => c.json(await orders.report(admins.context(c))))

  const server = serve({ fetch: app.fetch, port, hostname: host }) as Server
  edge.handleUnroutable(server)
  return listening(server)
}
