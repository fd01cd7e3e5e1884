import type { SeriesBudget } from './budget.js'
import { type Labels, Metric, type MetricOptions, type Sample } from './metric.js'

interface Level {
  value: number
}

export interface GaugeOptions<Label extends string> extends MetricOptions<Label> {
  /** Called before each exposition: sets what is only known by asking. A throw is logged by whoever renders, and the last value stays. */
  readonly collect?: (gauge: Gauge<Label>) => void
}

/** A number that goes up and down. */
export class Gauge<Label extends string = never> extends Metric<Label, Level> {
  readonly type = 'gauge'
  private readonly ask: ((gauge: Gauge<Label>) => void) | undefined

  constructor(options: GaugeOptions<Label>, budget: SeriesBudget) {
    super(options, budget)
    this.ask = options.collect
  }

  set(value: number, labels?: Labels<Label>): void {
    this.series(labels).value = value
  }

  inc(labels?: Labels<Label>, by = 1): void {
    this.series(labels).value += by
  }

  dec(labels?: Labels<Label>, by = 1): void {
    this.series(labels).value -= by
  }

  /** Asks for the values that are only known by asking. */
  refresh(): void {
    this.ask?.(this)
  }

  protected make(): Level {
    return { value: 0 }
  }

  protected *samplesOf({ value }: Level, labels: readonly (readonly [string, string])[]): Iterable<Sample> {
    yield ['', labels, value]
  }
}
