import type { CidrSet } from '@palisade/core/middleware'
import { TwoGenerations } from '../jails/two-generations.js'

/**
 * Which clients have been counted for something within the window, where more of it is not to
 * count.
 */
export class OnceAWindow {
  readonly #window: number
  readonly #counted: TwoGenerations<number>
  #now = 0

  constructor(window: number, maxKeys: number) {
    this.#window = window
    this.#counted = new TwoGenerations(maxKeys, at => this.#now - at >= window)
  }

  /** Whether the client has not been counted within the window; from now on it has. */
  isNew(key: string, now: number): boolean {
    this.#now = now
    const at = this.#counted.get(key)
    if (at !== undefined && now - at < this.#window) return false
    this.#counted.set(key, now)
    return true
  }

  forget(key: string): void {
    this.#counted.delete(key)
  }

  forgetWithin(network: CidrSet): void {
    this.#counted.deleteWithin(network)
  }

  sweep(now: number): void {
    this.#now = now
    this.#counted.sweep()
  }
}
