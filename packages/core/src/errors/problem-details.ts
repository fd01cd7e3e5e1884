import type { ErrorRenderer } from '../contract/context.js'
import { Reply } from '../contract/reply.js'
import { titleOf } from './statuses.js'
import { traceOf } from './trace.js'

/**
 * RFC 9457: `application/problem+json` with `type`, `title`, `status`, `detail`, `instance`
 * (`urn:uuid:` of the request when its id is one), and as extension members `code`, `request_id`,
 * `timestamp`, `details`, `retry_after` and what the denial adds.
 *
 * `type` is `about:blank` unless the denial names one: then `title` is the status phrase, as
 * section 4.2.1 wants.
 */
export function problemDetails(): ErrorRenderer {
  return failure => {
    const { problem, status, requestId } = failure
    const trace = failure.cause === undefined || failure.production ? undefined : traceOf(failure.cause)
    const body = {
      ...problem?.extensions,
      type: problem?.type ?? 'about:blank',
      title: problem?.title ?? titleOf(status),
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
