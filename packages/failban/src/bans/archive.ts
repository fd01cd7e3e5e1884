import type { HeldBan } from './held-ban.js'

/**
 * Bans that are over, the last one of each address and jail, for as long as they lengthen the next.
 * Bounded: past the cap the oldest address is forgotten, whose next ban is then a first one.
 */
export class Archive {
  readonly #past = new Map<string, readonly HeldBan[]>()
  readonly #cap: number

  constructor(cap: number) {
    this.#cap = cap
  }

  find(id: string, jail: string): HeldBan | undefined {
    return this.#past.get(id)?.find(({ record }) => record.jail === jail)
  }

  put(ban: HeldBan): void {
    const { ip, jail } = ban.record
    const others = (this.#past.get(ip) ?? []).filter(({ record }) => record.jail !== jail)
    this.#past.delete(ip)
    this.#past.set(ip, [...others, ban])
    if (this.#past.size <= this.#cap) return
    for (const oldest of this.#past.keys()) {
      this.#past.delete(oldest)
      return
    }
  }

  forget(id: string): void {
    this.#past.delete(id)
  }

  /** Drops what no longer matters. */
  prune(matters: (ban: HeldBan) => boolean): void {
    for (const [id, bans] of this.#past) {
      const kept = bans.filter(matters)
      if (kept.length === 0) this.#past.delete(id)
      else if (kept.length < bans.length) this.#past.set(id, kept)
    }
  }

  *bans(): Generator<HeldBan> {
    for (const bans of this.#past.values()) yield* bans
  }
}
