import type { BanRecord } from './ban.js'

/**
 * Bans that are over, the last one of each address and jail, for as long as they lengthen the next. Bounded: past the cap the oldest
 * address is forgotten, whose next ban is then a first one.
 */
export class Archive {
  private readonly past = new Map<string, readonly BanRecord[]>()
  private readonly cap: number

  constructor(cap: number) {
    this.cap = cap
  }

  find(id: string, jail: string): BanRecord | undefined {
    return this.past.get(id)?.find(record => record.jail === jail)
  }

  put(record: BanRecord): void {
    const others = (this.past.get(record.ip) ?? []).filter(({ jail }) => jail !== record.jail)
    this.past.delete(record.ip)
    this.past.set(record.ip, [...others, record])
    if (this.past.size <= this.cap) return
    for (const oldest of this.past.keys()) {
      this.past.delete(oldest)
      return
    }
  }

  forget(id: string): void {
    this.past.delete(id)
  }

  /** Drops what no longer matters. */
  prune(matters: (record: BanRecord) => boolean): void {
    for (const [id, records] of this.past) {
      const kept = records.filter(matters)
      if (kept.length === 0) this.past.delete(id)
      else if (kept.length < records.length) this.past.set(id, kept)
    }
  }

  *records(): Generator<BanRecord> {
    for (const records of this.past.values()) yield* records
  }
}
