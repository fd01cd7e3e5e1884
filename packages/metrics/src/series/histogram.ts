import type { SeriesBudget } from './budget.js'
import { Bounds, Distribution } from './distribution.js'
import {
  type Given,
  Metric,
  type MetricDefinition,
  type MetricOptions,
  type Pairs,
  type Sample,
} from './metric.js'

export interface HistogramOptions<Label extends string> extends MetricOptions<Label> {
  /** Upper bounds, ascending, without +Inf; at most 100. Default: those of durations in seconds. */
  readonly buckets?: readonly number[]
}

/** How values are distributed over buckets. */
export class Histogram<Label extends string = never> extends Metric<Label, Distribution> {
  readonly type = 'histogram'
  readonly #bounds: Bounds

  constructor(definition: MetricDefinition<Label>, budget: SeriesBudget, buckets: readonly number[]) {
    super(definition, budget)
    this.#bounds = new Bounds(buckets)
  }

  /**
   * Counts a value in the series with these labels: `observe(labels, value)`, or `observe(value)`
   * without labels.
   *
   * @throws RangeError for what is no number, and for NaN, which would make the sum NaN for ever
   * @throws TypeError for a label that it does not have, and for another order
   */
  observe(...given: Given<Label, [value: number]>): void
  observe(first: unknown, second?: unknown): void {
    const value = this.valueOf('observe', first, second)
    if (typeof value !== 'number' || Number.isNaN(value))
      throw new RangeError(`${this.name}: observed ${value}; allowed: a number`)
    this.series(first).observe(value)
  }

  protected make(): Distribution {
    return new Distribution(this.#bounds)
  }

  protected samplesOf(child: Distribution, labels: Pairs): Iterable<Sample> {
    return child.samples(labels)
  }
}
