import type { SeriesBudget } from './budget.js'
import {
  type Given,
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
   * Called before each exposition: sets what is only known by asking. A throw or rejection is
   * logged, and the last value stays. A promise is not waited for: what it sets is in the next one.
   */
  readonly collect?: (gauge: Gauge<Label>) => unknown
}

/** A number that goes up and down. NaN and infinities are values too. */
export class Gauge<Label extends string = never> extends Metric<Label, Level> {
  readonly type = 'gauge'
  readonly #ask: ((gauge: Gauge<Label>) => unknown) | undefined

  constructor(
    definition: MetricDefinition<Label>,
    budget: SeriesBudget,
    ask: ((gauge: Gauge<Label>) => unknown) | undefined,
  ) {
    super(definition, budget)
    this.#ask = ask
  }

  /**
   * Sets the series with these labels: `set(labels, value)`, or `set(value)` without labels.
   *
   * @throws RangeError for what is no number
   * @throws TypeError for a label that it does not have, and for another order
   */
  set(...given: Given<Label, [value: number]>): void
  set(first: unknown, second?: unknown): void {
    const value = this.#numberOf('set', first, second)
    this.series(first).value = value
  }

  /** Adds: `inc(labels, by)`, or `inc(by)` without labels. Default 1. Throws as `set` does. */
  inc(...given: Given<Label, [by?: number]>): void
  inc(first?: unknown, second?: unknown): void {
    const by = this.#numberOf('inc', first, second, 1)
    this.series(first).value += by
  }

  /** Subtracts: `dec(labels, by)`, or `dec(by)` without labels. Default 1. Throws as `set` does. */
  dec(...given: Given<Label, [by?: number]>): void
  dec(first?: unknown, second?: unknown): void {
    const by = this.#numberOf('dec', first, second, 1)
    this.series(first).value -= by
  }

  /** Asks for the values that are only known by asking. */
  refresh(): unknown {
    return this.#ask?.(this)
  }

  protected make(): Level {
    return { value: 0 }
  }

  protected samplesOf({ value }: Level, labels: Pairs): Iterable<Sample> {
    return [['', labels, value]]
  }

  /** In plain JavaScript a string would be joined instead of added. */
  #numberOf(method: string, first: unknown, second: unknown, preset?: number): number {
    const given = this.valueOf(method, first, second)
    const value = given === undefined ? preset : given
    if (typeof value !== 'number')
      throw new RangeError(`${this.name}: the value is a ${typeof value}; allowed: a number`)
    return value
  }
}
