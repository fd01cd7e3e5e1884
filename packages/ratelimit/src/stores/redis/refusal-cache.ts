import type { Attempt } from '../../counting/attempt.js'
import { ResetLog } from '../../refunds/reset-log.js'

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
 * Remembers for how long a key is refused, so that a client that keeps knocking costs this process
 * a look into a map and Redis nothing.
 *
 * What is given back elsewhere meanwhile is seen at most `longest` milliseconds late. Bounded: the
 * oldest entry makes room.
 */
export class RefusalCache {
  private readonly refused = new Map<string, Refused>()
  private readonly resets = new ResetLog()
  private readonly longest: number

  constructor(longest: number) {
    this.longest = longest
  }

  /** Answers a attempt that is known to be refused; `false` when the store has to be asked. */
  answers(id: string, attempt: Attempt, now: number): boolean {
    const known = this.refused.get(id)
    if (known === undefined) return false
    // A clock that stepped back says nothing of how long it is still to wait.
    const isOver = now >= known.until || now < known.since || now - known.since >= this.longest
    if (isOver) {
      this.refused.delete(id)
      return false
    }
    const { limit, capacity, cost } = attempt
    if (known.limit !== limit || known.capacity !== capacity || known.cost !== cost) return false
    attempt.fits = false
    attempt.remaining = known.remaining
    attempt.retryMs = known.until - now
    attempt.resetMs = Math.max(0, known.resetAt - now)
    attempt.nextMs = Math.max(1, known.nextAt - now)
    return true
  }

  /** The moment to pass to `remember`, read when the store is asked. */
  get moment(): number {
    return this.resets.now
  }

  /**
   * Remembers a refusal that the store has just decided, unless the key was forgotten after the
   * store was asked.
   */
  remember(id: string, attempt: Attempt, now: number, asked: number): void {
    if (this.longest === 0 || !Number.isFinite(attempt.retryMs) || this.resets.isSince(asked, id)) return
    if (this.refused.size >= MOST) this.forgetOldest()
    const { limit, capacity, cost, remaining } = attempt
    this.refused.set(id, {
      limit,
      capacity,
      cost,
      remaining,
      since: now,
      until: now + attempt.retryMs,
      resetAt: now + attempt.resetMs,
      nextAt: now + attempt.nextMs,
    })
  }

  forget(id: string): void {
    if (this.longest === 0) return
    this.refused.delete(id)
    this.resets.add(id)
  }

  private forgetOldest(): void {
    for (const id of this.refused.keys()) {
      this.refused.delete(id)
      return
    }
  }
}
