import { ConfigError } from '@palisade/core'
import type { SeriesBudget } from './budget.js'
import { type LabelValues, SeriesTree } from './labels.js'

export type MetricType = 'counter' | 'gauge' | 'histogram'

/** One line of the exposition: the suffix of the name, the labels, the value. */
export type Sample = readonly [suffix: string, labels: readonly (readonly [string, string])[], value: number]

export interface MetricOptions<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labels?: readonly Label[]
}

/** A value for each label name. What is left out is the empty string, which Prometheus takes for absent. */
export type Labels<Label extends string> = Readonly<Partial<Record<Label, string>>>

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/
const OVERFLOW = '_overflow'
const LONGEST_VALUE = 200

/** A metric and its series. The subclass says what a series holds and how it is shown. */
export abstract class Metric<Label extends string, Child> {
  abstract readonly type: MetricType
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  private readonly budget: SeriesBudget
  private readonly tree: SeriesTree<Child>
  private readonly children: { readonly values: LabelValues; readonly child: Child }[] = []
  private overflow: Child | undefined

  constructor(options: MetricOptions<Label>, budget: SeriesBudget, reserved: readonly string[] = []) {
    const { name, help, labels = [] } = options
    check(NAME.test(name), 'name', name, 'letters, digits, _ and :, not beginning with a digit')
    check(typeof help === 'string' && help !== '', 'help', help, 'a sentence that says what is counted')
    for (const label of labels) {
      const isFit = LABEL.test(label) && !reserved.includes(label)
      check(isFit, 'labels', label, 'letters, digits and _, not beginning with a digit or "__", and not "le"')
    }
    this.name = name
    this.help = help
    this.labels = Object.freeze([...labels])
    this.budget = budget
    this.tree = new SeriesTree<Child>(labels.length)
  }

  protected abstract make(): Child
  protected abstract samplesOf(child: Child, labels: readonly (readonly [string, string])[]): Iterable<Sample>

  /** The series with these labels; past the budget the one that takes all that does not fit. */
  protected series(given: Labels<Label> | undefined): Child {
    const values = this.labels.map(label => bounded(given?.[label]))
    return this.tree.find(values) ?? this.grow(values)
  }

  private grow(values: LabelValues): Child {
    if (this.budget.take()) {
      const child = this.tree.add(values, this.make())
      this.children.push({ values, child })
      return child
    }
    this.budget.dropped++
    if (this.overflow === undefined) {
      this.overflow = this.make()
      this.children.push({ values: this.labels.map(() => OVERFLOW), child: this.overflow })
    }
    return this.overflow
  }

  /** Each series with its label pairs, in the order in which they were first seen. */
  *collect(): Iterable<readonly Sample[]> {
    for (const { values, child } of this.children) {
      yield [
        ...this.samplesOf(
          child,
          this.labels.map((label, i) => [label, values[i] as string] as const),
        ),
      ]
    }
  }
}

/** A label value is text of a bounded length, whatever came from outside. */
function bounded(value: unknown): string {
  const text = value === undefined || value === null ? '' : String(value)
  return text.length > LONGEST_VALUE ? text.slice(0, LONGEST_VALUE) : text
}

export function check(isRight: boolean, option: string, value: unknown, allowed: string): void {
  if (!isRight) throw new ConfigError({ owner: 'metrics', option, value, allowed })
}
