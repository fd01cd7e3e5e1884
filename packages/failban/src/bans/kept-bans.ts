import type { BanStore } from '../stores/store.js'
import type { Sweeper } from '../sweeper.js'
import type { BanRegistry } from './registry.js'

/** The bans that the store has kept, on their way into this process. */
export class KeptBans {
  /** Whether all of them are in force. */
  areRead = false
  readonly #store: BanStore
  readonly #registry: BanRegistry
  readonly #sweeper: Sweeper
  #reading: Promise<void> | undefined = undefined

  constructor(store: BanStore, registry: BanRegistry, sweeper: Sweeper) {
    this.#store = store
    this.#registry = registry
    this.#sweeper = sweeper
  }

  /** Reads them, once. Rejects each time if that fails. */
  read(): Promise<void> {
    this.#reading ??= this.#restore()
    return this.#reading
  }

  /** Whether they are read within the time. */
  async areReadWithin(ms: number): Promise<boolean> {
    const read = this.read().then(() => true)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>(resolve => {
      timer = setTimeout(() => {
        this.#registry.storeFailed('load', new Error(`the store of bans was not read within ${ms} ms`), LATE)
        resolve(false)
      }, ms)
    })
    try {
      return await Promise.race([read, late])
    } finally {
      clearTimeout(timer)
    }
  }

  async #restore(): Promise<void> {
    try {
      this.#registry.restore(await this.#store.open(this.#registry))
      this.areRead = true
      if (this.#registry.ledger.size > 0) this.#sweeper.start(this.#registry.clock.monotonic())
    } catch (error) {
      this.#registry.storeFailed('load', error)
      throw error
    }
  }
}

const LATE = 'the kept bans are not read yet: until they are, requests are served as if nobody were banned'
