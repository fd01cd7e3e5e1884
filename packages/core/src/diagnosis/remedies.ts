import { ADDRESS_HEADERS } from '../address/proxy-traces.js'
import type { Trust } from '../address/trust.js'
import type { Tally } from './tally.js'

const MOST_HOPS = 32
/** Addresses that a text names. */
const MOST_SEEN = 3

/**
 * The trust that reads `header`, as code. It keeps to what the team gave: where that is ranges, the
 * client is found by ranges, and the code has them as `ranges`.
 *
 * @param peers addresses that the ranges lack
 */
export function reading(tally: Tally, trust: Trust, header: string, peers: readonly string[] = []): string {
  const isList = header === 'x-forwarded-for' || header === 'forwarded'
  if (trust.proxies !== undefined) {
    const code = isList
      ? `trustedProxies(ranges${options(tally, header)})`
      : singleHeader(tally, header, 'ranges')
    return `\`trust: ${code}\` with ${seen(peers, 'your ranges')}`
  }
  if (isList) return hops(tally, tally.elements, header)
  if (peers.length > MOST_SEEN)
    return `\`trust: ${singleHeader(tally, header, 'ranges')}\` with the ranges of ${seen(peers)}`
  return `\`trust: ${singleHeader(tally, header, `[${peers.map(ip => `'${ip}'`).join(', ')}]`)}\``
}

/** The trust that counts so many proxies, as code. */
export function hops(tally: Tally, count: number, header: string | undefined): string {
  const least = Number.isFinite(count) ? Math.min(MOST_HOPS, Math.max(1, count)) : 1
  return `\`trust: trustedHops(${least}${options(tally, header)})\``
}

/** What to add to ranges that lack some proxies. */
export const enlarged = (ips: readonly string[]) =>
  `${seen(ips)} (or the network of your proxies) to the ranges of \`trust\``

/** The first of the addresses, and how many more there are, behind other words of a list. */
export function seen(ips: readonly string[], ...before: readonly string[]): string {
  const named = ips.slice(0, MOST_SEEN)
  const more = ips.length - named.length
  const all = [...before, ...named, ...(more > 0 ? [`${more} more`] : [])]
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`
}

/** The list of addresses that arrives. */
export const listOf = ({ headers }: Tally) => ['x-forwarded-for', 'forwarded'].find(name => headers.has(name))

/** The headers with an address that arrive, and how often. Lists come first. */
export function addressHeadersOf({ headers }: Tally): readonly (readonly [string, number])[] {
  return ['x-forwarded-for', 'forwarded', ...ADDRESS_HEADERS].flatMap(name => {
    const count = headers.get(name)
    return count === undefined ? [] : [[name, count] as const]
  })
}

/** `x-forwarded-for` as `X-Forwarded-For`. */
export const nameOf = (header: string) =>
  header
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
    .replace(/Ip$/, 'IP')

const singleHeader = (tally: Tally, header: string, from: string) =>
  `singleHeader('${header}', { from: ${from}${isUnixSocket(tally) ? ', unixSocket: true' : ''} })`

function options(tally: Tally, header: string | undefined): string {
  const all = [
    ...(header === 'forwarded' ? ["header: 'forwarded'"] : []),
    ...(isUnixSocket(tally) ? ['unixSocket: true'] : []),
  ]
  return all.length === 0 ? '' : `, { ${all.join(', ')} }`
}

const isUnixSocket = ({ withoutPeer, unreadablePeer, requests }: Tally) =>
  withoutPeer === requests && unreadablePeer === undefined
