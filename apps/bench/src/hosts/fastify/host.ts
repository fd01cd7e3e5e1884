import type { Server } from 'node:http'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { BODY, LOOPBACK, PATH } from '../host.js'

export async function serve(
  protect: (app: FastifyInstance) => unknown,
  options: FastifyServerOptions = {},
): Promise<Server> {
  const app = fastify(options)
  await protect(app)
  app.get(PATH, (_request, reply) => {
    reply.send(BODY)
  })
  await app.listen({ host: LOOPBACK, port: 0 })
  return app.server
}
