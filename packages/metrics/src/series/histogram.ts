import type { SeriesBudget } from './budget.js'
import { Distribution, DURATION_BUCKETS } from './distribution.js'
import { check, type Labels, Metric, type MetricOptions, type Sample } from './metric.js'

export interface HistogramOptions<Label extends string> extends MetricOptions<Label> {
  /** Upper bounds, ascending, without +Inf; at most 100. Default: those of durations in seconds. */
  readonly buckets?: readonly number[]
}

export class Histogram<Label extends string = never> extends Metric<Label, Distribution> {
  readonly type = 'histogram'
  private readonly bounds: readonly number[]

  constructor(options: HistogramOptions<Label>, budget: SeriesBudget) {
    super(options, budget, ['le'])
    const { buckets = DURATION_BUCKETS } = options
    const isAscending = buckets.every(
      (bound, i) => Number.isFinite(bound) && (i === 0 || bound > (buckets[i - 1] as number)),
    )
    check(
      isAscending && buckets.length >= 1 && buckets.length <= 100,
      'buckets',
      buckets,
      '1 to 100 finite numbers, ascending',
    )
    this.bounds = Object.freeze([...buckets])
  }

  observe(value: number, labels?: Labels<Label>): void {
    if (Number.isNaN(value)) throw new RangeError(`${this.name}: observed NaN; allowed: a number`)
    this.series(labels).observe(value)
  }

  protected make(): Distribution {
    return new Distribution(this.bounds)
  }

  protected samplesOf(child: Distribution, labels: readonly (readonly [string, string])[]): Iterable<Sample> {
    return child.samples(labels)
  }
}
