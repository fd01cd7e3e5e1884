import type { Denial } from '../contract/denial.js'
import { isReply, Reply } from '../contract/reply.js'
import { ignoreRejection } from '../kernel/callback-result.js'
import { isPromise } from '../kernel/maybe-promise.js'
import type { FailedRequest } from './failed-request.js'
import { codeOf, messageOf } from './statuses.js'

/**
 * The answer to a refusal or an error, in the pipeline's form. A renderer that fails is logged, and
 * a plain envelope is the answer.
 *
 * @param cause the error behind a 500; `undefined` for a refusal
 */
export function renderDenial(ctx: FailedRequest, denial: Denial, cause: unknown): Reply {
  let reply = rendered(ctx, denial, cause)
  if (denial.retryAfterSeconds !== undefined)
    reply = reply.with({ 'Retry-After': String(denial.retryAfterSeconds) })
  return denial.headers === undefined ? reply : reply.with(denial.headers)
}

function rendered(ctx: FailedRequest, denial: Denial, cause: unknown): Reply {
  const { requestId, services } = ctx
  const { errors, clock, production, logger } = services
  try {
    const reply: unknown = errors({ ...denial, cause, production, timestamp: clock.now(), requestId }, ctx)
    // Nothing, returned to the runner, would mean "go on".
    if (!isReply(reply) || reply.takesOver !== undefined) throw noReply(reply)
    return reply
  } catch (error) {
    logger.error({ err: ctx.inspected(error), request_id: requestId }, 'the error renderer failed')
    const { status } = denial
    return Reply.json(status, { error: { code: codeOf(status), message: messageOf(status) } })
  }
}

function noReply(returned: unknown): TypeError {
  ignoreRejection(returned)
  const what = isPromise(returned) ? 'a promise' : typeof returned
  return new TypeError(`the error renderer returned ${what}; allowed: a Reply`)
}
