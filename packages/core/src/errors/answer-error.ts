import { Reply } from '../contract/reply.js'
import { callerFacts } from '../events/decision.js'
import type { HostView } from './denial-of.js'
import type { FailedRequest } from './failed-request.js'
import { denialFor } from './map-error.js'

/**
 * Answers an error that was thrown. A fault of the server is logged, and emitted as
 * `request:error`.
 *
 * When the client disconnects, reads, writes and everything that waits for `signal` fail. Such an
 * error is a line at `debug` and no event, whatever its status: a body parser calls an upload that
 * broke off a 400. Adapters call this too, when the team's own handler threw.
 *
 * @param host what the host knows of the error beyond what every host knows
 */
export function answerError(
  ctx: FailedRequest,
  thrown: unknown,
  message: string,
  by: string | undefined,
  host?: HostView,
): Reply {
  const error = ctx.noteError(thrown)
  const denial = denialFor(ctx, error, host)
  if (denial.status < 500 && !ctx.clientHasLeft)
    return ctx.deny(by === undefined ? denial : { ...denial, by })
  return reportError(ctx, error, message, by) ? ctx.render(denial, error) : gone()
}

/**
 * Logs an error and emits `request:error`, unless that was done for this error before. An error
 * after the client has left is only a `debug` line.
 *
 * @returns false when the client has left
 */
export function reportError(
  ctx: FailedRequest,
  thrown: unknown,
  message: string,
  by: string | undefined,
): boolean {
  const error = ctx.noteError(thrown)
  if (ctx.reported === error) return !ctx.clientHasLeft
  ctx.reported = error
  const { logger, events } = ctx.services
  const { requestId, method, path } = ctx
  const fields = { err: error, request_id: requestId, method, path }
  if (ctx.clientHasLeft) {
    logger.debug(fields, `${message}: the client has left`)
    return false
  }
  logger.error(fields, message)
  if (events.has('request:error'))
    events.emit('request:error', { requestId, method, path, error, by, ...callerFacts(ctx) })
  return true
}

/**
 * Reports an error that the team has answered itself, as one in an own error handler or a `catch`.
 * A refusal (4xx) is only noted for the outcome.
 */
export function reportHandled(ctx: FailedRequest, thrown: unknown): void {
  const error = ctx.noteError(thrown)
  if (denialFor(ctx, error, undefined).status >= 500) reportError(ctx, error, HANDLER_FAILED, undefined)
}

/** What the log says of an error of the team's handler. */
export const HANDLER_FAILED = 'the handler failed'

/** Answers a client that has left. 499 is nginx's word for it; it is never sent. */
export const gone = () => new Reply(499)
