import type { Denial } from '../contract/denial.js'
import { errorHeaders } from './error-headers.js'
import { read } from './read.js'
import { RequestError } from './request-error.js'
import { statusOf } from './status-of.js'
import { codeOf, messageOf } from './statuses.js'

/** What a host knows of an error beyond what every host knows. */
export interface HostView {
  /** The status that the handler set before it threw. It counts where the error carries none. */
  readonly status?: number | undefined
  /** A message that the host would show to the client. */
  readonly message?: string | undefined
  readonly code?: string | undefined
  readonly details?: Denial['details'] | undefined
  readonly headers?: Denial['headers'] | undefined
}

/**
 * How an error thrown by a handler or a middleware is answered. A `RequestError` is answered as it
 * says. Another error with a 4xx or 5xx `status` or `statusCode` keeps it, and its `headers`; its
 * message is shown only if it says `expose: true` (http-errors), because no other is known to be
 * meant for the client. All else is a 500.
 */
export function denialOf(error: unknown, host: HostView = {}): Denial {
  if (isRequestError(error)) return requested(error)
  const status = statusOf(error) ?? host.status ?? 500
  const headers = merged(errorHeaders(error), host.headers)
  const { details } = host
  return {
    status,
    code: host.code ?? codeOf(status),
    message: host.message ?? (status < 500 ? exposedMessage(error) : undefined) ?? messageOf(status),
    ...(details && { details }),
    ...(headers && { headers }),
  }
}

function requested(error: RequestError): Denial {
  const { status, code, message, details, headers, reason } = error
  return {
    status,
    code: typeof code === 'string' && code !== '' ? code : codeOf(status),
    message,
    ...(details && { details }),
    ...(headers && { headers }),
    ...(reason !== undefined && { reason }),
  }
}

/** One whose status was changed by force is an error like any other. */
function isRequestError(error: unknown): error is RequestError {
  try {
    return error instanceof RequestError && statusOf(error) === error.status
  } catch {
    return false
  }
}

/** The message of an error that says `expose: true`. */
export function exposedMessage(error: unknown): string | undefined {
  const message = read(error, 'message')
  const isMeant = isError(error) && read(error, 'expose') === true && typeof message === 'string'
  return isMeant ? message : undefined
}

function isError(error: unknown): boolean {
  try {
    return error instanceof Error
  } catch {
    return false
  }
}

function merged(first: Denial['headers'], second: Denial['headers']): Denial['headers'] {
  return first === undefined || second === undefined ? (first ?? second) : { ...first, ...second }
}
