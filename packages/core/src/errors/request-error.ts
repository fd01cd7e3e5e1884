import type { HeaderBag } from '../contract/reply.js'
import { isFailure } from './status-of.js'
import { codeOf } from './statuses.js'

/**
 * A request that cannot be served. Code that finds out throws this error: it becomes a refusal with
 * this status, code and message, not a 500.
 *
 * @throws RangeError when the status is no 4xx or 5xx
 */
export class RequestError extends Error {
  readonly status: number
  /** The same as `status`: NestJS and Fastify read this name. */
  readonly statusCode: number
  /** The message is for the client. Koa and http-errors read it. */
  readonly expose = true
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
    if (!isFailure(status)) throw new RangeError(`RequestError: the status is ${status}; allowed: 400 to 599`)
    super(message, 'cause' in more ? { cause: more.cause } : undefined)
    this.name = 'RequestError'
    this.status = status
    this.statusCode = status
    this.code = more.code ?? codeOf(status)
    this.details = more.details
    this.headers = more.headers
    this.reason = more.reason
  }
}
