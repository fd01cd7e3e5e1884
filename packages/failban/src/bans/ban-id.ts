import { canonicalCidr, clientKey, networkOf } from '@palisade/core/middleware'

/**
 * The one text by which a ban of an address or network is known, from whatever notation a person
 * writes: an address is its client key, `1.2.3.4/32` is `1.2.3.4`. `undefined` for what is neither,
 * or has host bits set.
 */
export function banId(text: string, ipv6Prefix: number): string | undefined {
  const key = clientKey(text, ipv6Prefix)
  if (key !== undefined) return key
  const cidr = canonicalCidr(text)
  return cidr === undefined ? undefined : folded(cidr)
}

export interface Range {
  readonly family: 4 | 6
  readonly prefix: number
}

/** The family and prefix length of an id. */
export function rangeOf(id: string): Range {
  const slash = id.indexOf('/')
  if (slash < 0) return { family: 4, prefix: 32 }
  return { family: id.includes(':') ? 6 : 4, prefix: Number(id.slice(slash + 1)) }
}

/**
 * The id of the network of that length around an address or a narrower network; `undefined` if the
 * text is no address.
 */
export function widened(text: string, prefix: number): string | undefined {
  const network = networkOf(text, prefix)
  return network === undefined ? undefined : folded(network)
}

/** Whether the network of an id has the address in it. */
export const isWithin = (ip: string, id: string): boolean => widened(ip, rangeOf(id).prefix) === id

const folded = (cidr: string) => (cidr.endsWith('/32') && !cidr.includes(':') ? cidr.slice(0, -3) : cidr)
