import { formatIp, type Ip, ipAt, ipv4At, ipv6At, isMapped, words } from './ip.js'

/**
 * A range as CIDR notation gives it. `prefix` counts as its family writes it: 0 to 32, or 0 to 128.
 */
export interface Cidr {
  readonly ip: Ip
  readonly prefix: number
}

/** RFC 5952 text and `/128`; anything longer is refused before it is read. */
const LONGEST = 49

/** The number of bits of an address of this family. */
export const bitsOf = (ip: Ip): 32 | 128 => (ip.family === 4 ? 32 : 128)

/**
 * An address with a prefix length, or an address alone, which is the range of that address. The
 * prefix is a plain decimal. An IPv4-mapped network from /96 on is its IPv4 network:
 * `::ffff:10.0.0.0/104` is `10.0.0.0/8`. Host bits are kept, so that who reads can complain.
 */
export function parseCidr(text: string): Cidr | undefined {
  if (text.length > LONGEST) return undefined
  const slash = text.lastIndexOf('/')
  if (slash < 0) {
    const ip = ipAt(text, 0, text.length)
    return ip && { ip, prefix: bitsOf(ip) }
  }
  const prefix = prefixAt(text, slash + 1)
  const ipv4 = ipv4At(text, 0, slash)
  if (ipv4 >= 0) return prefix > 32 ? undefined : { ip: words(4, 0, 0, 0xffff, ipv4), prefix }
  const ip = ipv6At(text, 0, slash)
  if (ip === undefined || prefix > 128) return undefined
  return isMapped(ip) && prefix >= 96
    ? { ip: words(4, 0, 0, 0xffff, ip.d), prefix: prefix - 96 }
    : { ip, prefix }
}

/**
 * The decimal from here to the end, without sign or leading zero; otherwise more than any prefix
 * may be.
 */
function prefixAt(text: string, start: number): number {
  const digits = text.length - start
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(start) === 48)) return 999
  let value = 0
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return 999
    value = value * 10 + code - 48
  }
  return value
}

/** The lowest address of the range. */
export function firstOf({ ip, prefix }: Cidr): Ip {
  const bits = ip.family === 4 ? prefix + 96 : prefix
  return words(
    ip.family,
    (ip.a & mask(bits)) >>> 0,
    (ip.b & mask(bits - 32)) >>> 0,
    (ip.c & mask(bits - 64)) >>> 0,
    (ip.d & mask(bits - 96)) >>> 0,
  )
}

/** The highest address of the range. */
export function lastOf({ ip, prefix }: Cidr): Ip {
  const bits = ip.family === 4 ? prefix + 96 : prefix
  return words(
    ip.family,
    (ip.a | ~mask(bits)) >>> 0,
    (ip.b | ~mask(bits - 32)) >>> 0,
    (ip.c | ~mask(bits - 64)) >>> 0,
    (ip.d | ~mask(bits - 96)) >>> 0,
  )
}

const mask = (bits: number) => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits))

export function hasHostBits(cidr: Cidr): boolean {
  const { ip } = cidr
  const first = firstOf(cidr)
  return first.a !== ip.a || first.b !== ip.b || first.c !== ip.c || first.d !== ip.d
}

/** The network in canonical text, host bits cleared: `2001:db8::/48`. */
export const formatCidr = (cidr: Cidr): string => `${formatIp(firstOf(cidr))}/${cidr.prefix}`

/**
 * The canonical text of a range, always with its prefix length: `10.0.0.0/8`, `2001:db8::/32`; an
 * address alone is `/32` or `/128`. `undefined` for anything else, a range with host bits set
 * included: who wrote it meant one of two things.
 */
export function canonicalCidr(text: string): string | undefined {
  const cidr = parseCidr(text)
  return cidr === undefined || hasHostBits(cidr) ? undefined : formatCidr(cidr)
}

/**
 * The network of an address, or the wider network of a range: `networkOf('2001:db8:0:1::5', 48)`
 * and `networkOf('2001:db8:0:1::/64', 48)` are `2001:db8::/48`. `undefined` if the text is neither,
 * or the prefix is not a whole number from 0 to that of the text.
 */
export function networkOf(text: string, prefix: number): string | undefined {
  const cidr = parseCidr(text)
  if (cidr === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > cidr.prefix) return undefined
  return formatCidr({ ip: cidr.ip, prefix })
}
