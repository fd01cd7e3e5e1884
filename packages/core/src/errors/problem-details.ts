import { Reply } from '../reply.js'
import { type ErrorRenderer, PHRASES } from './failure.js'
import { traceOf } from './trace.js'

/**
 * RFC 9457: `application/problem+json` with `type`, `title`, `status`, `detail`, `instance` (`urn:uuid:` of the request when its id
 * is one), and as extension members `code`, `request_id`, `timestamp`, `details`, `retry_after` and what the denial adds.
 *
 * `type` is `about:blank` unless the denial names one: then `title` is the status phrase, as section 4.2.1 wants.
 */
export function problemDetails(): ErrorRenderer {
  return failure => {
    const { problem, status, requestId } = failure
    const trace = failure.cause === undefined || failure.production ? undefined : traceOf(failure.cause)
    const body = {
      ...problem?.extensions,
      type: problem?.type ?? 'about:blank',
      title: problem?.title ?? TITLES[status] ?? PHRASES[status] ?? 'Error',
      status,
      detail: failure.message,
      ...(UUID.test(requestId) && { instance: `urn:uuid:${requestId}` }),
      code: failure.code,
      ...(failure.details && { details: failure.details }),
      ...(trace && { trace }),
      ...(failure.retryAfterSeconds !== undefined && { retry_after: failure.retryAfterSeconds }),
      timestamp: new Date(failure.timestamp).toISOString(),
      request_id: requestId,
    }
    return new Reply(status, { 'Content-Type': 'application/problem+json' }, JSON.stringify(body))
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The reason phrases of the HTTP status code registry (RFC 9110 section 15, RFC 6585). */
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}
