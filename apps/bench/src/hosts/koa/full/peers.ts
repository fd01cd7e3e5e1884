import { createPublicKey } from 'node:crypto'
import cors from '@koa/cors'
import type { Context, Middleware } from 'koa'
import helmet from 'koa-helmet'
import jwt from 'koa-jwt'
import ratelimit from 'koa-ratelimit'
import { Histogram, Registry } from 'prom-client'
import { epochMs, monotonicMs } from '../../../clock.js'
import { Bans } from '../../floor/bans.js'
import { clientKey } from '../../floor/windows.js'
import { HELMET } from '../../helmet-options.js'
import { AUDIENCE, DURATIONS, ISSUER, METRICS_PATH, SCOPE, type Start, WINDOW_MS } from '../../host.js'
import { serve } from '../host.js'
import { allowed, own } from '../peers.js'

/** A histogram counts too: a counter beside it would be the same work twice. */
function measured(): Middleware {
  const register = new Registry()
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [...DURATIONS],
    registers: [register],
  })
  return async (ctx, next) => {
    if (ctx.path === METRICS_PATH) {
      ctx.body = await register.metrics()
      return
    }
    const startedAt = monotonicMs()
    let { status } = ctx
    try {
      await next()
      status = ctx.status
    } catch (error) {
      status = (error as { status?: number }).status ?? 500
      throw error
    } finally {
      const route: string = ctx['_matchedRoute'] ?? '_unmatched'
      durations.observe({ method: ctx.method, route, status }, (monotonicMs() - startedAt) / 1000)
    }
  }
}

/** No package of this host bans; by hand, as in the floor. */
const unlessBanned =
  (bans: Bans): Middleware =>
  (ctx, next) => {
    if (!bans.has(clientKey(ctx.ip), epochMs())) return next()
    ctx.status = 403
    ctx.body = { error: 'Access denied' }
    return Promise.resolve()
  }

const scoped: Middleware = (ctx, next) => {
  const { scope } = ctx.state['user'] as { scope?: string }
  if (scope?.split(' ').includes(SCOPE) === true) return next()
  ctx.status = 403
  ctx.body = { error: 'The credential lacks a required scope' }
  return Promise.resolve()
}

export const start: Start = ({ limit, publicKey }) => {
  const bans = new Bans()
  return serve(app => {
    app.on('error', (error: { status?: number; originalError?: { name?: string } }, ctx: Context) => {
      const isWrong = error.status === 401 && error.originalError?.name === 'JsonWebTokenError'
      if (isWrong) bans.strike(clientKey(ctx.ip), epochMs())
    })
    app.use(measured())
    app.use(own)
    app.use(helmet({ ...HELMET, xPoweredBy: false }))
    app.use(
      cors({
        origin: ctx => {
          const origin = ctx.get('Origin')
          return allowed.has(origin) ? origin : ''
        },
        allowMethods: ['GET', 'HEAD', 'POST'],
        keepHeadersOnError: true,
      }),
    )
    app.use(unlessBanned(bans))
    app.use(ratelimit({ driver: 'memory', db: new Map(), duration: WINDOW_MS, max: limit }))
    app.use(
      jwt({
        // jsonwebtoken takes a key object and then need not read the PEM at each request; the types
        // of koa-jwt do not know it.
        secret: createPublicKey(publicKey) as unknown as Buffer,
        algorithms: ['RS256'],
        issuer: ISSUER,
        audience: AUDIENCE,
      }),
    )
    app.use(scoped)
  })
}
