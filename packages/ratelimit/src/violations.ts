import type { Services } from '@palisade/core/middleware'

const MOST = 10_000
const VIOLATIONS = Symbol.for('palisade.ratelimit.violations.v1')

/**
 * The last violation of each client. It is shared by the limiters of a pipeline and its branches, of which one
 * flood exceeds several. Bounded: when it is full the oldest client is evicted, whose next refusal is a
 * violation again.
 */
export class Violations {
  private readonly last = new Map<string, number>()

  /** Whether the client had no violation within the window of the limit that refuses it now. */
  isNew(client: string, now: number, windowMs: number): boolean {
    const last = this.last.get(client)
    if (last !== undefined && now - last < windowMs) return false
    this.last.delete(client)
    if (this.last.size >= MOST) this.evictOldest()
    this.last.set(client, now)
    return true
  }

  private evictOldest(): void {
    for (const client of this.last.keys()) {
      this.last.delete(client)
      return
    }
  }
}

/** The violations that the limiters of one pipeline share. */
export function violationsOf({ shared }: Services): Violations {
  const known = shared.get(VIOLATIONS) as Violations | undefined
  if (known !== undefined) return known
  const violations = new Violations()
  shared.set(VIOLATIONS, violations)
  return violations
}
