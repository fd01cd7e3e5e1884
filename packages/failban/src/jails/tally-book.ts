import type { CidrSet } from '@palisade/core/middleware'
import { BucketTally, EXACT_UP_TO, ExactTally, type Tally } from './tally.js'
import { TwoGenerations } from './two-generations.js'

export interface TallyBookOptions {
  readonly threshold: number
  readonly window: number
  readonly maxKeys: number
}

/** What is counted against each client, until it is enough. */
export class TallyBook {
  readonly #options: TallyBookOptions
  readonly #tallies: TwoGenerations<Tally>
  #now = 0

  constructor(options: TallyBookOptions) {
    this.#options = options
    this.#tallies = new TwoGenerations(options.maxKeys, tally => tally.isSpent(this.#now))
  }

  get size(): number {
    return this.#tallies.size
  }

  get evictions(): number {
    return this.#tallies.evictions
  }

  /** The sum if it has reached the threshold, which also ends the count; else 0. */
  count(id: string, weight: number, now: number): number {
    this.#now = now
    let tally = this.#tallies.get(id)
    if (tally === undefined) {
      tally = this.#newTally()
      this.#tallies.set(id, tally)
    }
    const sum = tally.add(now, weight)
    if (sum < this.#options.threshold) return 0
    this.#tallies.delete(id)
    return sum
  }

  forget(id: string): void {
    this.#tallies.delete(id)
  }

  forgetWithin(network: CidrSet): void {
    this.#tallies.deleteWithin(network)
  }

  sweep(now: number): void {
    this.#now = now
    this.#tallies.sweep()
  }

  #newTally(): Tally {
    const { threshold, window } = this.#options
    return threshold <= EXACT_UP_TO ? new ExactTally(window, threshold) : new BucketTally(window)
  }
}
