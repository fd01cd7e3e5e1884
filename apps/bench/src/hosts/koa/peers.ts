import { randomUUID } from 'node:crypto'
import cors from '@koa/cors'
import type { Middleware } from 'koa'
import helmet from 'koa-helmet'
import ratelimit from 'koa-ratelimit'
import { FIT_ID } from '../floor/headers.js'
import { HELMET } from '../helmet-options.js'
import { ORIGINS, PERMISSIONS, type Start, WINDOW_MS } from '../host.js'
import { serve } from './host.js'

export const allowed: ReadonlySet<string> = new Set(ORIGINS)

/** What no peer here does: the request id and `Permissions-Policy`. */
export const own: Middleware = (ctx, next) => {
  const sent = ctx.req.headers['x-request-id']
  ctx.set('X-Request-ID', typeof sent === 'string' && FIT_ID.test(sent) ? sent : randomUUID())
  ctx.set('Permissions-Policy', PERMISSIONS)
  return next()
}

export const start: Start = ({ limit }) =>
  serve(app => {
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
    app.use(ratelimit({ driver: 'memory', db: new Map(), duration: WINDOW_MS, max: limit }))
  })
