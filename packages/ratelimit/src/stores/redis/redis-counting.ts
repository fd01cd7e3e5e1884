import type { Taken, Tally } from '../../algorithms/algorithm.js'

/** How a policy and what belongs to it are called in a script. All but `key`, `window` and `costText` are locals that hold numbers. */
export interface Names {
  readonly key: string
  readonly window: number
  readonly limit: string
  readonly cost: string
  /** The cost as it was sent: Redis takes a text for less than a number. */
  readonly costText: string
  /** What may be taken at once. */
  readonly capacity: string
  /** To be declared: whether the cost fits. */
  readonly fits: string
  /** To be declared: the state before this attempt. */
  readonly state: readonly string[]
}

/**
 * A way of counting as Redis does it: what is kept under a key, and the Lua that reads and writes it. The answers are computed from the
 * state by the algorithm that also counts in memory, so that both say the same.
 *
 * Lua has `call`, which is `redis.call`, `server_time()` in milliseconds, and where `needsNow` also `now`.
 */
export interface RedisCounting {
  /** Names its states in the keys: states of different kinds never meet. */
  readonly kind: string
  /** How many numbers a state is. */
  readonly width: number
  /** Only a bucket may take another amount at once than its limit; the others are not sent one. */
  readonly hasCapacity: boolean
  readonly needsNow: boolean
  /** Declares the state, and whether the cost fits. With a cost of 0 it only looks. */
  look(names: Names): string
  /** Counts, when all policies allow. Left out where `look` has counted already, which is two commands less for an attempt that passes. */
  readonly take?: (names: Names) => string
  /** Takes back what `look` has counted, when a policy refuses. */
  readonly undo?: (names: Names) => string
  /** Gives back what was taken, if it still counts. KEYS: the key. ARGV: window, cost, then what `refundArgs` returns. */
  readonly refund: string
  refundArgs(taken: Taken, now: number): readonly number[]
  /**
   * Fills the answers of a tally from the state, as if it were counted in memory. Whether the cost fits.
   *
   * @param takes whether the cost was taken
   */
  answer(tally: Tally, state: readonly number[], takes: boolean, now: number): boolean
}
