import type { Counting } from './counting.js'
import type { RedisCounting } from './redis-counting.js'

/** An entry of the registry: one algorithm, in memory and in Redis. */
export interface Algorithm {
  readonly memory: Counting
  /** How admitted attempts wait for their turn. Absent where `queue` is not possible. */
  readonly queued?: Counting
  /** @param counting `memory` or `queued`, which makes the answers from the states in Redis */
  readonly redis: (counting: Counting) => RedisCounting
  /** Whether the quota has a burst. */
  readonly isBucket: boolean
  /**
   * The highest limit or burst with which the counting stays exact, for a window in milliseconds.
   */
  maxLimit(window: number): number
}

/**
 * For algorithms whose products of a limit and a window must stay whole numbers:
 * `2 * limit * window < 2 ** 53`.
 */
export function exactProducts(window: number): number {
  return Math.ceil(2 ** 52 / window) - 1
}
