import {
  type Check,
  isPromise,
  type LimitDecision,
  type Limiter,
  type MaybePromise,
  type RequestContext,
  refuse,
  within,
} from '@palisade/core/middleware'
import type { VerifyResult } from '../strategy.js'
import { attemptReserved, type Reservation } from './reservation.js'

export type Throttles = ReadonlyMap<string, Limiter>

/** An option `{ [strategy]: Limiter }`. */
export const throttleOption: Check<Throttles> = (value, at) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return refuse(at, value, 'an object of limiters by the names of strategies')
  return new Map(
    Object.entries(value).map(([name, limiter]: [string, unknown]) => {
      const { consume, refund } = (limiter ?? {}) as Partial<Limiter>
      if (typeof consume !== 'function' || typeof refund !== 'function')
        refuse(within(at, name), limiter, 'a Limiter, with the methods consume and refund')
      return [name, limiter as Limiter]
    }),
  )
}

/**
 * Counts attempts at a strategy by client. An attempt is reserved before it is verified, and
 * refunded when it was no guess, so that parallel guesses cannot all pass while none has failed
 * yet. A client without an address is never counted.
 *
 * Fails closed: a limiter that throws makes the attempt an `error`, a 503.
 */
export function throttled(
  limiter: Limiter,
  ctx: RequestContext,
  verify: () => MaybePromise<VerifyResult>,
): MaybePromise<VerifyResult | LimitDecision> {
  const { key } = ctx.client
  if (key === undefined) return verify()
  const attemptIf = (decision: LimitDecision) =>
    decision.allowed === true ? attemptReserved(reserved(limiter, ctx, decision), verify) : decision
  const decision = limiter.consume(key)
  return isPromise(decision)
    ? (decision as Promise<LimitDecision>).then(attemptIf)
    : attemptIf(decision as LimitDecision)
}

const reserved = (
  limiter: Limiter,
  ctx: RequestContext,
  decision: LimitDecision,
): Reservation<VerifyResult> => ({
  limiter,
  decision,
  consumes: isGuess,
  failed: error =>
    ctx.services.logger.warn({ err: error, request_id: ctx.requestId }, 'an attempt could not be given back'),
})

/**
 * What has expired was right once. A page that was left open overnight is no attacker, nor are all
 * of them behind one address.
 */
export function isGuess(result: VerifyResult): boolean {
  return result.outcome === 'invalid' && result.failure !== 'expired' && result.isGuess !== false
}

/** Whether a limiter said no. */
export function isLimited(result: VerifyResult | LimitDecision): result is LimitDecision {
  return 'allowed' in result
}
