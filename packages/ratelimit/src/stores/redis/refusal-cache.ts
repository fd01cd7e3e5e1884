import type { Tally } from '../../algorithms/algorithm.js'
import { Forgotten } from '../../refunds/forgotten.js'

interface Refused {
  readonly limit: number
  readonly capacity: number
  readonly cost: number
  readonly remaining: number
  /** Moments of the local clock. */
  readonly since: number
  readonly until: number
  readonly resetAt: number
  readonly nextAt: number
}

const MOST = 10_000

/**
 * Remembers for how long a key is refused, so that a client that keeps knocking costs this process a look into a map and Redis nothing.
 *
 * What is given back elsewhere meanwhile is seen at most `longest` milliseconds late. Bounded: the oldest entry makes room.
 */
export class RefusalCache {
  private readonly refused = new Map<string, Refused>()
  private readonly forgotten = new Forgotten()
  private readonly longest: number

  constructor(longest: number) {
    this.longest = longest
  }

  /** Answers a tally that is known to be refused; `false` when the store has to be asked. */
  answers(id: string, tally: Tally, now: number): boolean {
    const known = this.refused.get(id)
    if (known === undefined) return false
    // A clock that stepped back says nothing of how long it is still to wait.
    const isOver = now >= known.until || now < known.since || now - known.since >= this.longest
    if (isOver) {
      this.refused.delete(id)
      return false
    }
    const { limit, capacity, cost } = tally
    if (known.limit !== limit || known.capacity !== capacity || known.cost !== cost) return false
    tally.fits = false
    tally.remaining = known.remaining
    tally.retryMs = known.until - now
    tally.resetMs = Math.max(0, known.resetAt - now)
    tally.nextMs = Math.max(1, known.nextAt - now)
    return true
  }

  /** What `remember` is told of when the store was asked. */
  get moment(): number {
    return this.forgotten.now
  }

  /** Remembers a refusal that the store has just decided, unless the key was forgotten after the store was asked. */
  remember(id: string, tally: Tally, now: number, asked: number): void {
    if (this.longest === 0 || !Number.isFinite(tally.retryMs) || this.forgotten.isSince(asked, id)) return
    if (this.refused.size >= MOST) this.forgetOldest()
    const { limit, capacity, cost, remaining } = tally
    this.refused.set(id, {
      limit,
      capacity,
      cost,
      remaining,
      since: now,
      until: now + tally.retryMs,
      resetAt: now + tally.resetMs,
      nextAt: now + tally.nextMs,
    })
  }

  forget(id: string): void {
    if (this.longest === 0) return
    this.refused.delete(id)
    this.forgotten.add(id)
  }

  private forgetOldest(): void {
    for (const id of this.refused.keys()) {
      this.refused.delete(id)
      return
    }
  }
}
