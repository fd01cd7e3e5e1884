/** The label values of one series, in the order of the metric's label names. */
export type LabelValues = readonly string[]

/**
 * Series by label values, keyed by nested maps: no joined strings are built to find one, and no value can pretend to be two.
 */
export class SeriesTree<Child> {
  private readonly root = new Map<string, unknown>()
  private readonly depth: number
  size = 0

  constructor(depth: number) {
    this.depth = depth
  }

  find(values: LabelValues): Child | undefined {
    let node: unknown = this.root
    for (let i = 0; i < this.depth; i++) {
      node = (node as Map<string, unknown>).get(values[i] as string)
      if (node === undefined) return undefined
    }
    return (this.depth === 0 ? this.root.get('') : node) as Child | undefined
  }

  add(values: LabelValues, child: Child): Child {
    let node = this.root
    for (let i = 0; i < this.depth - 1; i++) {
      const value = values[i] as string
      let next = node.get(value) as Map<string, unknown> | undefined
      if (next === undefined) {
        next = new Map()
        node.set(value, next)
      }
      node = next
    }
    node.set(this.depth === 0 ? '' : (values[this.depth - 1] as string), child)
    this.size++
    return child
  }
}
