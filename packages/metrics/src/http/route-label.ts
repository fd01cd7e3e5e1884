import { inspectable, type Outcome, type RequestContext, wrongResult } from '@palisade/core/middleware'

/** Names the route of a request for metrics or the log. `undefined`: what the host says. */
export type RouteLabel = (ctx: RequestContext, outcome: Outcome) => string | undefined

const LONGEST = 200
const UNSAFE = /[\x00-\x1f\x7f]/
const ALLOWED = `a text of 1 to ${LONGEST} characters without control characters, or undefined`

/**
 * The outcome with the route that the team's callback says. A callback that throws or returns
 * something else is logged, and the route stays what the host says: the request is counted all the
 * same.
 */
export function withRoute(callback: RouteLabel, ctx: RequestContext, outcome: Outcome): Outcome {
  try {
    const route: unknown = callback(ctx, outcome)
    if (route === undefined) return outcome
    if (typeof route !== 'string' || route === '' || route.length > LONGEST || UNSAFE.test(route))
      throw wrongResult('route', route, ALLOWED)
    return { ...outcome, route }
  } catch (error) {
    const fields = { err: inspectable(error), request_id: ctx.requestId }
    ctx.services.logger.error(fields, 'the option "route" failed')
    return outcome
  }
}
