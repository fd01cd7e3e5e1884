import type { LimitDecision, LimitReceipt } from '@palisade/core/middleware'
import type { Tally } from './algorithms/algorithm.js'

/**
 * A class, so that V8 keeps one hidden class for all decisions and no number of them in a box of its own. Whoever reads, spreads or compares it
 * sees a plain object.
 */
export class Decision implements LimitDecision {
  readonly allowed: boolean
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  readonly retryAfterMs: number
  readonly refusedBy: readonly string[]
  readonly receipt: LimitReceipt | undefined

  constructor(
    allowed: boolean,
    tally: Tally,
    refusedBy: readonly string[],
    receipt: LimitReceipt | undefined,
  ) {
    this.allowed = allowed
    this.limit = tally.capacity
    this.remaining = tally.remaining
    this.resetMs = tally.resetMs
    this.retryAfterMs = tally.retryMs
    this.refusedBy = refusedBy
    this.receipt = receipt
  }
}

/** The decision of a limiter that queues. */
export class QueuedDecision extends Decision {
  readonly delayMs: number

  constructor(
    allowed: boolean,
    tally: Tally,
    refusedBy: readonly string[],
    receipt: LimitReceipt | undefined,
    delayMs: number,
  ) {
    super(allowed, tally, refusedBy, receipt)
    this.delayMs = delayMs
  }
}

export const NOBODY: readonly string[] = Object.freeze([])

/** No policy applies to the key, or the store failed open. */
export const UNLIMITED: LimitDecision = Object.freeze({
  allowed: true,
  limit: Number.POSITIVE_INFINITY,
  remaining: Number.POSITIVE_INFINITY,
  resetMs: 0,
  retryAfterMs: 0,
  refusedBy: NOBODY,
  receipt: undefined,
})

export const UNLIMITED_IN_TURN: LimitDecision = Object.freeze({ ...UNLIMITED, delayMs: 0 })
