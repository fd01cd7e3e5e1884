import { createHmac, randomBytes } from 'node:crypto'
import type { CidrSet } from '@palisade/core/middleware'
import { TwoGenerations } from '../jails/two-generations.js'

/**
 * A client that asks for more missing paths than these within the window has been counted often
 * enough.
 */
const MOST_PATHS = 64
/** Of a hash, as many as make a safe integer. */
const HASH_BYTES = 6

/**
 * Which missing paths a client has asked for, so that a broken link in a page that reloads is one
 * violation and a scan is many. It keeps a hash of each path, never the path. The hash has a key of
 * this process and reads the whole path, so that no client can choose paths that count as one. Its
 * cost grows with the path, which is as long as the host takes: 16 KiB with Node's defaults.
 */
export class DistinctPaths {
  readonly #window: number
  readonly #seen: TwoGenerations<Map<number, number>>
  #now = 0
  /** Drawn on first use: some runtimes have no random values while modules load. */
  #key: Buffer | undefined

  constructor(window: number, maxKeys: number) {
    this.#window = window
    this.#seen = new TwoGenerations(maxKeys, times => [...times.values()].every(at => this.#isPast(at)))
  }

  /** Whether the client has not asked for this path within the window. */
  isNew(key: string, path: string, now: number): boolean {
    this.#now = now
    const hash = this.#hashOf(path)
    let times = this.#seen.get(key)
    if (times === undefined) {
      times = new Map()
      this.#seen.set(key, times)
    }
    const before = times.get(hash)
    if (before !== undefined && !this.#isPast(before)) return false
    times.delete(hash)
    if (times.size >= MOST_PATHS) dropOldest(times)
    times.set(hash, now)
    return true
  }

  forget(key: string): void {
    this.#seen.delete(key)
  }

  forgetWithin(network: CidrSet): void {
    this.#seen.deleteWithin(network)
  }

  sweep(now: number): void {
    this.#now = now
    this.#seen.sweep()
  }

  #hashOf(path: string): number {
    this.#key ??= randomBytes(32)
    // In UTF-16, where no two texts are the same bytes: half a surrogate pair has no UTF-8.
    const digest = createHmac('sha256', this.#key).update(path, 'utf16le').digest()
    return digest.readUIntBE(0, HASH_BYTES)
  }

  #isPast(at: number): boolean {
    return this.#now - at >= this.#window
  }
}

function dropOldest(times: Map<number, number>): void {
  for (const hash of times.keys()) {
    times.delete(hash)
    return
  }
}
