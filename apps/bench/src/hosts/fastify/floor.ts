import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { onRequestHookHandler } from 'fastify'
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
    app.addHook('onRequest', floor(setting))
  })

function floor({ limit }: Setting): onRequestHookHandler {
  const windows = new Windows(limit, WINDOW_MS)
  const limitText = String(limit)
  const policy = `"default";q=${limit};w=${WINDOW_MS / 1000}`

  return ({ raw }, reply, done) => {
    const { headers, socket } = raw
    const sent = headers['x-request-id']
    const id = typeof sent === 'string' && FIT_ID.test(sent) ? sent : randomUUID()
    reply.header('x-request-id', id)
    reply.headers((socket as Partial<TLSSocket>).encrypted === true ? OVER_TLS : OVER_HTTP)

    const { origin } = headers
    const isAllowed = origin !== undefined && ALLOWED_ORIGINS.has(origin)
    if (isAllowed) reply.header('access-control-allow-origin', origin)
    if (raw.method === 'OPTIONS') {
      reply.header('vary', PREFLIGHT_VARY)
      if (origin !== undefined && headers['access-control-request-method'] !== undefined) {
        if (isAllowed) reply.header('access-control-allow-methods', PREFLIGHT_METHODS)
        reply.code(204).send()
        return
      }
    } else {
      reply.header('vary', 'Origin')
    }

    const now = epochMs()
    const { count, endsAt } = windows.take(clientKey(socket.remoteAddress ?? ''), now)
    const remaining = Math.max(0, limit - count)
    const seconds = Math.ceil((endsAt - now) / 1000)
    reply.header('x-ratelimit-limit', limitText)
    reply.header('x-ratelimit-remaining', String(remaining))
    reply.header('x-ratelimit-reset', String(Math.ceil(endsAt / 1000)))
    reply.header('ratelimit-policy', policy)
    reply.header('ratelimit', `"default";r=${remaining};t=${seconds}`)
    if (count <= limit) return done()
    reply.header('retry-after', String(Math.max(1, seconds)))
    reply.code(429).send(refusal(id, now, seconds))
  }
}
