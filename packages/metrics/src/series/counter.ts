import { type Labels, Metric, type Pairs, type Sample } from './metric.js'

interface Count {
  value: number
}

/** A number that only grows. Its name ends in `_total`, as Prometheus wants. */
export class Counter<Label extends string = never> extends Metric<Label, Count> {
  readonly type = 'counter'

  /**
   * @throws RangeError when it would fall or stop being a number
   * @throws TypeError for a label that it does not have
   */
  inc(labels?: Labels<Label>, by = 1): void {
    if (typeof by !== 'number' || !(by >= 0 && by < Number.POSITIVE_INFINITY))
      throw new RangeError(`${this.name}: a counter grows by ${by}; allowed: a number from 0`)
    this.series(labels).value += by
  }

  protected make(): Count {
    return { value: 0 }
  }

  protected samplesOf({ value }: Count, labels: Pairs): Iterable<Sample> {
    return [['', labels, value]]
  }
}
