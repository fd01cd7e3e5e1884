import type { QuotaState } from '@palisade/core/middleware'

/**
 * What one request, or one call of `consume`, asks of one policy, and what was answered. An
 * algorithm fills the answers in. In memory one object serves all attempts of a policy, so a
 * decision allocates none. All times are whole milliseconds.
 */
export class Attempt implements QuotaState {
  readonly window: number

  /** Whether the policy applies to this attempt at all. */
  active = true
  key = ''
  cost = 1
  limit = 0
  /** What can be taken at once: the limit of a window, the burst of a bucket. */
  capacity = 0

  /** Whether the cost fits. Taken is it only if it fits into all policies. */
  fits = true
  remaining = Number.NaN
  /** Until the quota is whole again. */
  resetMs = Number.NaN
  /** Until the same attempt would be allowed: 0 if it fits, `Infinity` for never. */
  retryMs = Number.NaN
  /** Until there is more quota than now; `Infinity` for never. */
  nextMs = Number.NaN
  /** How long an admitted attempt has to wait for its turn. */
  delayMs = 0
  /** What the algorithm needs to find again what was taken: a moment of its state. */
  mark = Number.NaN
  /** The debt of a bucket after the attempt. */
  depth = Number.NaN

  constructor(window: number) {
    this.window = window
  }
}

/** The facts of an allowed attempt that a store needs to correct its cost. */
export interface LimitCharge {
  readonly key: string
  readonly window: number
  /** What was taken. */
  readonly cost: number
  /** The limit of the attempt. */
  readonly limit: number
  readonly mark: number
  readonly depth: number
}
