import type { HeaderBag } from '../reply.js'
import { CODES, type Denial, PHRASES } from './failure.js'

/**
 * A request that cannot be served, thrown by whoever finds out: becomes a refusal with this status, code and message, not a 500.
 *
 * @throws RangeError when the status is no 4xx or 5xx
 */
export class RequestError extends Error {
  readonly status: number
  readonly code: string
  readonly details: Readonly<Record<string, unknown>> | undefined
  readonly headers: HeaderBag | undefined
  /** Why, for events only; never shown to the client. */
  readonly reason: string | undefined

  constructor(
    status: number,
    message: string,
    more: {
      code?: string
      details?: Readonly<Record<string, unknown>>
      headers?: HeaderBag
      reason?: string
      cause?: unknown
    } = {},
  ) {
    if (!Number.isInteger(status) || status < 400 || status > 599)
      throw new RangeError(`RequestError: the status is ${status}; allowed: 400 to 599`)
    super(message, 'cause' in more ? { cause: more.cause } : undefined)
    this.name = 'RequestError'
    this.status = status
    this.code = more.code ?? CODES[status] ?? 'ERROR'
    this.details = more.details
    this.headers = more.headers
    this.reason = more.reason
  }
}

/**
 * How an error thrown by a handler or a middleware is answered. A `RequestError` is answered as it says. Another error with a 4xx
 * `status` or `statusCode` keeps the status; its message is shown only if it says `expose: true` (http-errors), since
 * no other is known to be meant for the client. All else is a 500.
 */
export function denialOf(error: unknown): Denial {
  if (error instanceof RequestError && statusOf(error) === error.status) {
    const { status, code, message, details, headers, reason } = error
    return {
      status,
      code: typeof code === 'string' && code !== '' ? code : (CODES[status] ?? 'ERROR'),
      message,
      ...(details && { details }),
      ...(headers && { headers }),
      ...(reason !== undefined && { reason }),
    }
  }
  const status = statusOf(error)
  const safe = PHRASES[status] ?? (status < 500 ? 'The request was refused' : 'An unexpected error occurred')
  const message = status < 500 && isExposed(error) ? error.message : safe
  return { status, code: CODES[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR'), message }
}

/** The 4xx or 5xx status that an error carries, as Express, Koa, Fastify and Hono read it; 500 otherwise. */
export function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 500
  const status = read(error, 'status')
  const statusCode = read(error, 'statusCode')
  for (const candidate of [status, statusCode]) {
    if (Number.isInteger(candidate) && (candidate as number) >= 400 && (candidate as number) <= 599)
      return candidate as number
  }
  return 500
}

function isExposed(error: unknown): error is Error {
  return error instanceof Error && read(error, 'expose') === true
}

/** A getter or proxy of somebody else's may itself throw; an error must not be lost over that. */
function read(error: object, name: string): unknown {
  try {
    return (error as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}
