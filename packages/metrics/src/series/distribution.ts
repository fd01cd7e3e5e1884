import type { Pairs, Sample } from './metric.js'

/** The buckets that OpenTelemetry advises for HTTP durations, in seconds. */
export const DURATION_BUCKETS: readonly number[] = Object.freeze([
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
])

/** 100 bytes to 100 megabytes. */
export const SIZE_BUCKETS: readonly number[] = Object.freeze([
  100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
])

/**
 * The upper bounds of buckets, ascending, and how they are written. Shared by all series of a
 * metric.
 */
export class Bounds {
  readonly values: Float64Array
  /** The `le` pairs, `+Inf` included. */
  readonly labels: readonly (readonly [string, string])[]
  /**
   * How many cells a distribution needs: the sum of all values, a count for each bucket and that of
   * +Inf.
   */
  readonly cells: number

  constructor(bounds: readonly number[]) {
    this.values = Float64Array.from(bounds)
    this.labels = [...bounds.map(String), '+Inf'].map(text => ['le', text] as const)
    this.cells = bounds.length + 2
  }

  /**
   * The first bucket that holds the value. Most values are small: a walk from the low end beats a
   * binary search over so few.
   */
  bucketOf(value: number): number {
    const { values } = this
    let bucket = 0
    while (bucket < values.length && value > (values[bucket] as number)) bucket++
    return bucket
  }
}

/**
 * Adds a value to the distribution that begins at `first`: the sum of all values, then a count for
 * each bucket and that of +Inf.
 */
export function add(cells: Float64Array, first: number, bucket: number, value: number): void {
  const at = first + 1 + bucket
  cells[first] = (cells[first] as number) + value
  cells[at] = (cells[at] as number) + 1
}

/**
 * How often values fell into each bucket. Counts are kept apart and only summed up when they are
 * shown: an observation is two additions in one typed array, and makes nothing.
 */
export class Distribution {
  readonly #bounds: Bounds
  readonly #cells: Float64Array
  readonly #first: number

  /** @param cells may hold other things too; this one has `bounds.cells` of them from `first` */
  constructor(bounds: Bounds, cells: Float64Array = new Float64Array(bounds.cells), first = 0) {
    this.#bounds = bounds
    this.#cells = cells
    this.#first = first
  }

  observe(value: number): void {
    add(this.#cells, this.#first, this.#bounds.bucketOf(value), value)
  }

  get sum(): number {
    return this.#cells[this.#first] as number
  }

  get count(): number {
    let count = 0
    for (let i = 1; i < this.#bounds.cells; i++) count += this.#cells[this.#first + i] as number
    return count
  }

  *samples(labels: Pairs): Iterable<Sample> {
    let total = 0
    for (const [bucket, le] of this.#bounds.labels.entries()) {
      total += this.#cells[this.#first + 1 + bucket] as number
      yield ['_bucket', [...labels, le], total]
    }
    yield ['_sum', labels, this.sum]
    yield ['_count', labels, total]
  }
}
