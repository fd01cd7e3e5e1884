import type { SeriesBudget } from './budget.js'
import {
  type Labels,
  Metric,
  type MetricDefinition,
  type MetricOptions,
  type Pairs,
  type Sample,
} from './metric.js'

interface Level {
  value: number
}

export interface GaugeOptions<Label extends string> extends MetricOptions<Label> {
  /**
   * Called before each exposition: sets what is only known by asking. A throw or rejection is logged, and the last value stays. A promise is not
   * waited for: what it sets is in the next one.
   */
  readonly collect?: (gauge: Gauge<Label>) => unknown
}

/** A number that goes up and down. NaN and infinities are values too. */
export class Gauge<Label extends string = never> extends Metric<Label, Level> {
  readonly type = 'gauge'
  private readonly ask: ((gauge: Gauge<Label>) => unknown) | undefined

  constructor(
    definition: MetricDefinition<Label>,
    budget: SeriesBudget,
    ask: ((gauge: Gauge<Label>) => unknown) | undefined,
  ) {
    super(definition, budget)
    this.ask = ask
  }

  /**
   * @throws RangeError for what is no number
   * @throws TypeError for a label that it does not have
   */
  set(value: number, labels?: Labels<Label>): void {
    this.series(this.checked(value, labels)).value = value
  }

  inc(labels?: Labels<Label>, by = 1): void {
    this.series(this.checked(by, labels)).value += by
  }

  dec(labels?: Labels<Label>, by = 1): void {
    this.series(this.checked(by, labels)).value -= by
  }

  /** Asks for the values that are only known by asking. */
  refresh(): unknown {
    return this.ask?.(this)
  }

  protected make(): Level {
    return { value: 0 }
  }

  protected samplesOf({ value }: Level, labels: Pairs): Iterable<Sample> {
    return [['', labels, value]]
  }

  /** In plain JavaScript a string would be joined instead of added. */
  private checked(value: unknown, labels: Labels<Label> | undefined): Labels<Label> | undefined {
    if (typeof value !== 'number')
      throw new RangeError(`${this.name}: the value is a ${typeof value}; allowed: a number`)
    return labels
  }
}
