import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { epochMs, monotonicMs } from '../../clock.js'
import { SCOPE, type Setting, WINDOW_MS } from '../host.js'
import { Bans } from './bans.js'
import { CLIENT_LEFT, Counters } from './counters.js'
import { ALLOWED_ORIGINS, FIT_ID, OVER_HTTP, OVER_TLS, PREFLIGHT_METHODS, PREFLIGHT_VARY } from './headers.js'
import { banned, limited, noScope, noToken, PREFLIGHT, type Refusal, wrongToken } from './refusal.js'
import { Tokens, type User } from './tokens.js'
import { clientKey, Windows } from './windows.js'

/**
 * The full stack by hand for the hosts that let Node's own response be written: on Koa and Hono
 * that is cheaper than their own way. A promise is made for a token that is not known yet only.
 */
export class NodeFloor {
  readonly counters = new Counters()
  readonly #bans = new Bans()
  readonly #windows: Windows
  readonly #tokens: Tokens
  readonly #limit: number
  readonly #limitText: string
  readonly #policy: string

  constructor({ limit, publicKey }: Setting) {
    this.#windows = new Windows(limit, WINDOW_MS)
    this.#tokens = new Tokens(publicKey)
    this.#limit = limit
    this.#limitText = String(limit)
    this.#policy = `"default";q=${limit};w=${WINDOW_MS / 1000}`
  }

  /**
   * Who is calling, or the answer that is to be given instead of the route's. @param route asked
   * when the response has ended
   */
  pass(
    req: IncomingMessage,
    res: ServerResponse,
    route: () => string | undefined,
  ): User | Refusal | Promise<User | Refusal> {
    const startedAt = monotonicMs()
    const { counters } = this
    counters.inFlight++
    res.on('close', () => {
      counters.inFlight--
      const status = res.headersSent ? res.statusCode : CLIENT_LEFT
      counters.record(req.method ?? '', route(), status, monotonicMs() - startedAt)
    })

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
        return PREFLIGHT
      }
    } else {
      res.setHeader('Vary', 'Origin')
    }

    const now = epochMs()
    const key = clientKey(socket.remoteAddress ?? '')
    const bannedUntil = this.#bans.endOf(key, now)
    if (bannedUntil !== undefined) {
      res.setHeader('Retry-After', String(Math.ceil((bannedUntil - now) / 1000)))
      res.setHeader('Cache-Control', 'no-store')
      return banned(id, now)
    }

    const { count, endsAt } = this.#windows.take(key, now)
    const remaining = Math.max(0, this.#limit - count)
    const seconds = Math.ceil((endsAt - now) / 1000)
    res.setHeader('X-RateLimit-Limit', this.#limitText)
    res.setHeader('X-RateLimit-Remaining', String(remaining))
    res.setHeader('X-RateLimit-Reset', String(Math.ceil(endsAt / 1000)))
    res.setHeader('RateLimit-Policy', this.#policy)
    res.setHeader('RateLimit', `"default";r=${remaining};t=${seconds}`)
    if (count > this.#limit) {
      this.#bans.strike(key, now)
      res.setHeader('Retry-After', String(Math.max(1, seconds)))
      return limited(id, now, seconds)
    }

    const field = headers.authorization
    if (field === undefined) return challenged(res, noToken(id, now))
    const user = this.#tokens.find(field, now)
    if (user !== undefined) return this.#scoped(res, user, id, now)
    return this.#tokens.verify(field, now).then(verified => {
      if (verified !== undefined) return this.#scoped(res, verified, id, now)
      this.#bans.strike(key, now)
      return challenged(res, wrongToken(id, now))
    })
  }

  #scoped(res: ServerResponse, user: User, id: string, now: number): User | Refusal {
    return user.scopes.has(SCOPE) ? user : challenged(res, noScope(id, now))
  }
}

function challenged(res: ServerResponse, refusal: Refusal): Refusal {
  if (refusal.challenge !== undefined) res.setHeader('WWW-Authenticate', refusal.challenge)
  return refusal
}
