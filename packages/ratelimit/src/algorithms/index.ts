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

/** The algorithms whose quota is a bucket: they have a burst. */
export const BUCKETS: ReadonlySet<string> = new Set(['token-bucket', 'leaky-bucket', 'gcra'])

/** What counts for a policy: a name that options know, and whether an admitted attempt waits for its turn. */
export function algorithmOf(name: AlgorithmName, queue: boolean): Algorithm {
  switch (name) {
    case 'fixed-window':
      return fixedWindow
    case 'sliding-window':
      return slidingWindow
    case 'sliding-log':
      return slidingLog
    default:
      return queue ? debtQueue : debt
  }
}
