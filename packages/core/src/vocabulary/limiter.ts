import type { MaybePromise } from '../kernel/maybe-promise.js'

/**
 * What a limiter says of one attempt. All times are in milliseconds from the moment of the
 * decision.
 */
export interface LimitDecision {
  readonly allowed: boolean
  /** The quota of the policy closest to its limit. */
  readonly limit: number
  /** What is left of it after this attempt; never negative. */
  readonly remaining: number
  /** Until the quota is whole again. */
  readonly resetMs: number
  /** 0 when allowed; `Infinity` when the cost can never be granted. */
  readonly retryAfterMs: number
  /**
   * How long an allowed attempt has to wait for its turn. Only of a limiter that queues; the caller
   * waits.
   */
  readonly delayMs?: number
  /** The names of the policies that refused; empty when allowed. */
  readonly refusedBy: readonly string[]
  /** Gives back what this attempt consumed. Absent when nothing was consumed. */
  readonly receipt: LimitReceipt | undefined
}

/**
 * Proof that a cost was consumed. It works once, and does nothing after its window has rolled.
 * Opaque outside its limiter.
 */
export interface LimitReceipt {
  readonly key: string
}

/**
 * Decides whether one more attempt is within a quota. `@palisade/ratelimit` makes one
 * (`createLimiter`); auth takes one for its login throttle. Synchronous when the state is in
 * memory.
 */
export interface Limiter {
  consume(key: string, cost?: number): MaybePromise<LimitDecision>
  refund(receipt: LimitReceipt): MaybePromise<void>
  dispose?(): MaybePromise<void>
}
