import type { Pairs, Sample } from './metric.js'

/** The buckets that OpenTelemetry advises for HTTP durations, in seconds. */
export const DURATION_BUCKETS: readonly number[] = Object.freeze([
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
])

/** 100 bytes to 100 megabytes. */
export const SIZE_BUCKETS: readonly number[] = Object.freeze([
  100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
])

/** The upper bounds of buckets, ascending, and how they are written. Shared by all series of a metric. */
export class Bounds {
  readonly values: Float64Array
  /** The `le` pairs, `+Inf` included. */
  readonly labels: readonly (readonly [string, string])[]

  constructor(bounds: readonly number[]) {
    this.values = Float64Array.from(bounds)
    this.labels = [...bounds.map(String), '+Inf'].map(text => ['le', text] as const)
  }
}

/**
 * How often values fell into each bucket. Counts are kept apart and only summed up when they are shown: an observation is two additions in one
 * typed array, and makes nothing.
 */
export class Distribution {
  private readonly bounds: Bounds
  /** A count for each bucket, that of +Inf, and the sum of all values. */
  private readonly cells: Float64Array

  constructor(bounds: Bounds) {
    this.bounds = bounds
    this.cells = new Float64Array(bounds.values.length + 2)
  }

  observe(value: number): void {
    const { cells } = this
    const bounds = this.bounds.values
    const last = bounds.length
    // Most values are small: a walk from the low end beats a binary search over so few.
    let i = 0
    while (i < last && value > (bounds[i] as number)) i++
    cells[i] = (cells[i] as number) + 1
    cells[last + 1] = (cells[last + 1] as number) + value
  }

  get sum(): number {
    return this.cells.at(-1) as number
  }

  get isEmpty(): boolean {
    return this.cells.subarray(0, -1).every(count => count === 0)
  }

  *samples(labels: Pairs): Iterable<Sample> {
    let total = 0
    for (const [i, le] of this.bounds.labels.entries()) {
      total += this.cells[i] as number
      yield ['_bucket', [...labels, le], total]
    }
    yield ['_sum', labels, this.sum]
    yield ['_count', labels, total]
  }
}
