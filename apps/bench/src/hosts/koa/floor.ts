import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Middleware } from 'koa'
import { epochMs } from '../../clock.js'
import {
  ALLOWED_ORIGINS,
  FIT_ID,
  OVER_HTTP,
  OVER_TLS,
  PREFLIGHT_METHODS,
  PREFLIGHT_VARY,
} from '../floor/headers.js'
import { refusal } from '../floor/refusal.js'
import { clientKey, Windows } from '../floor/windows.js'
import { type Setting, type Start, WINDOW_MS } from '../host.js'
import { serve } from './host.js'

export const start: Start = setting =>
  serve(app => {
    app.use(floor(setting))
  })

/** On `ctx.res`: `ctx.set` does the same after looking at the types of what it is given. */
function floor({ limit }: Setting): Middleware {
  const windows = new Windows(limit, WINDOW_MS)
  const limitText = String(limit)
  const policy = `"default";q=${limit};w=${WINDOW_MS / 1000}`

  return (ctx, next) => {
    const { req, res } = ctx
    const { headers, socket } = req
    const sent = headers['x-request-id']
    const id = typeof sent === 'string' && FIT_ID.test(sent) ? sent : randomUUID()
    res.setHeader('X-Request-ID', id)

    const security = (socket as Partial<TLSSocket>).encrypted === true ? OVER_TLS : OVER_HTTP
    for (const name in security) res.setHeader(name, security[name] as string)

    const { origin } = headers
    const isAllowed = origin !== undefined && ALLOWED_ORIGINS.has(origin)
    if (isAllowed) res.setHeader('Access-Control-Allow-Origin', origin)
    if (req.method === 'OPTIONS') {
      res.setHeader('Vary', PREFLIGHT_VARY)
      if (origin !== undefined && headers['access-control-request-method'] !== undefined) {
        if (isAllowed) res.setHeader('Access-Control-Allow-Methods', PREFLIGHT_METHODS)
        ctx.status = 204
        return Promise.resolve()
      }
    } else {
      res.setHeader('Vary', 'Origin')
    }

    const now = epochMs()
    const { count, endsAt } = windows.take(clientKey(socket.remoteAddress ?? ''), now)
    const remaining = Math.max(0, limit - count)
    const seconds = Math.ceil((endsAt - now) / 1000)
    res.setHeader('X-RateLimit-Limit', limitText)
    res.setHeader('X-RateLimit-Remaining', String(remaining))
    res.setHeader('X-RateLimit-Reset', String(Math.ceil(endsAt / 1000)))
    res.setHeader('RateLimit-Policy', policy)
    res.setHeader('RateLimit', `"default";r=${remaining};t=${seconds}`)
    if (count <= limit) return next()
    res.setHeader('Retry-After', String(Math.max(1, seconds)))
    ctx.status = 429
    ctx.body = refusal(id, now, seconds)
    return Promise.resolve()
  }
}
