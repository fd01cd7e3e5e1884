import { createPublicKey } from 'node:crypto'
import cors from 'cors'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { expressjwt, type Request as WithAuth } from 'express-jwt'
import promBundle from 'express-prom-bundle'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { Registry } from 'prom-client'
import { epochMs } from '../../../clock.js'
import { Bans } from '../../floor/bans.js'
import { clientKey } from '../../floor/windows.js'
import { HELMET } from '../../helmet-options.js'
import { AUDIENCE, DURATIONS, ISSUER, ORIGINS, SCOPE, type Start, WINDOW_MS } from '../../host.js'
import { serve } from '../host.js'
import { own } from '../peers.js'

/** No package of this host bans; by hand, as in the floor. */
function unlessBanned(bans: Bans): RequestHandler {
  return (req, res, next) => {
    if (!bans.has(clientKey(req.socket.remoteAddress ?? ''), epochMs())) return next()
    res.status(403).json({ error: 'Access denied' })
  }
}

const scoped: RequestHandler = (req, res, next) => {
  const scope: unknown = (req as WithAuth).auth?.['scope']
  if (typeof scope === 'string' && scope.split(' ').includes(SCOPE)) return next()
  res.status(403).json({ error: 'The credential lacks a required scope' })
}

function failed(bans: Bans): ErrorRequestHandler {
  return (error, req, res, _next) => {
    const { status = 500, code } = error as { status?: number; code?: string }
    if (code === 'invalid_token') bans.strike(clientKey(req.socket.remoteAddress ?? ''), epochMs())
    res.status(status).json({ error: code })
  }
}

export const start: Start = ({ limit, publicKey }) => {
  const bans = new Bans()
  return serve(
    app => {
      app.use(
        promBundle({
          includeMethod: true,
          includePath: true,
          // Its own way is a list of patterns that it tries on every path.
          normalizePath: req => (req as { route?: { path: string } }).route?.path ?? '_unmatched',
          buckets: [...DURATIONS],
          includeUp: false,
          promRegistry: new Registry(),
        }),
      )
      app.use(own)
      app.use(helmet({ ...HELMET, xPoweredBy: false }))
      app.use(cors({ origin: [...ORIGINS], methods: ['GET', 'HEAD', 'POST'] }))
      app.use(unlessBanned(bans))
      app.use(
        rateLimit({
          windowMs: WINDOW_MS,
          limit,
          legacyHeaders: true,
          standardHeaders: 'draft-8',
          identifier: 'default',
          validate: false,
        }),
      )
      app.use(
        expressjwt({
          secret: createPublicKey(publicKey),
          algorithms: ['RS256'],
          issuer: ISSUER,
          audience: AUDIENCE,
        }),
      )
      app.use(scoped)
    },
    app => {
      app.use(failed(bans))
    },
  )
}
