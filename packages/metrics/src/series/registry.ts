import { SeriesBudget } from './budget.js'
import { Counter } from './counter.js'
import { Gauge, type GaugeOptions } from './gauge.js'
import { Histogram, type HistogramOptions } from './histogram.js'
import { check, type MetricOptions, type MetricType, type Sample } from './metric.js'

/** What the exposition needs of a metric. */
export interface Exposed {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  collect(): Iterable<readonly Sample[]>
  refresh?(): void
}

/** All metrics of one process, within one budget of series. */
export class Registry {
  readonly budget: SeriesBudget
  private readonly prefix: string
  private readonly metrics = new Map<string, Exposed>()

  constructor(options: { maxSeries: number; prefix: string }) {
    this.budget = new SeriesBudget(options.maxSeries)
    this.prefix = options.prefix
  }

  /** @throws ConfigError for a name that is taken, is none, or does not end in `_total` */
  counter<Label extends string = never>(options: MetricOptions<Label>): Counter<Label> {
    check(/_total$/.test(options.name), 'name', options.name, 'a counter whose name ends in "_total"')
    return this.add(new Counter(this.named(options), this.budget))
  }

  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label> {
    return this.add(new Gauge(this.named(options), this.budget))
  }

  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label> {
    return this.add(new Histogram(this.named(options), this.budget))
  }

  /** Adds metrics that keep their series themselves. */
  add<M extends Exposed>(metric: M): M {
    check(!this.metrics.has(metric.name), 'name', metric.name, 'a name that is not taken')
    this.metrics.set(metric.name, metric)
    return metric
  }

  /** The name as it is exposed. */
  nameOf(name: string): string {
    return this.prefix + name
  }

  all(): readonly Exposed[] {
    return [...this.metrics.values()]
  }

  private named<O extends { readonly name: string }>(options: O): O {
    return { ...options, name: this.nameOf(options.name) }
  }
}
