/** Counts by name, at most so many names; what comes later is counted as `_other`. For names that may come from outside. */
export class Tally {
  private readonly counts = new Map<string, number>()
  private readonly limit: number
  total = 0

  constructor(limit = 100) {
    this.limit = limit
  }

  add(name: string): void {
    const key = this.counts.has(name) || this.counts.size < this.limit ? name : '_other'
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
    this.total++
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0
  }

  names(): readonly string[] {
    return [...this.counts.keys()]
  }

  reset(): void {
    this.counts.clear()
    this.total = 0
  }
}
