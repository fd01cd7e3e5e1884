import { type Given, Metric, type Pairs, type Sample } from './metric.js'

interface Count {
  value: number
}

/** A number that only grows. Its name ends in `_total`, as Prometheus wants. */
export class Counter<Label extends string = never> extends Metric<Label, Count> {
  readonly type = 'counter'

  /**
   * Adds to the series with these labels: `inc(labels, by)`, or `inc(by)` without labels. `by` is 1
   * by default.
   *
   * @throws RangeError when it would fall or stop being a number
   * @throws TypeError for a label that it does not have, and for another order
   */
  inc(...given: Given<Label, [by?: number]>): void
  inc(first?: unknown, second?: unknown): void {
    const given = this.valueOf('inc', first, second)
    const by = given === undefined ? 1 : given
    if (typeof by !== 'number' || !(by >= 0 && by < Number.POSITIVE_INFINITY))
      throw new RangeError(`${this.name}: a counter grows by ${String(by)}; allowed: a number from 0`)
    this.series(first).value += by
  }

  protected make(): Count {
    return { value: 0 }
  }

  protected samplesOf({ value }: Count, labels: Pairs): Iterable<Sample> {
    return [['', labels, value]]
  }
}
