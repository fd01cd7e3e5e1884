import { middleOf, PLACES } from './log-scale.js'

const SLICES = 12

/**
 * Percentiles of the last minute, less than 1 % off: log-linear counts in slices of five seconds,
 * of which the oldest is emptied as time goes on.
 */
export class SlidingPercentiles {
  readonly #sliceMs: number
  readonly #slices = Array.from({ length: SLICES }, () => new Uint32Array(PLACES))
  readonly #sums = new Float64Array(SLICES)
  /** The number of the newest slice, counted from the clock's zero. */
  #newest: number

  constructor(nowMs: number, windowMs = 60_000) {
    this.#sliceMs = windowMs / SLICES
    this.#newest = Math.floor(nowMs / this.#sliceMs)
  }

  /**
   * The counts of the newest slice by the place on the log scale, to which recording code adds.
   * After an `advance`, earlier references are old.
   */
  get counts(): Uint32Array {
    return this.#slices[this.#newest % SLICES] as Uint32Array
  }

  /** Adds up what the durations of the newest slice come to. */
  addTime(durationsMs: number): void {
    const index = this.#newest % SLICES
    this.#sums[index] = (this.#sums[index] as number) + durationsMs
  }

  /**
   * Empties the slices that time has left behind.
   *
   * @param nowMs of a clock that never steps back
   */
  advance(nowMs: number): void {
    const now = Math.floor(nowMs / this.#sliceMs)
    for (let slice = Math.max(this.#newest + 1, now - SLICES + 1); slice <= now; slice++)
      this.#empty(slice % SLICES)
    this.#newest = Math.max(this.#newest, now)
  }

  /**
   * For each quantile, ascending, the duration in milliseconds that so large a share of requests
   * stayed within; 0 when there were none.
   */
  read(quantiles: readonly number[]): {
    readonly at: readonly number[]
    readonly mean: number
    readonly count: number
  } {
    const merged = new Float64Array(PLACES)
    for (const counts of this.#slices) addTo(merged, counts)
    const count = sum(merged)
    if (count === 0) return { at: quantiles.map(() => 0), mean: 0, count }
    let place = -1
    let seen = 0
    const at = quantiles.map(quantile => {
      // The nearest rank; 0.95 * 60 is a little less or more than 57 in binary.
      const rank = Math.max(1, Math.ceil(quantile * count * (1 - 1e-12)))
      while (seen < rank) seen += merged[++place] as number
      return middleOf(place)
    })
    return { at, mean: sum(this.#sums) / count, count }
  }

  #empty(index: number): void {
    this.#slices[index]?.fill(0)
    this.#sums[index] = 0
  }
}

function addTo(total: Float64Array, counts: Uint32Array): void {
  for (let i = 0; i < counts.length; i++) total[i] = (total[i] as number) + (counts[i] as number)
}

const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
