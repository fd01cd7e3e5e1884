import { bindMethods } from '../kernel/bind-methods.js'
import { type Check, type OptionPath, refuse, within } from '../options/check.js'
import { nearest } from '../options/nearest.js'
import { entriesOf } from '../options/read.js'
import { bitsOf, type Cidr, firstOf, formatCidr, hasHostBits, lastOf, parseCidr } from './cidr.js'
import type { ClientAddress } from './client-address.js'
import { type Ip, ipAt, socketIpv4At } from './ip.js'

/** Ranges that have a name. */
const NAMED = {
  /** RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3. */
  loopback: ['127.0.0.0/8', '::1/128'],
  /** RFC 1918, RFC 4193. */
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  /** RFC 3927, RFC 4291 section 2.5.6. */
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
} as const

/** A range of addresses in an option: CIDR notation, an address alone, or one of the names. */
export type AddressRange = keyof typeof NAMED | (string & {})

/**
 * A set of address ranges that is asked at each request. Looking up is a binary search over sorted
 * intervals that do not touch, so that 10,000 ranges cost little more than ten.
 *
 * The families are apart: no IPv6 range contains an IPv4 address, not even `::/0`, and IPv4-mapped
 * IPv6 is IPv4 in ranges and in questions.
 */
export class CidrSet {
  /**
   * How many intervals are left of the ranges, after joining those that overlap or touch. 0 if the
   * set is empty.
   */
  readonly size: number
  readonly #ipv4: Intervals
  readonly #ipv6: Intervals

  /**
   * @param at what a `ConfigError` names; an option that takes ranges uses the check `cidrs`
   * @throws ConfigError if an entry is no range, or has host bits set
   */
  constructor(ranges: readonly AddressRange[], at: OptionPath = { owner: 'CidrSet', option: 'ranges' }) {
    const entries =
      entriesOf(ranges, MOST_RANGES) ??
      refuse(at, ranges, `an array of at most ${MOST_RANGES} entries, each ${RANGE}`)
    const parsed = entries.flatMap((range, index) => parseRange(range, within(at, index)))
    this.#ipv4 = new Intervals(parsed.filter(({ ip }) => ip.family === 4))
    this.#ipv6 = new Intervals(parsed.filter(({ ip }) => ip.family === 6))
    this.size = this.#ipv4.size + this.#ipv6.size
    bindMethods<CidrSet>(this, 'has', 'hasClient', 'admits', 'hasIp', 'covers', 'overlaps')
  }

  /**
   * Whether the address is in one of the ranges, in whatever notation. False for text that is no
   * address.
   */
  has(ip: string): boolean {
    const ipv4 = socketIpv4At(ip, 0, ip.length)
    if (ipv4 >= 0) return this.#ipv4.hasLow(ipv4)
    const parsed = ipAt(ip, 0, ip.length)
    return parsed !== undefined && this.hasIp(parsed)
  }

  /**
   * Whether a client is in one of the ranges, by its address or by the IPv4 address that a
   * translator put into it (`clientKey`). For lists that close, so that no translator is a way
   * around them. A list that opens asks `admits(client)`.
   */
  hasClient({ ip, key }: Pick<ClientAddress, 'ip' | 'key'>): boolean {
    if (ip === undefined) return false
    return this.has(ip) || (key !== undefined && key !== ip && !key.includes(':') && this.has(key))
  }

  /**
   * Whether a list that opens may let this client in: its address is verified, and in one of the
   * ranges as it came. An address that is not bannable may be a proxy's, which every client behind
   * that proxy would then share.
   */
  admits({ ip, bannable }: Pick<ClientAddress, 'ip' | 'bannable'>): boolean {
    return ip !== undefined && bannable && this.has(ip)
  }

  /** `has` for an address that has been parsed. @internal */
  hasIp(ip: Ip): boolean {
    return ip.family === 4 ? this.#ipv4.hasLow(ip.d) : this.#ipv6.has(ip)
  }

  /**
   * Whether every address of the range is in the set. False for text that is no range, or has host
   * bits set.
   */
  covers(cidr: string): boolean {
    const range = parseCidr(cidr)
    if (range === undefined || hasHostBits(range)) return false
    const intervals = this.#of(range)
    const at = intervals.lastNotAbove(firstOf(range))
    return at >= 0 && intervals.endsNotBelow(at, lastOf(range))
  }

  /**
   * Whether any address of the range is in the set. False for text that is no range, or has host
   * bits set.
   */
  overlaps(cidr: string): boolean {
    const range = parseCidr(cidr)
    if (range === undefined || hasHostBits(range)) return false
    const intervals = this.#of(range)
    const at = intervals.lastNotAbove(lastOf(range))
    return at >= 0 && intervals.endsNotBelow(at, firstOf(range))
  }

