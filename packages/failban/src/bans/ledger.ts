import { CidrSet, type ClientAddress } from '@palisade/core/middleware'
import { type Range, rangeOf, widened } from './ban-id.js'
import type { HeldBan } from './held-ban.js'

/**
 * All bans that this process knows: absence means not banned, and a decision waits for nothing.
 *
 * A client is found by its key with one look into a map. Bans of other widths, which operators
 * make, are looked up by address in intervals, and only if there are any. A ban that is over stays
 * until it is removed.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  /**
   * How many bans have this family and width, so that a containing network is found by asking for
   * each width in use.
   */
  readonly #widths = new Map<number, { readonly range: Range; count: number }>()
  #others = 0
  #index: CidrSet | undefined = undefined
  #sequence = 0
  #keyPrefix = 64

  get size(): number {
    return this.#entries.size
  }

  /** The width of the client keys of IPv6; bans of that width are found by key. */
  get ipv6Prefix(): number {
    return this.#keyPrefix
  }

  set ipv6Prefix(prefix: number) {
    this.#keyPrefix = prefix
    this.#others = 0
    for (const { range, count } of this.#widths.values()) if (!this.#isKey(range)) this.#others += count
    this.#index = undefined
  }

  /** The ban of a client, which may be over. Allocates nothing if the client is not banned. */
  of(client: ClientAddress): HeldBan | undefined {
    const { key, ip } = client
    if (key === undefined || ip === undefined) return undefined
    const entry = this.#entries.get(key)
    if (entry !== undefined) return entry.ban
    if (this.#others === 0 || !this.#intervals().hasClient(client)) return undefined
    return this.containing(ip, key).at(0)
  }

  get(id: string): HeldBan | undefined {
    return this.#entries.get(id)?.ban
  }

  /**
   * Every ban that contains the whole address or network, or the other name that it has, the one
   * that lasts longest first.
   */
  containing(text: string, alias = text): readonly HeldBan[] {
    const found = new Set<HeldBan>()
    for (const { range } of this.#widths.values()) {
      for (const name of alias === text ? [text] : [text, alias]) {
        const id = widened(name, range.prefix)
        const entry = id === undefined ? undefined : this.#entries.get(id)
        if (entry !== undefined && entry.range.family === range.family) found.add(entry.ban)
      }
    }
    return [...found].sort((a, b) => b.endsAt - a.endsAt)
  }

  /** A ban of the same id is replaced; the new one counts as the newest. */
  put(ban: HeldBan): void {
    const { ip } = ban.record
    this.remove(ip)
    const range = rangeOf(ip)
    this.#entries.set(ip, { ban, range, sequence: ++this.#sequence })
    this.#count(range, 1)
  }

  remove(id: string): HeldBan | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#entries.delete(id)
    this.#count(entry.range, -1)
    return entry.ban
  }

  /**
   * The bans that are over.
   *
   * @param now monotonic
   */
  over(now: number): readonly HeldBan[] {
    const found: HeldBan[] = []
    for (const { ban } of this.#entries.values()) if (ban.isOver(now)) found.push(ban)
    return found
  }

  /** In the order in which they were made. */
  *bans(): Generator<HeldBan> {
    for (const { ban } of this.#entries.values()) yield ban
  }

  /** The newest first, with the number by which a reader goes on where it stopped. */
  newest(before: number): { readonly ban: HeldBan; readonly sequence: number }[] {
    return [...this.#entries.values()].filter(({ sequence }) => sequence < before).reverse()
  }

  #count(range: Range, by: 1 | -1): void {
    const width = range.family * 256 + range.prefix
    const known = this.#widths.get(width)
    if (known === undefined) this.#widths.set(width, { range, count: by })
    else known.count += by
    if (known !== undefined && known.count === 0) this.#widths.delete(width)
    if (this.#isKey(range)) return
    this.#others += by
    this.#index = undefined
  }

  /** Whether the id is that of one client, and of no network of several. */
  isClient(id: string): boolean {
    return this.#isKey(rangeOf(id))
  }

  #isKey({ family, prefix }: Range): boolean {
    return prefix === (family === 4 ? 32 : this.#keyPrefix)
  }

  #intervals(): CidrSet {
    this.#index ??= new CidrSet(
      [...this.#entries].filter(([, { range }]) => !this.#isKey(range)).map(([id]) => id),
    )
    return this.#index
  }
}

interface Entry {
  readonly ban: HeldBan
  readonly range: Range
  readonly sequence: number
}
