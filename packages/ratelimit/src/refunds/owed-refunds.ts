const MOST = 10_000
const SENT_AT_ONCE = 64

/**
 * Refunds and other corrections of a cost that came while Redis was not asked. They are sent when
 * it is asked again: otherwise a failure of Redis would be counted as one of the clients'. Bounded:
 * the oldest is dropped, and stays counted. The next decision sends them.
 */
export class OwedRefunds {
  private readonly owed = new Set<(now: number) => void>()
  private isClosed = false

  get isEmpty(): boolean {
    return this.owed.size === 0
  }

  add(send: (now: number) => void): void {
    if (this.isClosed) return
    this.owed.add(send)
    if (this.owed.size > MOST) this.take(1)
  }

  /** Sends some of them: what a long outage has left is not sent all at once. */
  send(now: number): void {
    for (const send of this.take(SENT_AT_ONCE)) send(now)
  }

  close(): void {
    this.isClosed = true
    this.owed.clear()
  }

  private take(count: number): readonly ((now: number) => void)[] {
    const taken: ((now: number) => void)[] = []
    for (const one of this.owed) {
      if (taken.length === count) break
      taken.push(one)
      this.owed.delete(one)
    }
    return taken
  }
}
