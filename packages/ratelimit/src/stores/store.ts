import type { Clock, MaybePromise } from '@palisade/core/middleware'
import type { Algorithm, Taken, Tally } from '../algorithms/algorithm.js'
import type { AlgorithmName } from '../algorithms/index.js'

/** What a store has to know of a policy. */
export interface PolicyKind {
  readonly name: string
  readonly algorithm: AlgorithmName
  readonly counting: Algorithm
  readonly window: number
}

/** Counts for the policies of one limiter. */
export interface Engine {
  /**
   * The moment that the other methods are given, in whole milliseconds. It moves with the clock's monotonic time: by the
   * time of day, a clock that is set back by an hour would refuse clients far below their limit for that hour.
   */
  now(clock: Clock): number
  /**
   * Decides all active tallies together and takes the costs only if all fit. Whether they did; the answers are in the tallies.
   * An engine that is not `immediate` keeps the tallies until its promise settles.
   *
   * @param late given what was taken, as other tallies, when a promise that was rejected turns out to have been a decision that allowed
   */
  decide(
    tallies: readonly Tally[],
    now: number,
    late?: (taken: readonly Tally[]) => void,
  ): MaybePromise<boolean>
  /** Gives back what a policy took from a key. */
  refund(policy: number, key: string, taken: Taken, now: number): Promise<void> | undefined
  /** Forgets what was counted for a key. */
  reset(key: string): MaybePromise<void>
  /** True when `decide` never returns a promise. */
  readonly immediate: boolean
  /** False when a decision would fail at once, so that nobody has to wait for that. */
  readonly available: boolean
}

/** An engine that can decide its only policy without a list, and at once. */
export interface DirectEngine extends Engine {
  /**
   * `decide` for one active tally. The key is told apart: written into the tally, an object that lives on, each would cost the garbage collector
   * more than it costs to be passed.
   */
  decideOne(tally: Tally, key: string, now: number): boolean
}

/**
 * Where counts are kept. Limiters that share a store and have a policy of the same name share its counts.
 */
export interface LimitStore {
  /** @throws ConfigError when the store already counts a policy of this name in another way */
  open(owner: string, policies: readonly PolicyKind[]): Engine
  dispose?(): MaybePromise<void>
}
