import { toFastify } from '@palisade/adapters/fastify'
import fastify from 'fastify'
import { boom, credentials, hello, slow } from '../handlers.js'
import { LOOPBACK, type StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = async (protection, { orders, people }, port, host = LOOPBACK) => {
  const edge = toFastify(protection.edge)
  const known = toFastify(protection.known)
  const reads = toFastify(protection.reads)
  const writes = toFastify(protection.writes)
  const admins = toFastify(protection.admins)

  // An id that is too long is one that is not found, as on every other host.
  const app = fastify({ routerOptions: { maxParamLength: 16_384 } })
  await app.register(edge)
  app.setErrorHandler(edge.errorHandler)
  app.setNotFoundHandler(edge.notFoundHandler)
  // Handlers read their bodies through the context, as on every other host.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))

  app.get('/public/hello', request => hello(edge.context(request)))
  app.get('/demo/credentials', request => credentials(edge.context(request), people))
  app.get('/api/orders', { onRequest: reads.onRequest }, request => orders.list(reads.context(request)))
  app.post('/api/orders', { onRequest: writes.onRequest }, async (request, reply) =>
    reply.code(201).send(await orders.create(writes.context(request))),
  )
  app.get<{ Params: { id: string } }>('/api/orders/:id', { onRequest: reads.onRequest }, request =>
    orders.show(reads.context(request), request.params.id),
  )
  app.get('/api/slow', { onRequest: known.onRequest }, request => slow(known.context(request)))
  app.get('/api/boom', { onRequest: known.onRequest }, boom)
  app.get('/admin/reports', { onRequest: admins.onRequest }, request =>
    orders.report(admins.context(request)),
  )

  await app.listen({ port, host })
  return { ...(await listening(app.server)), close: () => app.close() }
}
