import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { FastifyReply, onRequestHookHandler } from 'fastify'
import { epochMs, monotonicMs } from '../../../clock.js'
import { Bans } from '../../floor/bans.js'
import { CLIENT_LEFT, Counters } from '../../floor/counters.js'
import {
  ALLOWED_ORIGINS,
  FIT_ID,
  OVER_HTTP,
  OVER_TLS,
  PREFLIGHT_METHODS,
  PREFLIGHT_VARY,
} from '../../floor/headers.js'
import { banned, limited, noScope, noToken, type Refusal, wrongToken } from '../../floor/refusal.js'
import { Tokens, type User } from '../../floor/tokens.js'
import { clientKey, Windows } from '../../floor/windows.js'
import { METRICS_PATH, SCOPE, type Setting, type Start, WINDOW_MS } from '../../host.js'
import { serve } from '../host.js'

declare module 'fastify' {
  interface FastifyRequest {
    caller: User | null
  }
}

export const start: Start = setting =>
  serve(app => {
    app.decorateRequest('caller', null)
    app.addHook('onRequest', protection(setting))
  })

function protection({ limit, publicKey }: Setting): onRequestHookHandler {
  const counters = new Counters()
  const bans = new Bans()
  const tokens = new Tokens(publicKey)
  const windows = new Windows(limit, WINDOW_MS)
  const limitText = String(limit)
  const policy = `"default";q=${limit};w=${WINDOW_MS / 1000}`

  return (request, reply, done) => {
    const { raw } = request
    if (raw.url === METRICS_PATH) {
      reply.type('text/plain').send(counters.text())
      return
    }
    const startedAt = monotonicMs()
    counters.inFlight++
    const res = reply.raw
    res.on('close', () => {
      counters.inFlight--
      const status = res.headersSent ? res.statusCode : CLIENT_LEFT
      counters.record(raw.method ?? '', request.routeOptions.url, status, monotonicMs() - startedAt)
    })

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
    const key = clientKey(socket.remoteAddress ?? '')
    const bannedUntil = bans.endOf(key, now)
    if (bannedUntil !== undefined) {
      reply.header('retry-after', String(Math.ceil((bannedUntil - now) / 1000)))
      reply.header('cache-control', 'no-store')
      return refuse(reply, banned(id, now))
    }

    const { count, endsAt } = windows.take(key, now)
    const remaining = Math.max(0, limit - count)
    const seconds = Math.ceil((endsAt - now) / 1000)
    reply.header('x-ratelimit-limit', limitText)
    reply.header('x-ratelimit-remaining', String(remaining))
    reply.header('x-ratelimit-reset', String(Math.ceil(endsAt / 1000)))
    reply.header('ratelimit-policy', policy)
    reply.header('ratelimit', `"default";r=${remaining};t=${seconds}`)
    if (count > limit) {
      bans.strike(key, now)
      reply.header('retry-after', String(Math.max(1, seconds)))
      return refuse(reply, limited(id, now, seconds))
    }

    const field = headers.authorization
    if (field === undefined) return refuse(reply, noToken(id, now))
    const enter = (user: User) => {
      if (!user.scopes.has(SCOPE)) return refuse(reply, noScope(id, now))
      request.caller = user
      done()
    }
    const known = tokens.find(field, now)
    if (known !== undefined) return enter(known)
    tokens.verify(field, now).then(user => {
      if (user !== undefined) return enter(user)
      bans.strike(key, now)
      refuse(reply, wrongToken(id, now))
    }, done)
  }
}

function refuse(reply: FastifyReply, { status, body, challenge }: Refusal): void {
  if (challenge !== undefined) reply.header('www-authenticate', challenge)
  reply.code(status).send(body)
}
