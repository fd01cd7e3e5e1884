import type { Clock, MaybePromise } from '@palisade/core/middleware'
import type { Counting } from '../algorithms/counting.js'
import type { AlgorithmName } from '../algorithms/index.js'
import type { Attempt, LimitCharge } from '../counting/attempt.js'

/** What a store has to know of a policy. */
export interface PolicyKind {
  readonly name: string
  readonly algorithm: AlgorithmName
  /** How attempts are counted in memory, and how the answers are made. */
  readonly counting: Counting
  /** In milliseconds. */
  readonly window: number
  /** The highest limit with which the counting stays exact. */
  readonly maxLimit: number
}

/** Counts for the policies of one limiter. */
export interface LimitEngine {
  /** True when no method returns a promise. */
  readonly immediate: boolean
  /** False when a decision would fail at once, so that no attempt has to wait for that. */
  readonly available: boolean
  /**
   * The moment that the other methods are given, in whole milliseconds. It moves with the clock's
   * monotonic time: by the time of day, a clock that is set back by an hour would refuse clients
   * far below their limit for that hour.
   */
  now(clock: Clock): number
  /**
   * Decides all active attempts together and takes the costs only if all fit. Returns whether they
   * did; the answers are in the attempts, one for each policy in the order of `open`. An engine
   * that is not `immediate` keeps the attempts until its promise settles.
   *
   * @param late given what was taken, as other attempts, when a promise that was rejected turns out
   * to have been a decision that allowed
   */
  decide(
    attempts: readonly Attempt[],
    now: number,
    late?: (taken: readonly Attempt[]) => void,
  ): MaybePromise<boolean>
  /**
   * Corrects what a policy took from a key to another cost; 0 gives all back. Less is given back as
   * far as it still counts. More is taken now, whether it fits or not.
   */
  settle(policy: number, taken: LimitCharge, cost: number, now: number): MaybePromise<void>
  /** Resets what was counted for a key. */
  reset(key: string): MaybePromise<void>
}

/**
 * Where counts are kept. Limiters that share a store and have a policy of the same name share its
 * counts.
 */
export interface LimitStore {
  /** @throws ConfigError when the store already counts a policy of this name in another way */
  open(owner: string, policies: readonly PolicyKind[]): LimitEngine
  dispose?(): MaybePromise<void>
}
