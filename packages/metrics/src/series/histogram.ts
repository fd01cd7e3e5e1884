import type { SeriesBudget } from './budget.js'
import { Bounds, Distribution } from './distribution.js'
import {
  type Labels,
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
  private readonly bounds: Bounds

  constructor(definition: MetricDefinition<Label>, budget: SeriesBudget, buckets: readonly number[]) {
    super(definition, budget)
    this.bounds = new Bounds(buckets)
  }

  /**
   * @throws RangeError for what is no number, and for NaN, which would make the sum NaN for ever
   * @throws TypeError for a label that it does not have
   */
  observe(value: number, labels?: Labels<Label>): void {
    if (typeof value !== 'number' || Number.isNaN(value))
      throw new RangeError(`${this.name}: observed ${value}; allowed: a number`)
    this.series(labels).observe(value)
  }

  protected make(): Distribution {
    return new Distribution(this.bounds)
  }

  protected samplesOf(child: Distribution, labels: Pairs): Iterable<Sample> {
    return child.samples(labels)
  }
}
