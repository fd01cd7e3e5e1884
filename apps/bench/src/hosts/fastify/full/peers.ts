import { randomUUID } from 'node:crypto'
import fastifyCors from '@fastify/cors'
import fastifyHelmet from '@fastify/helmet'
import fastifyJwt from '@fastify/jwt'
import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyMetrics from 'fastify-metrics'
import { epochMs } from '../../../clock.js'
import { Bans } from '../../floor/bans.js'
import { FIT_ID } from '../../floor/headers.js'
import { clientKey } from '../../floor/windows.js'
import { HELMET } from '../../helmet-options.js'
import {
  AUDIENCE,
  DURATIONS,
  ISSUER,
  ORIGINS,
  PERMISSIONS,
  SCOPE,
  type Start,
  WINDOW_MS,
} from '../../host.js'
import { serve } from '../host.js'

export const start: Start = ({ limit, publicKey }) => {
  const bans = new Bans()
  return serve(
    async app => {
      await app.register(fastifyMetrics, {
        clearRegisterOnInit: true,
        defaultMetrics: { enabled: false },
        routeMetrics: {
          // By default it counts every request a second time, in a summary.
          enabled: { histogram: true, summary: false },
          methodBlacklist: [],
          registeredRoutesOnly: false,
          overrides: { histogram: { buckets: [...DURATIONS] } },
        },
      })
      // What no peer here does: the request id in the answer, `Permissions-Policy` and bans.
      app.addHook('onRequest', (request, reply, done) => {
        reply.header('x-request-id', request.id)
        reply.header('permissions-policy', PERMISSIONS)
        done()
      })
      await app.register(fastifyHelmet, { ...HELMET, global: true })
      await app.register(fastifyCors, { origin: [...ORIGINS], methods: ['GET', 'HEAD', 'POST'] })
      app.addHook('onRequest', (request, reply, done) => {
        if (!bans.has(clientKey(request.ip), epochMs())) return done()
        reply.code(403).send({ error: 'Access denied' })
      })
      await app.register(fastifyRateLimit, { global: true, max: limit, timeWindow: WINDOW_MS })
      await app.register(fastifyJwt, {
        secret: { public: publicKey },
        verify: {
          algorithms: ['RS256'],
          allowedIss: ISSUER,
          allowedAud: AUDIENCE,
          cache: 10_000,
          // The default hashes each token; its documentation names this as the fast way.
          cacheKeyBuilder: token => token,
        },
      })
      app.setErrorHandler((error: { statusCode?: number; code?: string }, request, reply) => {
        if (error.code?.endsWith('TOKEN_INVALID') === true) bans.strike(clientKey(request.ip), epochMs())
        reply.code(error.statusCode ?? 500).send(error)
      })
    },
    {
      genReqId: ({ headers }) => {
        const sent = headers['x-request-id']
        return typeof sent === 'string' && FIT_ID.test(sent) ? sent : randomUUID()
      },
    },
    [authenticated, scoped],
  )
}

/**
 * Without an argument: with a callback alone it makes a new verifier, with an empty cache, at each
 * request.
 */
function authenticated(request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
  request.jwtVerify().then(() => done(), done)
}

function scoped(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { scope } = request.user as { scope?: string }
  if (scope?.split(' ').includes(SCOPE) === true) done()
  else reply.code(403).send({ error: 'The credential lacks a required scope' })
}
