import { createPublicKey } from 'node:crypto'
import { prometheus } from '@hono/prometheus'
import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { type JwtVariables, jwt } from 'hono/jwt'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { rateLimiter } from 'hono-rate-limiter'
import { epochMs } from '../../../clock.js'
import { Bans } from '../../floor/bans.js'
import { clientKey } from '../../floor/windows.js'
import { AUDIENCE, ISSUER, METRICS_PATH, ORIGINS, SCOPE, type Start, WINDOW_MS } from '../../host.js'
import { type OnNode, serve } from '../host.js'
import { SECURE_HEADERS } from '../peers.js'

/** No package of this host bans; by hand, as in the floor. */
const unlessBanned =
  (bans: Bans): MiddlewareHandler<OnNode> =>
  (c, next) =>
    bans.has(clientKey(c.env.incoming.socket.remoteAddress ?? ''), epochMs())
      ? Promise.resolve(c.json({ error: 'Access denied' }, 403))
      : next()

const scoped: MiddlewareHandler<{ Variables: JwtVariables }> = (c, next) => {
  const { scope } = c.get('jwtPayload') as { scope?: string }
  return scope?.split(' ').includes(SCOPE) === true
    ? next()
    : Promise.resolve(c.json({ error: 'The credential lacks a required scope' }, 403))
}

export const start: Start = async ({ limit, publicKey }) => {
  const bans = new Bans()
  const key = await keyOf(publicKey)
  // Its histogram counts too: the counter beside it would be the same work twice.
  const { registerMetrics, printMetrics } = prometheus({
    metricOptions: { requestsTotal: { disabled: true } },
  })
  return serve(app => {
    app.onError((error, c) => {
      if (!(error instanceof HTTPException)) return c.json({ error: 'failed' }, 500)
      if (error.cause !== undefined)
        bans.strike(clientKey(c.env.incoming.socket.remoteAddress ?? ''), epochMs())
      return error.getResponse()
    })
    app.get(METRICS_PATH, printMetrics)
    app.use(registerMetrics)
    app.use(requestId())
    app.use(secureHeaders(SECURE_HEADERS))
    app.use(cors({ origin: [...ORIGINS], allowMethods: ['GET', 'HEAD', 'POST'] }))
    app.use(unlessBanned(bans))
    app.use(
      rateLimiter<OnNode>({
        windowMs: WINDOW_MS,
        limit,
        standardHeaders: 'draft-7',
        keyGenerator: c => c.env.incoming.socket.remoteAddress ?? '',
      }),
    )
    app.use(jwt({ secret: key, alg: 'RS256', verification: { iss: ISSUER, aud: AUDIENCE } }))
    app.use(scoped)
  })
}

function keyOf(publicKey: string): Promise<CryptoKey> {
  const spki = createPublicKey(publicKey).export({ type: 'spki', format: 'der' })
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  return crypto.subtle.importKey('spki', spki, algorithm, true, ['verify'])
}
