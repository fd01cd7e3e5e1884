import { refuse } from '@palisade/core/middleware'
import type { Algorithm } from './algorithm.js'
import { debt, debtQueue } from './debt.js'
import { fixedWindow } from './fixed-window.js'
import { slidingLog } from './sliding-log.js'
import { slidingWindow } from './sliding-window.js'

export type AlgorithmName =
  | 'fixed-window'
  | 'sliding-window'
  | 'sliding-log'
  | 'token-bucket'
  | 'leaky-bucket'
  | 'gcra'

interface Entry {
  readonly counting: Algorithm
  /** Counts where admitted attempts wait for their turn. Absent where `queue` is not possible. */
  readonly queued?: Algorithm
  /** Whether the quota has a burst. */
  readonly isBucket: boolean
}

/** Every name with its implementation. A name without one does not compile. */
const ALGORITHMS: Readonly<Record<AlgorithmName, Entry>> = Object.freeze({
  'fixed-window': { counting: fixedWindow, isBucket: false },
  'sliding-window': { counting: slidingWindow, isBucket: false },
  'sliding-log': { counting: slidingLog, isBucket: false },
  'token-bucket': { counting: debt, isBucket: true },
  'leaky-bucket': { counting: debt, queued: debtQueue, isBucket: true },
  gcra: { counting: debt, isBucket: true },
} satisfies Record<AlgorithmName, Entry>)

export const ALGORITHM_NAMES = Object.freeze(Object.keys(ALGORITHMS)) as readonly AlgorithmName[]

const namesOf = (fits: (entry: Entry) => boolean): readonly AlgorithmName[] =>
  Object.freeze(ALGORITHM_NAMES.filter(name => fits(ALGORITHMS[name])))

/** The algorithms whose quota is a bucket: they have a burst. */
export const BUCKETS = namesOf(({ isBucket }) => isBucket)

/** The algorithms that can delay an admitted attempt. */
export const QUEUES = namesOf(({ queued }) => queued !== undefined)

/** The highest limit for which the default algorithm keeps the time of every attempt. */
export const EXACT_UP_TO = 100

/**
 * The algorithm of a policy that names none. A small limit gets the log: two counters would admit half of a
 * limit of 1, and four fifths of a limit of 5. A limit that a function returns is not known yet.
 */
export function defaultAlgorithm(limit: unknown): AlgorithmName {
  return typeof limit === 'number' && limit <= EXACT_UP_TO ? 'sliding-log' : 'sliding-window'
}

/** For a store that was opened past the options. @throws ConfigError for a name without an implementation */
export function requireAlgorithm(owner: string, name: AlgorithmName): void {
  if (!ALGORITHM_NAMES.includes(name))
    refuse({ owner, option: 'algorithm' }, name, `one of ${ALGORITHM_NAMES.join(', ')}`)
}

/** What counts for a policy, or `undefined` when it cannot queue. */
export function algorithmOf(name: AlgorithmName, queue: boolean): Algorithm | undefined {
  const { counting, queued } = ALGORITHMS[name]
  return queue ? queued : counting
}
