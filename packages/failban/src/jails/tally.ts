/** What one jail holds against one client. `now` never steps back. */
export interface Tally {
  /** Adds a weight of at least 1 and returns the sum within the window, the new weight included. */
  add(now: number, weight: number): number
  /** Whether nothing in it counts any more. */
  isSpent(now: number): boolean
}

/** Up to this threshold each violation is remembered by itself. */
export const EXACT_UP_TO = 32

/**
 * The exact sum over the last `window`: a ring of (time, weight). It needs no more places than the
 * threshold, since every weight is at least 1 and the sum is at the threshold when they are full.
 */
export class ExactTally implements Tally {
  readonly #window: number
  readonly #places: number
  readonly #times: number[] = []
  readonly #weights: number[] = []
  #sum = 0

  constructor(window: number, places: number) {
    this.#window = window
    this.#places = places
  }

  add(now: number, weight: number): number {
    const times = this.#times
    const weights = this.#weights
    while (
      times.length > 0 &&
      (now - (times[0] as number) >= this.#window || times.length === this.#places)
    ) {
      times.shift()
      this.#sum -= weights.shift() as number
    }
    times.push(now)
    weights.push(weight)
    this.#sum += weight
    return this.#sum
  }

  isSpent(now: number): boolean {
    const last = this.#times.at(-1)
    return last === undefined || now - last >= this.#window
  }
}

const BUCKETS = 8

/**
 * The sum over the last `window` in eight buckets, for thresholds that would need many places. A
 * violation expires up to an eighth of the window early and never late: no client is banned that
 * the exact sum would not ban.
 */
export class BucketTally implements Tally {
  readonly #width: number
  readonly #sums = new Array<number>(BUCKETS).fill(0)
  /** The number of the bucket that was written last; the ones before it follow, round the array. */
  #newest = -1

  constructor(window: number) {
    this.#width = window / BUCKETS
  }

  add(now: number, weight: number): number {
    const bucket = Math.floor(now / this.#width)
    const passed = this.#newest < 0 ? BUCKETS : Math.min(BUCKETS, bucket - this.#newest)
    for (let i = 0; i < passed; i++) this.#sums[(bucket - i) % BUCKETS] = 0
    this.#newest = bucket
    const at = bucket % BUCKETS
    this.#sums[at] = (this.#sums[at] as number) + weight
    return this.#sums.reduce((total, sum) => total + sum, 0)
  }

  isSpent(now: number): boolean {
    return Math.floor(now / this.#width) - this.#newest >= BUCKETS
  }
}
