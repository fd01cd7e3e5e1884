const MOST = 10_000

/**
 * Remembers which refusals were told of, so that a client that keeps knocking is one event a window and not thousands.
 * Bounded: when it is full the oldest is forgotten, which at worst tells of it again.
 */
export class Announced {
  private readonly until = new Map<string, number>()

  /** Whether this is the first refusal of a key by a policy in its window. */
  isFirst(policy: string, key: string, now: number, windowMs: number): boolean {
    const id = `${policy} ${key}`
    const known = this.until.get(id)
    // A clock that stepped back must not silence a key for longer than its window.
    if (known !== undefined && now < known && known - now <= windowMs) return false
    this.until.delete(id)
    if (this.until.size >= MOST) this.forgetOldest()
    this.until.set(id, now + windowMs)
    return true
  }

  private forgetOldest(): void {
    for (const id of this.until.keys()) {
      this.until.delete(id)
      return
    }
  }
}
