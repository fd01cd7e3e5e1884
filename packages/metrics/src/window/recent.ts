import { SlidingPercentiles } from './percentiles.js'
import { SlidingRate } from './rate.js'

/**
 * The requests of the last minute: how many came a second, and how long they took. Recording code
 * adds to `counts` and `totals`.
 */
export class RecentRequests {
  /**
   * By the place of their duration on the log scale. Of the slice that this second is in: slices
   * begin with a second.
   */
  counts: Uint32Array
  /** Requests and their milliseconds in this second, as far as they were not passed on. */
  readonly totals = new Float64Array(2)
  /** When this second is over. */
  endsAtMs: number
  readonly #rate: SlidingRate
  readonly #percentiles: SlidingPercentiles
  #second: number

  constructor(nowMs: number) {
    this.#rate = new SlidingRate(nowMs)
    this.#percentiles = new SlidingPercentiles(nowMs)
    this.counts = this.#percentiles.counts
    this.#second = Math.floor(nowMs / 1000)
    this.endsAtMs = (this.#second + 1) * 1000
  }

  /** Passes on what this second held, and begins the one of now. */
  turn(nowMs: number): void {
    const rate = this.#rate
    const percentiles = this.#percentiles
    const { totals } = this
    rate.add(this.#second, totals[0] as number)
    percentiles.addTime(totals[1] as number)
    totals.fill(0)
    percentiles.advance(nowMs)
    this.counts = percentiles.counts
    this.#second = Math.max(this.#second, Math.floor(nowMs / 1000))
    this.endsAtMs = (this.#second + 1) * 1000
  }

  perSecond(nowMs: number): number {
    this.turn(nowMs)
    return this.#rate.perSecond(nowMs)
  }

  durations(quantiles: readonly number[], nowMs: number): ReturnType<SlidingPercentiles['read']> {
    this.turn(nowMs)
    return this.#percentiles.read(quantiles)
  }
}
