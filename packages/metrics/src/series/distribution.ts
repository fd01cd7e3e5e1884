import type { Sample } from './metric.js'

/** The buckets that OpenTelemetry advises for HTTP durations, in seconds. */
export const DURATION_BUCKETS: readonly number[] = Object.freeze([
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
])

/** 100 bytes to 100 megabytes. */
export const SIZE_BUCKETS: readonly number[] = Object.freeze([
  100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
])

/** How often values fell into each bucket. Counts are kept apart and only summed up when they are shown: one addition a value. */
export class Distribution {
  private readonly bounds: readonly number[]
  private readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const { bounds, counts } = this
    // Most values are small: a walk from the low end beats a binary search over so few.
    let i = 0
    while (i < bounds.length && value > (bounds[i] as number)) i++
    counts[i] = (counts[i] as number) + 1
    this.sum += value
  }

  get count(): number {
    let total = 0
    for (const count of this.counts) total += count
    return total
  }

  *samples(labels: readonly (readonly [string, string])[]): Iterable<Sample> {
    let total = 0
    for (let i = 0; i < this.counts.length; i++) {
      total += this.counts[i] as number
      const bound = this.bounds[i]
      yield ['_bucket', [...labels, ['le', bound === undefined ? '+Inf' : String(bound)]], total]
    }
    yield ['_sum', labels, this.sum]
    yield ['_count', labels, total]
  }
}
