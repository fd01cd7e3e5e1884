import type { CidrSet } from '@palisade/core'
import { TwoGenerations } from '../jails/two-generations.js'

/** A client that asks for more missing paths than these within the window has been counted often enough. */
const MOST_PATHS = 64
const LONGEST = 2048

/**
 * Which missing paths a client has asked for, so that a broken link in a page that reloads is one violation and a scan is many. It keeps a
 * hash of each path, never the path; two paths with one hash count once.
 */
export class DistinctPaths {
  private readonly window: number
  private readonly seen: TwoGenerations<Map<number, number>>
  private now = 0

  constructor(window: number, maxKeys: number) {
    this.window = window
    this.seen = new TwoGenerations(maxKeys, times => [...times.values()].every(at => this.isPast(at)))
  }

  /** Whether the client has not asked for this path within the window. */
  isNew(key: string, path: string, now: number): boolean {
    this.now = now
    const hash = hashOf(path)
    let times = this.seen.get(key)
    if (times === undefined) {
      times = new Map()
      this.seen.set(key, times)
    }
    const before = times.get(hash)
    if (before !== undefined && !this.isPast(before)) return false
    times.delete(hash)
    if (times.size >= MOST_PATHS) dropOldest(times)
    times.set(hash, now)
    return true
  }

  forget(key: string): void {
    this.seen.delete(key)
  }

  forgetWithin(network: CidrSet): void {
    this.seen.deleteWithin(network)
  }

  sweep(now: number): void {
    this.now = now
    this.seen.sweep()
  }

  private isPast(at: number): boolean {
    return this.now - at >= this.window
  }
}

function dropOldest(times: Map<number, number>): void {
  for (const hash of times.keys()) {
    times.delete(hash)
    return
  }
}

/** FNV-1a. */
function hashOf(path: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < path.length && i < LONGEST; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193)
  return hash
}
