import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { rateLimiter } from 'hono-rate-limiter'
import { ORIGINS, type Start, WINDOW_MS } from '../host.js'
import { type OnNode, serve } from './host.js'

/** The same headers as helmet sends over plain HTTP. */
export const SECURE_HEADERS = {
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    baseUri: ["'self'"],
    fontSrc: ["'self'", 'https:', 'data:'],
    formAction: ["'self'"],
    frameAncestors: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    objectSrc: ["'none'"],
    scriptSrc: ["'self'"],
    scriptSrcAttr: ["'none'"],
    styleSrc: ["'self'", 'https:', "'unsafe-inline'"],
  },
  permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
  strictTransportSecurity: false,
  removePoweredBy: false,
} satisfies Parameters<typeof secureHeaders>[0]

export const start: Start = ({ limit }) =>
  serve(app => {
    app.use(requestId())
    app.use(secureHeaders(SECURE_HEADERS))
    app.use(cors({ origin: [...ORIGINS], allowMethods: ['GET', 'HEAD', 'POST'] }))
    app.use(
      rateLimiter<OnNode>({
        windowMs: WINDOW_MS,
        limit,
        standardHeaders: 'draft-7',
        keyGenerator: c => c.env.incoming.socket.remoteAddress ?? '',
      }),
    )
  })
