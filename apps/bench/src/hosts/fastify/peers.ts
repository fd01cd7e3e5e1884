import { randomUUID } from 'node:crypto'
import fastifyCors from '@fastify/cors'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import { FIT_ID } from '../floor/headers.js'
import { HELMET } from '../helmet-options.js'
import { ORIGINS, PERMISSIONS, type Start, WINDOW_MS } from '../host.js'
import { serve } from './host.js'

export const start: Start = ({ limit }) =>
  serve(
    async app => {
      // What no peer here does: the request id in the answer and `Permissions-Policy`.
      app.addHook('onRequest', (request, reply, done) => {
        reply.header('x-request-id', request.id)
        reply.header('permissions-policy', PERMISSIONS)
        done()
      })
      await app.register(fastifyHelmet, { ...HELMET, global: true })
      await app.register(fastifyCors, { origin: [...ORIGINS], methods: ['GET', 'HEAD', 'POST'] })
      await app.register(fastifyRateLimit, { global: true, max: limit, timeWindow: WINDOW_MS })
    },
    {
      genReqId: ({ headers }) => {
        const sent = headers['x-request-id']
        return typeof sent === 'string' && FIT_ID.test(sent) ? sent : randomUUID()
      },
    },
  )
