import type { BoundedStore } from './bounded-store.js'
import { Serial } from './serial.js'

interface Batch {
  size: number
  most: number
  readonly before: Promise<number>
}

/**
 * Counters in a store that cannot count. Uses that arrive while the store is asked for the same
 * counter wait and are added at once: a use waits for two turns at most.
 */
export class BatchedCounters {
  readonly #store: BoundedStore
  readonly #serial = new Serial()
  readonly #next = new Map<string, Batch>()

  constructor(store: BoundedStore) {
    this.#store = store
  }

  /** A counter that has reached `most` is not written any more. */
  async count(name: string, ttlMs: number, most: number): Promise<number> {
    const batch = this.#next.get(name) ?? this.#begin(name, ttlMs)
    const place = ++batch.size
    batch.most = Math.max(batch.most, most)
    return (await batch.before) + place
  }

  #begin(name: string, ttlMs: number): Batch {
    const add = async () => {
      this.#next.delete(name)
      const found = await this.#store.get(name)
      const before = typeof found === 'number' ? found : 0
      const after = Math.min(before + batch.size, batch.most)
      if (after > before) await this.#store.set(name, after, ttlMs)
      return before
    }
    const batch: Batch = { size: 0, most: 0, before: this.#serial.run(name, add) }
    this.#next.set(name, batch)
    return batch
  }
}
