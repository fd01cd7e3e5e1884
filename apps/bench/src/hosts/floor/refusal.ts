import { SCOPE } from '../host.js'

/** The body of a 429, in the same form as Palisade's. */
export const refusal = (id: string, now: number, retryAfter: number) => ({
  error: {
    code: 'RATE_LIMITED',
    message: 'Too many requests',
    timestamp: new Date(now).toISOString(),
    request_id: id,
    retry_after: retryAfter,
  },
})

/** An answer of the floor's own. It has no body if `body` is `null`. */
export interface Refusal {
  readonly refused: true
  readonly status: number
  readonly body: object | null
  /** Of `WWW-Authenticate`. */
  readonly challenge?: string
}

export const PREFLIGHT: Refusal = { refused: true, status: 204, body: null }

export const limited = (id: string, now: number, retryAfter: number): Refusal => ({
  refused: true,
  status: 429,
  body: refusal(id, now, retryAfter),
})

export const banned = (id: string, now: number): Refusal => denied(403, 'FORBIDDEN', 'Access denied', id, now)

export const noToken = (id: string, now: number): Refusal => ({
  ...denied(401, 'UNAUTHORIZED', 'Authentication is required', id, now),
  challenge: 'Bearer realm="api"',
})

export const wrongToken = (id: string, now: number): Refusal => ({
  ...denied(401, 'UNAUTHORIZED', 'The credentials are invalid', id, now),
  challenge: 'Bearer realm="api", error="invalid_token", error_description="The access token is invalid"',
})

export const noScope = (id: string, now: number): Refusal => ({
  ...denied(403, 'FORBIDDEN', 'The credential lacks a required scope', id, now),
  challenge: `Bearer realm="api", error="insufficient_scope", scope="${SCOPE}"`,
})

const denied = (status: number, code: string, message: string, id: string, now: number): Refusal => ({
  refused: true,
  status,
  body: { error: { code, message, timestamp: new Date(now).toISOString(), request_id: id } },
})
