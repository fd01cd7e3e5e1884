const MOST = 10_000

/**
 * Remembers in which order keys were forgotten, so that what began before is known to be out of date. Bounded: beyond that, all keys count
 * as forgotten when the oldest was that made room.
 */
export class Forgotten {
  /** How often a key was reset: the current moment, for work that begins now. */
  now = 0
  private readonly last = new Map<string, number>()
  private floor = 0

  add(key: string): void {
    this.last.delete(key)
    if (this.last.size >= MOST) this.makeRoom()
    this.last.set(key, ++this.now)
  }

  /** Whether a key was forgotten after a moment. */
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
