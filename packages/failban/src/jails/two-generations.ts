import type { CidrSet } from '@palisade/core/middleware'

/**
 * A bounded map that forgets by age: what is used moves to the young generation; when that is full
 * it becomes the old one, and what was old and unused is dropped. Constant work per use, no list to
 * keep in order.
 */
export class TwoGenerations<V> {
  /** How many entries were dropped that still mattered. */
  evictions = 0
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  readonly #half: number
  readonly #isSpent: (value: V) => boolean

  /** @param isSpent whether an entry may be dropped without loss */
  constructor(cap: number, isSpent: (value: V) => boolean) {
    this.#half = Math.max(1, Math.floor(cap / 2))
    this.#isSpent = isSpent
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const older = this.#old.get(key)
    if (older === undefined) return undefined
    this.#old.delete(key)
    this.set(key, older)
    return older
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) this.#age()
    this.#young.set(key, value)
  }

  delete(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  /**
   * Drops what has a key in the ranges. It looks at every key: for what people do, not for what
   * requests do.
   */
  deleteWithin(ranges: CidrSet): void {
    for (const generation of [this.#young, this.#old])
      for (const key of generation.keys()) if (ranges.covers(key)) generation.delete(key)
  }

  /** Drops what is spent. */
  sweep(): void {
    for (const generation of [this.#young, this.#old])
      for (const [key, value] of generation) if (this.#isSpent(value)) generation.delete(key)
  }

  #age(): void {
    for (const value of this.#old.values()) if (!this.#isSpent(value)) this.evictions++
    this.#old = this.#young
    this.#young = new Map()
  }
}
