import type { RequestContext } from '../context.js'
import type { HeaderBag, Reply } from '../reply.js'

/** A refusal that a middleware asks for through `ctx.deny()`. */
export interface Denial {
  readonly status: number
  /** Stable and machine-readable: `RATE_LIMITED`. */
  readonly code: string
  /** Safe to show to a stranger. */
  readonly message: string
  /** Safe to show; appears in the body. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly headers?: HeaderBag
  /** Whole seconds; becomes `Retry-After`, and `retry_after` in the envelope. */
  readonly retryAfterSeconds?: number
  /** Why, for logs and events only. */
  readonly reason?: string
  /** Which middleware or guard refused, for events. */
  readonly by?: string
  /** RFC 9457 members for the problem-details form. */
  readonly problem?: {
    readonly type: string
    readonly title?: string
    readonly extensions?: Readonly<Record<string, unknown>>
  }
}

/** What a renderer is given: the denial, and what happened if it was an error. */
export interface Failure extends Denial {
  /** The error behind a 500; `undefined` for a refusal. */
  readonly cause: unknown
  /** True when nothing of the cause may be shown. */
  readonly production: boolean
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly requestId: string
}

/** Turns a refusal or an error into an answer. One per pipeline: `envelope()`, `problemDetails()`, or a function. */
export type ErrorRenderer = (failure: Failure, ctx: RequestContext) => Reply

/** The codes that Palisade itself uses, by status. */
export const CODES: Readonly<Record<number, string>> = Object.freeze({
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'REQUEST_TIMEOUT',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  422: 'VALIDATION_ERROR',
  429: 'RATE_LIMITED',
  431: 'HEADERS_TOO_LARGE',
  500: 'INTERNAL_ERROR',
  502: 'BAD_GATEWAY',
  503: 'SERVICE_UNAVAILABLE',
  504: 'GATEWAY_TIMEOUT',
})

/** The phrases that a stranger may read when a team's error says nothing that is safe. */
export const PHRASES: Readonly<Record<number, string>> = Object.freeze({
  400: 'The request is malformed',
  401: 'Authentication is required',
  403: 'Access denied',
  404: 'The requested resource was not found',
  405: 'The method is not allowed here',
  408: 'The request did not arrive in time',
  409: 'The request conflicts with the state of the resource',
  413: 'The request body is too large',
  415: 'The media type is not supported',
  422: 'The request is not valid',
  429: 'Too many requests',
  431: 'The request headers are too large',
  500: 'An unexpected error occurred',
  502: 'The upstream service is unavailable',
  503: 'The service is temporarily unavailable',
  504: 'The upstream service did not answer in time',
})
