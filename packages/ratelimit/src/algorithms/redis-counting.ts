import type { LimitCharge } from '../counting/attempt.js'
import type { Counting } from './counting.js'

/**
 * How a policy and what belongs to it are called in a script. All but `key`, `window` and
 * `costText` are locals that hold numbers.
 */
export interface ScriptNames {
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
 * An algorithm as Redis counts it: what is kept under a key, and the Lua that reads and writes it.
 * The answers are made from the state by the functions that also count in memory.
 *
 * Lua has `call`, which is `redis.call`, `server_time()` in milliseconds, and where `needsNow` also
 * `now`. `refund` and `charge` have one key, and the locals `window`, `amount`, `limit`, `most`,
 * `mark` and `depth` of what was taken.
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
  look(names: ScriptNames): string
  /**
   * Counts, when all policies allow. Left out where `look` has counted already, which is two
   * commands less for an attempt that passes.
   */
  readonly take?: (names: ScriptNames) => string
  /** Takes back what `look` has counted, when a policy refuses. */
  readonly undo?: (names: ScriptNames) => string
  /** Gives back `amount` of what was taken, as far as it still counts. */
  readonly refund: string
  /** Takes `amount` beyond what was taken, whether it fits or not; never more than `most`. */
  readonly charge: string
  /** The mark of what was taken; where it is a moment of this process, its distance from now. */
  markOf(taken: LimitCharge, now: number): number
  /** Makes the answers from the cells that `restore` has filled. */
  readonly counting: Counting
  /**
   * Fills the cells of one key with the state that was found before an attempt.
   *
   * @param limit of the attempt
   * @returns the moment of the attempt, in the time of the state
   */
  restore(cells: Float64Array, found: readonly number[], now: number, limit: number): number
}
