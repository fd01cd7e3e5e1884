import { bindMethods, ConfigError } from '@palisade/core/middleware'
import { SeriesBudget } from './budget.js'
import { Counter } from './counter.js'
import { DURATION_BUCKETS } from './distribution.js'
import { Gauge, type GaugeOptions } from './gauge.js'
import { Histogram, type HistogramOptions } from './histogram.js'
import type { MetricDefinition, MetricOptions, MetricType, Sample } from './metric.js'
import { checkCounter, checkGauge, checkHistogram } from './options.js'

/** What the exposition needs of a metric. */
export interface Exposed {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  /** The lines of each series together. */
  collect(): Iterable<Iterable<Sample>>
  refresh?(): unknown
}

/** The names that a metric's lines have. */
const SUFFIXES = { counter: [''], gauge: [''], histogram: ['', '_bucket', '_sum', '_count'] }

/** All metrics of one process, within one budget of series. */
export class Registry {
  readonly budget: SeriesBudget
  readonly #prefix: string
  readonly #metrics: Exposed[] = []
  readonly #taken = new Set<string>()

  constructor(options: { maxSeries: number; prefix: string }) {
    this.budget = new SeriesBudget(options.maxSeries)
    this.#prefix = options.prefix
  }

  /** @throws ConfigError if the name is taken, is invalid, or does not end in `_total` */
  counter<Label extends string = never>(options: MetricOptions<Label>): Counter<Label> {
    const counter = new Counter(this.#define<Label>(checkCounter(options)), this.budget)
    return this.#add(bindMethods(counter, 'inc', 'collect'))
  }

  /** @throws ConfigError if the name is taken or invalid */
  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label> {
    const gauge = new Gauge(this.#define<Label>(checkGauge(options)), this.budget, options.collect)
    return this.#add(bindMethods(gauge, 'set', 'inc', 'dec', 'refresh', 'collect'))
  }

  /** @throws ConfigError if the name is taken or invalid, or if the buckets do not ascend */
  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label> {
    const { buckets = DURATION_BUCKETS, ...checked } = checkHistogram(options)
    const histogram = new Histogram(this.#define<Label>(checked), this.budget, buckets)
    return this.#add(bindMethods(histogram, 'observe', 'collect'))
  }

  /** A metric that keeps its series itself. Its name gets the prefix. */
  expose(metric: Exposed): void {
    this.#add({ ...metric, name: this.#prefix + metric.name })
  }

  all(): readonly Exposed[] {
    return this.#metrics
  }

  #define<Label extends string>(checked: MetricDefinition<string>): MetricDefinition<Label> {
    const { name, help, labels } = checked
    return { name: this.#prefix + name, help, labels: labels as readonly Label[] }
  }

  #add<M extends Exposed>(metric: M): M {
    const names = SUFFIXES[metric.type].map(suffix => metric.name + suffix)
    const twice = names.find(name => this.#taken.has(name))
    if (twice !== undefined)
      throw new ConfigError({
        owner: `metrics.${metric.type}`,
        option: 'name',
        value: metric.name,
        allowed: `a name that is not taken; there is "${twice}" already`,
      })
    for (const name of names) this.#taken.add(name)
    this.#metrics.push(metric)
    return metric
  }
}
