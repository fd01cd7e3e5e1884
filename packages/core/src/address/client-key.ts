import { formatCidr } from './cidr.js'
import { formatIp, type Ip, ipAt, words } from './ip.js'

/**
 * The key by which limits and bans count an address: an IPv4 address itself; for IPv6 the network
 * that one customer is commonly given, as `2001:db8:0:1::/64`. Counting single IPv6 addresses lets
 * one customer rotate through 2^64 of them.
 *
 * Some networks are not one customer's /64. For these the key is another, whatever the prefix:
 *
 * - `64:ff9b::/96` (RFC 6052), through which a translator shows all of IPv4 to an IPv6 server: the
 *   IPv4 address in it. A translator may not send an address that is not of the internet (section
 *   3.1). Such an address is counted alone, unchanged, so that no client passes for a private
 *   address.
 * - `64:ff9b:1::/48` (RFC 8215), where a network's own translators put IPv4 at a place of their
 *   choice: the whole address, which clients cannot choose.
 * - `2002::/16`, 6to4 (RFC 3056), which gives every IPv4 address a /48: at most that /48.
 *
 * Too many clients are counted together where one /64 serves many customers and the address does
 * not show it. This happens behind translators with a prefix of the operator's own, where the
 * prefix must be 128, and with Teredo (`2001::/32`, RFC 4380), whose clients share the /64 of their
 * server.
 *
 * @param ipv6Prefix 0 to 128
 * @returns `undefined` if the text is no address
 * @throws RangeError if the prefix is no prefix: a key that counts no client would let every client
 * through
 */
export function clientKey(ip: string, ipv6Prefix = 64): string | undefined {
  if (!Number.isInteger(ipv6Prefix) || ipv6Prefix < 0 || ipv6Prefix > 128)
    throw new RangeError(`clientKey: an IPv6 prefix is 0 to 128, not ${ipv6Prefix}`)
  const parsed = ipAt(ip, 0, ip.length)
  return parsed === undefined ? undefined : keyOf(parsed, ipv6Prefix)
}

export function keyOf(ip: Ip, ipv6Prefix: number): string {
  if (ip.family === 4) return formatIp(ip)
  if (ip.a === TRANSLATED && ip.b >>> 16 <= 1) {
    if (ip.b >>> 16 === 1) return formatCidr({ ip, prefix: 128 })
    if (ip.b === 0 && ip.c === 0)
      return isOfTheInternet(ip.d) ? formatIp(words(4, 0, 0, 0xffff, ip.d)) : formatCidr({ ip, prefix: 128 })
  }
  if (ip.a >>> 16 === SIX_TO_FOUR) return formatCidr({ ip, prefix: Math.min(ipv6Prefix, 48) })
  return ipv6Prefix === 64 ? halfOf(ip) : formatCidr({ ip, prefix: ipv6Prefix })
}

/**
 * `formatCidr` for /64, which nearly every key of IPv6 is: what follows is the longest run of
 * zeros, and begins where the zeros before it do.
 */
function halfOf({ a, b }: Ip): string {
  if (a === 0 && b === 0) return '::/64'
  let text = (a >>> 16).toString(16)
  if ((a & 0xffff) !== 0 || b !== 0) text += `:${(a & 0xffff).toString(16)}`
  if (b !== 0) text += `:${(b >>> 16).toString(16)}`
  if ((b & 0xffff) !== 0) text += `:${(b & 0xffff).toString(16)}`
  return `${text}::/64`
}

const TRANSLATED = 0x0064ff9b
const SIX_TO_FOUR = 0x2002

/**
 * What RFC 6890 reserves for a network's own use, for one machine, or for no use at all: first
 * address and prefix length.
 */
const NOT_OF_THE_INTERNET = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xe0000000, 3],
] as const

const isOfTheInternet = (ipv4: number) =>
  NOT_OF_THE_INTERNET.every(([first, prefix]) => (ipv4 ^ first) >>> (32 - prefix) !== 0)
