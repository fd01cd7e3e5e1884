import type { SeriesBudget } from './budget.js'

export type MetricType = 'counter' | 'gauge' | 'histogram'

export type Pairs = readonly (readonly [label: string, value: string])[]

/** One line of the exposition: the suffix of the name, the labels, the value. */
export type Sample = readonly [suffix: string, labels: Pairs, value: number]

export interface MetricOptions<Label extends string> {
  /** Of the series, without the registry's prefix. */
  readonly name: string
  /** What is counted, in a sentence. */
  readonly help: string
  /** At most 10. Their values must come from few: code, not clients. */
  readonly labels?: readonly Label[]
}

/**
 * A value for each label name. A missing label is the empty string, which Prometheus takes for
 * absent.
 */
export type Labels<Label extends string> = Readonly<Partial<Record<Label, string>>>

/** The arguments of a method: the labels first, as in prom-client, where the metric has any. */
export type Given<Label extends string, Value extends readonly unknown[]> = [Label] extends [never]
  ? Value
  : [labels: Labels<Label>, ...value: Value]

/** A metric as the registry makes it: its options checked, its name prefixed. */
export interface MetricDefinition<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
}

export const OVERFLOW = '_overflow'
const LONGEST_VALUE = 200

type Branch<Child> = Map<string, Branch<Child> | Child>

/**
 * A metric and its series, keyed by nested maps: no joined strings are built to find one, and no
 * value can pretend to be two.
 */
export abstract class Metric<Label extends string, Child extends object> {
  abstract readonly type: MetricType
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  readonly #budget: SeriesBudget
  readonly #root: Branch<Child> = new Map()
  readonly #children: { readonly labels: Pairs; readonly child: Child }[] = []
  #overflow: Child | undefined

  constructor({ name, help, labels }: MetricDefinition<Label>, budget: SeriesBudget) {
    this.name = name
    this.help = help
    this.labels = labels
    this.#budget = budget
  }

  protected abstract make(): Child
  protected abstract samplesOf(child: Child, labels: Pairs): Iterable<Sample>

  /**
   * The value among the arguments of a method: behind the labels, or alone where the metric has
   * none.
   *
   * @throws TypeError for another order
   */
  protected valueOf(method: string, first: unknown, second: unknown): unknown {
    if (isLabels(first)) return second
    if (this.labels.length === 0 && second === undefined) return first
    const allowed =
      this.labels.length === 0
        ? `${method}(value), as it has no labels`
        : `${method}(labels, value) with the labels ${this.labels.join(', ')}`
    throw new TypeError(`${this.name}: ${method}(${typeof first}, ${typeof second}); allowed: ${allowed}`)
  }

  /**
   * The series with these labels; past the budget the one that takes all that does not fit. Finding
   * one makes nothing.
   */
  protected series(first: unknown): Child {
    const { labels } = this
    const given = isLabels<Label>(first) ? first : undefined
    let node: Branch<Child> | Child | undefined = this.#root
    let depth = 0
    // In the order of the labels, as they are mostly written, their names need not be looked for.
    for (const name in given) {
      if (name !== labels[depth]) return this.#search(given)
      node = (node as Branch<Child>).get(given[name] as string)
      if (node === undefined) return this.#search(given)
      depth++
    }
    return depth === labels.length && depth > 0 ? (node as Child) : this.#search(given)
  }

  /** With the labels in any order, some left out, or one that there is not. */
  #search(given: Labels<Label> | undefined): Child {
    for (const name in given)
      if (!this.labels.includes(name))
        throw new TypeError(
          `${this.name}: there is no label "${name}"; allowed: ${this.labels.join(', ') || 'none'}`,
        )
    // A metric without labels is one series, which is the code's to make.
    if (this.labels.length === 0) {
      this.#overflow ??= this.#add([])
      return this.#overflow
    }
    let node: Branch<Child> | Child | undefined = this.#root
    for (const name of this.labels) {
      node = (node as Branch<Child>).get(own(given, name) ?? '')
      if (node === undefined) return this.#grow(given)
    }
    return node as Child
  }

  #grow(given: Labels<Label> | undefined): Child {
    const values = this.labels.map(name => bounded(own(given, name)))
    let node = this.#root
    for (const value of values.slice(0, -1)) {
      let next = node.get(value) as Branch<Child> | undefined
      if (next === undefined) {
        // A branch for a series that finds no room would be memory that the client fills.
        if (this.#budget.used >= this.#budget.limit) return this.#drop()
        next = new Map()
        node.set(value, next)
      }
      node = next
    }
    const last = values.at(-1) as string
    const known = node.get(last)
    if (known !== undefined) return known as Child
    if (!this.#budget.take()) return this.#drop()
    const child = this.#add(values)
    node.set(last, child)
    return child
  }

  #drop(): Child {
    this.#budget.dropped++
    this.#overflow ??= this.#add(this.labels.map(() => OVERFLOW))
    return this.#overflow
  }

  #add(values: readonly string[]): Child {
    const child = this.make()
    this.#children.push({ labels: this.labels.map((name, i) => [name, values[i] as string] as const), child })
    return child
  }

  /**
   * The lines of each series, in the order in which they were first seen. A metric without labels
   * is there from the beginning.
   */
  *collect(): Iterable<Iterable<Sample>> {
    if (this.labels.length === 0) this.series(undefined)
    for (const { labels, child } of this.#children) yield this.samplesOf(child, labels)
  }
}

function isLabels<Label extends string>(value: unknown): value is Labels<Label> | undefined {
  return value === undefined || (typeof value === 'object' && value !== null)
}

/** A label may be called `constructor`, which every object has. */
function own<Label extends string>(given: Labels<Label> | undefined, name: Label): string | undefined {
  return given !== undefined && Object.hasOwn(given, name) ? given[name] : undefined
}

/** A label value is well-formed text of a bounded length, whatever came from outside. */
function bounded(value: unknown): string {
  const text = value === undefined || value === null ? '' : String(value)
  // Half a character becomes U+FFFD when it is sent; two values may not become one only then.
  return text.slice(0, LONGEST_VALUE).replace(/\p{Surrogate}/gu, '\ufffd')
}
