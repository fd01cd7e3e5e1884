import type { LimitDecision, Limiter, LimitReceipt, MaybePromise } from '@palisade/core/middleware'
import type { QuotaChange } from './counting/policy.js'
import type { RealCost } from './refunds/receipts.js'

/**
 * A limiter without HTTP: for logins, queues, jobs, messages. Over a distributed store every method
 * but `setLimit` returns a promise, whatever happens, and what is said to be thrown is what it
 * rejects with.
 */
export interface RateLimiter extends Limiter {
  /**
   * Decides one attempt of `key` by all policies together, and takes `cost` (default: each policy's
   * own) only if all allow it.
   *
   * @throws TypeError when the key is no string or empty
   * @throws RangeError when the cost is no whole number from 0
   */
  consume(key: string, cost?: number): MaybePromise<LimitDecision>
  /**
   * Corrects what an allowed attempt consumed to its real cost: one number for all policies, or by
   * name those of which it differs. Less is refunded as far as it still counts. More is counted
   * from now on, also over the limit, so later attempts wait for it. A receipt works once, here or
   * in `refund`.
   *
   * @throws TypeError for a receipt of another limiter, and for the name of no policy
   * @throws RangeError when a cost is no whole number from 0
   */
  settle(receipt: LimitReceipt, cost: RealCost): MaybePromise<void>
  /** Changes a quota from the next attempt on; what was counted stays. @throws ConfigError */
  setLimit(policy: string, change: QuotaChange): void
  /**
   * Resets what was counted for a key. The address of a client also resets its client key,
   * `2001:db8::/64`.
   */
  reset(key: string): MaybePromise<void>
}

/** With the default store every answer is there at once. */
export interface ImmediateRateLimiter extends RateLimiter {
  consume(key: string, cost?: number): LimitDecision
  refund(receipt: LimitReceipt): void
  settle(receipt: LimitReceipt, cost: RealCost): void
  reset(key: string): void
}
