import { createServer } from 'node:http'
import { toExpress } from '@palisade/adapters/express'
import express from 'express'
import { boom, credentials, hello, slow } from '../handlers.js'
import { LOOPBACK, type StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, { orders, people }, port, host = LOOPBACK) => {
  const edge = toExpress(protection.edge)
  const known = toExpress(protection.known)
  const reads = toExpress(protection.reads)
  const writes = toExpress(protection.writes)
  const admins = toExpress(protection.admins)

  const app = express()
  // A path has one spelling, as on every other host.
  app.enable('case sensitive routing').enable('strict routing')
  app.use(edge)

  app.get('/public/hello', (req, res) => void res.json(hello(edge.context(req))))
  app.get('/demo/credentials', async (req, res) => {
    res.json(await credentials(edge.context(req), people))
  })
  app.get('/api/orders', reads, async (req, res) => {
    res.json(await orders.list(reads.context(req)))
  })
  app.post('/api/orders', writes, async (req, res) => {
    res.status(201).json(await orders.create(writes.context(req)))
  })
  app.get('/api/orders/:id', reads, async (req, res) => {
    res.json(await orders.show(reads.context(req), String(req.params['id'])))
  })
  app.get('/api/slow', known, async (req, res) => {
    res.json(await slow(known.context(req)))
  })
  app.get('/api/boom', known, boom)
  app.get('/admin/reports', admins, async (req, res) => {
    res.json(await orders.report(admins.context(req)))
  })

  app.use(edge.notFoundHandler, edge.errorHandler)
  const server = createServer(app)
  edge.handleUnroutable(server)
  return listening(server.listen(port, host))
}
