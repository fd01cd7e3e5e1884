import { createServer } from 'node:http'
import { toExpress } from '@palisade/adapters/express'
import express from 'express'
import { boom, slow } from '../orders.js'
import type { StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, orders, port) => {
  const edge = toExpress(protection.edge)
  const app = express()
  app.use(edge)
  app.use('/api', toExpress(protection.api))
  app.use(express.json())

  app.get(
    '/public/hello',
    (req, res) => void res.json({ hello: 'world', request_id: edge.state(req).requestId }),
  )
  app.get('/api/orders', (_req, res) => void res.json(orders.list()))
  app.get('/api/orders/:id', (req, res) => void res.json(orders.get(req.params.id)))
  app.post('/api/orders', (req, res) => void res.status(201).json(orders.create(req.body)))
  app.get('/api/slow', async (req, res) => void res.json(await slow(req.query['ms'])))
  app.get('/api/boom', boom)

  app.use(edge.notFoundHandler, edge.errorHandler)
  return listening(createServer(app).listen(port))
}
