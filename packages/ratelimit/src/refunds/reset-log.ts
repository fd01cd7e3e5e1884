const MOST = 10_000

/**
 * Remembers in which order keys were reset, so that what began before is known to be out of date.
 * Bounded: beyond that, all keys count as reset when the oldest was that made room.
 */
export class ResetLog {
  /** How often a key was reset: the current moment, for work that begins now. */
  now = 0
  private readonly last = new Map<string, number>()
  private floor = 0

  add(key: string): void {
    this.last.delete(key)
    if (this.last.size >= MOST) this.makeRoom()
    this.last.set(key, ++this.now)
  }

  /** Whether a key was reset after a moment. */
  isSince(moment: number, key: string): boolean {
    return moment !== this.now && moment < (this.last.get(key) ?? this.floor)
  }

  private makeRoom(): void {
    for (const [key, moment] of this.last) {
      this.last.delete(key)
      this.floor = moment
      return
    }
  }
}
