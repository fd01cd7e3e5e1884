import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { RequestError, systemClock } from '@palisade/core/middleware'
import type { BoundedStore } from './bounded-store.js'
import { Serial } from './serial.js'

/** How long the lock of a process that died stays. */
const LEASE_MS = 10_000
/** A change is not waited for longer: past the lease of a process that died. */
const MOST_WAIT_MS = 15_000
/** So many changes of this process wait at most. */
const MOST_WAITING = 1000
/**
 * How long a process that found the lock free has for writing its name, beside two round trips of
 * the store.
 */
const SETTLE_MS = 10
const LOOKS = 2

/**
 * Lets one process at a time change what is in a store that can read and write and nothing more
 * (Fischer's algorithm).
 *
 * Who finds the lock free writes its name into it, and has it if the name still stands there when
 * all others that had found it free must have written theirs. A process that stops for longer than
 * that between reading and writing, or holds the lock past its lease, is not kept out: what must
 * hold even then must not depend on this lock.
 */
export class StoreLock {
  readonly #store: BoundedStore
  readonly #name: string
  readonly #mostWaitMs: number
  /** In this process changes wait in order, so that it competes with others only once. */
  readonly #serial = new Serial()
  #waiting = 0

  constructor(store: BoundedStore, name: string, mostWaitMs: number = MOST_WAIT_MS) {
    this.#store = store
    this.#name = name
    this.#mostWaitMs = mostWaitMs
  }

  /**
   * @throws RequestError 503 when others do not let go of it in time, and for a store that does not
   * answer
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MOST_WAITING) throw busy()
    this.#waiting++
    try {
      return await this.#serial.run('', () => this.#hold(task))
    } finally {
      this.#waiting--
    }
  }

  async #hold<T>(task: () => Promise<T>): Promise<T> {
    const me = randomBytes(12).toString('base64url')
    const until = systemClock.monotonic() + this.#mostWaitMs
    while (!(await this.#take(me))) {
      if (systemClock.monotonic() >= until) throw busy()
      await pause(randomInt(5, 25))
    }
    try {
      return await task()
    } finally {
      await this.#release(me)
    }
  }

  async #take(me: string): Promise<boolean> {
    if ((await this.#store.get(this.#name)) !== undefined) return false
    await this.#store.set(this.#name, me, LEASE_MS)
    await pause(SETTLE_MS)
    for (let i = 0; i < LOOKS; i++) if ((await this.#store.get(this.#name)) !== me) return false
    return true
  }

  /**
   * What was done is done: if the lock cannot be given back, the next one waits for the end of its
   * lease.
   */
  async #release(me: string): Promise<void> {
    try {
      if ((await this.#store.get(this.#name)) === me) await this.#store.delete(this.#name)
    } catch {
      // See above.
    }
  }
}

const busy = () => new RequestError(503, 'The API keys are being changed by others')
