import { randomUUID } from 'node:crypto'
import cors from 'cors'
import type { RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { FIT_ID } from '../floor/headers.js'
import { HELMET } from '../helmet-options.js'
import { ORIGINS, PERMISSIONS, type Start, WINDOW_MS } from '../host.js'
import { serve } from './host.js'

/** What no peer here does: the request id and `Permissions-Policy`. */
export const own: RequestHandler = (req, res, next) => {
  const sent = req.headers['x-request-id']
  res.setHeader('X-Request-ID', typeof sent === 'string' && FIT_ID.test(sent) ? sent : randomUUID())
  res.setHeader('Permissions-Policy', PERMISSIONS)
  next()
}

export const start: Start = ({ limit }) =>
  serve(app => {
    app.use(own)
    app.use(helmet({ ...HELMET, xPoweredBy: false }))
    app.use(cors({ origin: [...ORIGINS], methods: ['GET', 'HEAD', 'POST'] }))
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
  })
