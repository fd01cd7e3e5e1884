import type { Server } from 'node:http'
import fastify, { type FastifyInstance, type FastifyServerOptions, type onRequestHookHandler } from 'fastify'
import { BODY, LOOPBACK, PATH } from '../host.js'

/** @param onRequest hooks of the route alone */
export async function serve(
  protect: (app: FastifyInstance) => unknown,
  options: FastifyServerOptions = {},
  onRequest: onRequestHookHandler[] = [],
): Promise<Server> {
  const app = fastify(options)
  await protect(app)
  app.get(PATH, { onRequest }, (_request, reply) => {
    reply.send(BODY)
  })
  await app.listen({ host: LOOPBACK, port: 0 })
  return app.server
}
