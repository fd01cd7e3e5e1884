import { toFastify } from '@palisade/adapters/fastify'
import fastify from 'fastify'
import { boom, slow } from '../orders.js'
import type { StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = async (protection, orders, port) => {
  const edge = toFastify(protection.edge)
  const app = fastify()
  await app.register(edge)
  app.setErrorHandler(edge.errorHandler)
  app.setNotFoundHandler(edge.notFoundHandler)

  app.get('/public/hello', request => ({ hello: 'world', request_id: edge.state(request).requestId }))
  await app.register(
    async api => {
      await api.register(toFastify(protection.api))
      api.get('/orders', () => orders.list())
      api.get<{ Params: { id: string } }>('/orders/:id', request => orders.get(request.params.id))
      api.post('/orders', (request, reply) => reply.code(201).send(orders.create(request.body)))
      api.get<{ Querystring: { ms?: string } }>('/slow', request => slow(request.query.ms))
      api.get('/boom', boom)
    },
    { prefix: '/api' },
  )

  await app.listen({ port, host: '::' })
  return { ...(await listening(app.server)), close: () => app.close() }
}
