import type { Taken, Tally } from '../../algorithms/algorithm.js'

/**
 * A way of counting as Redis does it: what is kept under a key, and the Lua that reads and writes it. The answers are computed from the
 * state by the algorithm that also counts in memory, so that both say the same.
 *
 * In Lua each kind has functions that begin with its name. `call` is `redis.call`, `server_time()` the server's time in milliseconds.
 */
export interface RedisCounting {
  /** Begins the names of its functions, and names its states in the keys: states of different kinds never meet. */
  readonly kind: string
  /**
   * `<kind>_try(key, window, limit, cost, capacity)` returns whether the cost fits, and the state before it as `width` numbers; with a cost
   * of 0 it only looks.
   */
  readonly lua: string
  readonly width: number
  /**
   * True: `try` has counted, and `<kind>_undo(key, cost, state...)` takes it back when a policy refuses; two commands less for an attempt
   * that passes. False: `try` has only looked, and `<kind>_take(key, window, limit, cost, state...)` counts when all allow.
   */
  readonly isOptimistic: boolean
  /** Only a bucket may take another amount at once than its limit; the others are not sent one. */
  readonly hasCapacity: boolean
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
