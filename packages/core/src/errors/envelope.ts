import type { ErrorRenderer } from '../contract/context.js'
import { Reply } from '../contract/reply.js'
import { traceOf } from './trace.js'

/**
 * The default form of refusals and errors, that of the seed APIs:
 *
 *     { "error": { "code", "message", "details"?, "retry_after"?, "timestamp", "request_id" } }
 *
 * `timestamp` is ISO 8601, `retry_after` whole seconds. In production a 500 shows nothing of its
 * cause: `request_id` is what to search the log for.
 */
export function envelope(): ErrorRenderer {
  return failure => {
    const details =
      failure.cause === undefined || failure.production
        ? failure.details
        : { ...failure.details, ...traceOf(failure.cause) }
    return Reply.json(failure.status, {
      error: {
        code: failure.code,
        message: failure.message,
        ...(details && { details }),
        ...(failure.retryAfterSeconds !== undefined && { retry_after: failure.retryAfterSeconds }),
        timestamp: new Date(failure.timestamp).toISOString(),
        request_id: failure.requestId,
      },
    })
  }
}