  #of({ ip }: Cidr): Intervals {
    return ip.family === 4 ? this.#ipv4 : this.#ipv6
  }
}

/**
 * An option that lists ranges of addresses, `['loopback', '10.0.0.0/8', '2001:db8::1']`, or is a
 * `CidrSet` already.
 */
export const cidrs: Check<CidrSet> = (value, at) =>
  isCidrSet(value) ? value : new CidrSet(value as readonly AddressRange[], at)

function isCidrSet(value: unknown): value is CidrSet {
  try {
    return value instanceof CidrSet
  } catch {
    return false
  }
}

const MOST_RANGES = 1_000_000
const NAMES = Object.keys(NAMED)
const RANGE = `an address, a network in CIDR notation, or one of ${NAMES.map(name => `"${name}"`).join(', ')}`

function parseRange(range: unknown, at: OptionPath): readonly Cidr[] {
  if (typeof range !== 'string') return refuse(at, range, RANGE)
  if (Object.hasOwn(NAMED, range))
    return NAMED[range as keyof typeof NAMED].flatMap(text => parseRange(text, at))
  const cidr = parseCidr(range)
  if (cidr === undefined) {
    const meant = nearest(range, NAMES)
    return refuse(at, range, meant === undefined ? RANGE : `${RANGE} (did you mean "${meant}"?)`)
  }
  if (hasHostBits(cidr)) {
    const alone = formatCidr({ ip: cidr.ip, prefix: bitsOf(cidr.ip) })
    refuse(
      at,
      range,
      `a network without host bits (did you mean "${formatCidr(cidr)}", or the address "${alone}"?)`,
    )
  }
  return [cidr]
}

/**
 * The intervals of one family, each with its four words at `4 * index`; sorted, and with a hole
 * before the next.
 */
class Intervals {
  readonly size: number
  readonly #first: Uint32Array
  readonly #last: Uint32Array
  /** The lowest words alone: IPv4 needs no others, and 10,000 of them stay in the cache. */
  readonly #firstLow: Uint32Array
  readonly #lastLow: Uint32Array

  constructor(ranges: readonly Cidr[]) {
    const sorted = ranges
      .map(range => ({ first: firstOf(range), last: lastOf(range) }))
      .sort((x, y) => compare(x.first, y.first))
    const merged: { first: Ip; last: Ip }[] = []
    for (const range of sorted) {
      const before = merged.at(-1)
      if (before === undefined || !reaches(before.last, range.first)) merged.push(range)
      else if (compare(before.last, range.last) < 0) before.last = range.last
    }
    this.size = merged.length
    this.#first = Uint32Array.from(merged.flatMap(({ first: { a, b, c, d } }) => [a, b, c, d]))
    this.#last = Uint32Array.from(merged.flatMap(({ last: { a, b, c, d } }) => [a, b, c, d]))
    this.#firstLow = Uint32Array.from(merged, ({ first }) => first.d)
    this.#lastLow = Uint32Array.from(merged, ({ last }) => last.d)
  }

  /** For IPv4, where the other words are always the same. */
  hasLow(value: number): boolean {
    const first = this.#firstLow
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((first[middle] ?? 0) <= value) low = middle + 1
      else high = middle
    }
    return low !== 0 && value <= (this.#lastLow[low - 1] ?? -1)
  }

  has(ip: Ip): boolean {
    const at = this.lastNotAbove(ip)
    return at >= 0 && this.endsNotBelow(at, ip)
  }

  /** The index of the last interval that begins at or below the address; -1 if none does. */
  lastNotAbove(ip: Ip): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareAt(this.#first, middle, ip) <= 0) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  endsNotBelow(index: number, ip: Ip): boolean {
    return compareAt(this.#last, index, ip) >= 0
  }
}

const compare = (x: Ip, y: Ip) => x.a - y.a || x.b - y.b || x.c - y.c || x.d - y.d

function compareAt(words: Uint32Array, index: number, ip: Ip): number {
  const at = index * 4
  return (
    (words[at] ?? 0) - ip.a ||
    (words[at + 1] ?? 0) - ip.b ||
    (words[at + 2] ?? 0) - ip.c ||
    (words[at + 3] ?? 0) - ip.d
  )
}

/**
 * Whether an interval that ends at `last` overlaps one that begins at `next`, or leaves no address
 * between.
 */
function reaches(last: Ip, next: Ip): boolean {
  if (compare(last, next) >= 0) return true
  const d = (last.d + 1) >>> 0
  const c = d === 0 ? (last.c + 1) >>> 0 : last.c
  const b = d === 0 && c === 0 ? (last.b + 1) >>> 0 : last.b
  const a = d === 0 && c === 0 && b === 0 ? (last.a + 1) >>> 0 : last.a
  return a === next.a && b === next.b && c === next.c && d === next.d
}
