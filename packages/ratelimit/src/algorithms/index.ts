import { refuse } from '@palisade/core/middleware'
import type { Algorithm } from './algorithm.js'
import type { Counting } from './counting.js'
import { debt, debtQueue } from './debt.js'
import { fixedWindow } from './fixed-window.js'
import type { RedisCounting } from './redis-counting.js'
import { slidingLog } from './sliding-log.js'
import { slidingWindow } from './sliding-window.js'

/**
 * The registry. The names, the check of the option and the types derive from it. An entry without
 * one of its halves does not compile.
 */
export const ALGORITHMS = Object.freeze({
  'fixed-window': fixedWindow,
  'sliding-window': slidingWindow,
  'sliding-log': slidingLog,
  'token-bucket': debt,
  'leaky-bucket': debtQueue,
  gcra: debt,
} satisfies Record<string, Algorithm>)

export type AlgorithmName = keyof typeof ALGORITHMS

export const ALGORITHM_NAMES = Object.freeze(Object.keys(ALGORITHMS)) as readonly AlgorithmName[]

/** The algorithms whose quota is a bucket: they have a burst. */
export const BUCKETS = namesOf(({ isBucket }) => isBucket)

/** The algorithms that can delay an admitted attempt. */
export const QUEUES = namesOf(({ queued }) => queued !== undefined)

/** The highest limit for which the default algorithm keeps the time of every attempt. */
export const EXACT_UP_TO = 100

/**
 * The algorithm of a policy that names none. A small limit gets the log: two counters would admit
 * half of a limit of 1, and four fifths of a limit of 5. A limit that a function returns is not
 * known yet.
 */
export function defaultAlgorithm(limit: unknown): AlgorithmName {
  return typeof limit === 'number' && limit <= EXACT_UP_TO ? 'sliding-log' : 'sliding-window'
}

/**
 * For a store that was opened past the options. @throws ConfigError for a name without an
 * implementation
 */
export function requireAlgorithm(owner: string, name: AlgorithmName): void {
  if (!ALGORITHM_NAMES.includes(name))
    refuse({ owner, option: 'algorithm' }, name, `one of ${ALGORITHM_NAMES.join(', ')}`)
}

export function algorithmOf(name: AlgorithmName): Algorithm {
  return ALGORITHMS[name]
}

/** How Redis counts for a policy, whose algorithm is known to exist. */
export function redisCountingOf(name: AlgorithmName, counting: Counting): RedisCounting {
  return ALGORITHMS[name].redis(counting)
}

function namesOf(fits: (algorithm: Algorithm) => boolean): readonly AlgorithmName[] {
  return Object.freeze(ALGORITHM_NAMES.filter(name => fits(ALGORITHMS[name])))
}
