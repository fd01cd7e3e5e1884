import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { MiddlewareHandler } from 'hono'
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
import { type OnNode, serve } from './host.js'

export const start: Start = setting =>
  serve(app => {
    app.use(floor(setting))
  })

/**
 * On `c.env.outgoing`, Node's own response, because `c.header` makes a `Headers` object of each
 * answer and costs several times as much.
 */
function floor({ limit }: Setting): MiddlewareHandler<OnNode> {
  const windows = new Windows(limit, WINDOW_MS)
  const limitText = String(limit)
  const policy = `"default";q=${limit};w=${WINDOW_MS / 1000}`

  return (c, next) => {
    const { incoming, outgoing } = c.env
    const { headers, socket } = incoming
    const sent = headers['x-request-id']
    const id = typeof sent === 'string' && FIT_ID.test(sent) ? sent : randomUUID()
    outgoing.setHeader('X-Request-ID', id)

    const security = (socket as Partial<TLSSocket>).encrypted === true ? OVER_TLS : OVER_HTTP
    for (const name in security) outgoing.setHeader(name, security[name] as string)

    const { origin } = headers
    const isAllowed = origin !== undefined && ALLOWED_ORIGINS.has(origin)
    if (isAllowed) outgoing.setHeader('Access-Control-Allow-Origin', origin)
    if (incoming.method === 'OPTIONS') {
      outgoing.setHeader('Vary', PREFLIGHT_VARY)
      if (origin !== undefined && headers['access-control-request-method'] !== undefined) {
        if (isAllowed) outgoing.setHeader('Access-Control-Allow-Methods', PREFLIGHT_METHODS)
        return Promise.resolve(c.body(null, 204))
      }
    } else {
      outgoing.setHeader('Vary', 'Origin')
    }

    const now = epochMs()
    const { count, endsAt } = windows.take(clientKey(socket.remoteAddress ?? ''), now)
    const remaining = Math.max(0, limit - count)
    const seconds = Math.ceil((endsAt - now) / 1000)
    outgoing.setHeader('X-RateLimit-Limit', limitText)
    outgoing.setHeader('X-RateLimit-Remaining', String(remaining))
    outgoing.setHeader('X-RateLimit-Reset', String(Math.ceil(endsAt / 1000)))
    outgoing.setHeader('RateLimit-Policy', policy)
    outgoing.setHeader('RateLimit', `"default";r=${remaining};t=${seconds}`)
    if (count <= limit) return next()
    outgoing.setHeader('Retry-After', String(Math.max(1, seconds)))
    return Promise.resolve(c.json(refusal(id, now, seconds), 429))
  }
}
