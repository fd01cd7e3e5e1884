import { checkOptions, flag, integer, type OptionPath, oneOf, optional, refuse } from '../options/check.js'
import { ownHeaderName } from '../options/header-name.js'
import { type AddressRange, type CidrSet, cidrs } from './cidr-set.js'
import type { ClientAddress } from './client-address.js'
import { keyOf } from './client-key.js'
import {
  endOfElement,
  type ForwardedList,
  forwarded,
  MOST_ELEMENTS,
  onlyNode,
  peerAt,
  xForwardedFor,
} from './forwarded.js'
import { dottedIpv4, formatIp, type Ip } from './ip.js'
import type { Trust } from './trust.js'

export interface DirectPeerOptions {
  /** How many bits of an IPv6 address are one client: 32 to 128, 64 by default. */
  readonly ipv6Prefix?: number
}

export interface ProxyOptions extends DirectPeerOptions {
  /**
   * A request without a socket address came through a Unix socket from the nearest proxy. False by
   * default: then such a request has no client address, whatever its headers say. Spoofable by
   * every process that may open the socket file, and by every client on a platform that never gives
   * the peer's address.
   */
  readonly unixSocket?: boolean
}

export interface ForwardedOptions extends ProxyOptions {
  /**
   * The one header that the proxies append to, `x-forwarded-for` by default. The other is never
   * read. A proxy that passes on the header named here without appending to it lets the client
   * write its own address.
   */
  readonly header?: 'x-forwarded-for' | 'forwarded'
}

export interface SingleHeaderOptions extends ProxyOptions {
  /** Where the proxies that set the header connect from. */
  readonly from: readonly AddressRange[] | CidrSet
}

const ipv6Prefix = optional(integer({ min: 32, max: 128 }), 64)
const unixSocket = optional(flag, false)
const header = optional(oneOf('x-forwarded-for', 'forwarded'), 'x-forwarded-for' as const)

/**
 * The client is the peer of the socket; no header is read. The default, and right for a server that
 * clients reach directly.
 *
 * Cannot be spoofed. Behind a proxy the proxy is taken for the client: all clients share one limit,
 * and a ban of one bans all.
 *
 * @throws ConfigError
 */
export function directPeer(options: DirectPeerOptions = {}): Trust {
  const bits = checkOptions('directPeer', options, { ipv6Prefix }).ipv6Prefix
  return Object.freeze({
    header: undefined,
    resolve(peer: string | undefined) {
      if (peer === undefined) return nobody()
      const ipv4 = dottedIpv4(peer)
      return ipv4 === undefined ? clientOf(peerAt(peer), bits, true) : client(ipv4, ipv4, true)
    },
  })
}

/**
 * Behind proxies whose addresses are known. The header is walked from right to left while the
 * address at hand is a proxy's; the first other address is the client. A peer that is no proxy is
 * the client itself, and its header is not read.
 *
 * Spoofable by any host that can send from one of the ranges: list the proxies, not a network that
 * also holds clients. A proxy that is missing from the list is taken for the client, and all its
 * clients with it. If the header ends, or an element is malformed, before an address that is no
 * proxy's, the last proxy is the client, and not bannable.
 *
 * ```ts
 * pipeline({ trust: trustedProxies(['10.0.0.0/8', '2001:db8:1::/48']) })
 * ```
 *
 * @throws ConfigError also if the ranges are all of IPv4 or IPv6: then every client could choose
 * its address
 */
export function trustedProxies(
  ranges: readonly AddressRange[] | CidrSet,
  options: ForwardedOptions = {},
): Trust {
  const owner = 'trustedProxies'
  const checked = checkOptions(owner, options, { header, ipv6Prefix, unixSocket })
  const at = { owner, option: 'cidrs' }
  const proxies = cidrs(ranges, at)
  refuseProxies(proxies, ranges, at, checked.unixSocket)
  return Object.freeze({ ...walking(checked, 'skipped', ip => proxies.hasIp(ip)), proxies })
}

/**
 * Behind a known number of proxies whose addresses are not known, as on most platforms: the client
 * is the `hops`-th element from the right.
 *
 * Spoofable if any path to the server has fewer proxies: on it the client writes the element that
 * is believed. Also if the server can be reached without the proxies at all, since the peer is not
 * looked at. A path with more proxies gives a proxy as the client. A chain that is shorter, or
 * malformed before its end, gives the last address that was reached, and not bannable.
 *
 * @param hops 1 to 32; the proxy that connects to this server is the first
 * @throws ConfigError
 */
export function trustedHops(hops: number, options: ForwardedOptions = {}): Trust {
  const owner = 'trustedHops'
  const count = integer({ min: 1, max: MOST_ELEMENTS })(hops, { owner, option: 'hops' })
  const checked = checkOptions(owner, options, { header, ipv6Prefix, unixSocket })
  return walking(checked, 'fault', (_ip, distance) => distance < count)
}

/**
 * Behind a proxy that replaces one header by the client's address, such as `cf-connecting-ip` or
 * `x-real-ip`. The header counts only on a connection `from` the ranges; any other peer is the
 * client itself.
 *
 * Spoofable if the proxy does not always replace the header, or if other hosts can connect from its
 * ranges. With a shared content network these are all its other customers, unless the server knows
 * its own traffic by a secret or a certificate. If the header is missing, malformed or has several
 * values, the client is the peer, and not bannable.
 *
 * @throws ConfigError
 */
export function singleHeader(name: string, options: SingleHeaderOptions): Trust {
  const owner = 'singleHeader'
  const at = { owner, option: 'name' }
  if (typeof name === 'string' && name.toLowerCase() === 'forwarded')
    refuse(at, name, 'a header that is one address; for "forwarded" use trustedProxies() or trustedHops()')
  const field = ownHeaderName(name, at)
  const checked = checkOptions(owner, options, { from: cidrs, ipv6Prefix, unixSocket })
  const { from: proxies, ipv6Prefix: bits } = checked
  refuseProxies(proxies, options.from, { owner, option: `from` }, checked.unixSocket)
  return Object.freeze({
    header: field,
    proxies,
    resolve(peer: string | undefined, value: string | undefined) {
      const socket = socketOf(peer, checked.unixSocket)
      if (socket === undefined) return nobody()
      if (socket !== 'unix' && !proxies.hasIp(socket)) return clientOf(socket, bits, true)
      const last = socket === 'unix' ? undefined : socket
      if (value === undefined || value.length > LONGEST_VALUE) return clientOf(last, bits, false)
      const ip = onlyNode(value)
      return ip === undefined ? clientOf(last, bits, false) : clientOf(ip, bits, !proxies.hasIp(ip))
    },
    isProxy(peer: string | undefined) {
      const socket = socketOf(peer, checked.unixSocket)
      return socket === 'unix' || (socket !== undefined && proxies.hasIp(socket))
    },
  })
}

/** An address with brackets, zone, port and blanks. */
const LONGEST_VALUE = 128

interface WalkOptions {
  readonly header: 'x-forwarded-for' | 'forwarded'
  readonly ipv6Prefix: number
  readonly unixSocket: boolean
}

/**
 * The walk from the socket towards the client, for as long as `isProxy`; the socket is at the
 * distance 0.
 *
 * @param empty what an empty element is. RFC 9110 section 5.6.1.2 has recipients skip it. Where
 * hops are counted, that would move the client by one.
 */
function walking(
  options: WalkOptions,
  empty: 'skipped' | 'fault',
  isProxy: (ip: Ip, distance: number) => boolean,
): Trust {
  const list: ForwardedList = options.header === 'forwarded' ? forwarded : xForwardedFor
  const bits = options.ipv6Prefix
  return Object.freeze({
    header: options.header,
    resolve(peer: string | undefined, value: string | undefined) {
      const socket = socketOf(peer, options.unixSocket)
      if (socket === undefined) return nobody()
      let current = socket === 'unix' ? undefined : socket
      let end = value === undefined ? -1 : value.length
      if (value !== undefined && empty === 'skipped') end = endOfElement(value, end)
      for (let distance = 0; current === undefined || isProxy(current, distance); distance++) {
        if (value === undefined || end < 0 || distance === MOST_ELEMENTS)
          return clientOf(current, bits, false)
        const start = list.start(value, end)
        const ip = start < 0 ? undefined : list.address(value, start, end)
        if (ip === undefined) return clientOf(current, bits, false)
        current = ip
        end = empty === 'skipped' ? endOfElement(value, start - 1) : start - 1
      }
      return clientOf(current, bits, true)
    },
    isProxy(peer: string | undefined) {
      const socket = socketOf(peer, options.unixSocket)
      return socket === 'unix' || (socket !== undefined && isProxy(socket, 0))
    },
  })
}

/**
 * `undefined` if the socket has no address, or text that is no address. Hosts give a Unix socket's
 * address as `undefined` or as an empty string.
 */
function socketOf(peer: string | undefined, unixSocket: boolean): Ip | 'unix' | undefined {
  if (peer !== undefined && peer !== '') return peerAt(peer)
  return unixSocket ? 'unix' : undefined
}

function refuseProxies(proxies: CidrSet, value: unknown, at: OptionPath, mayBeEmpty: boolean): void {
  if (proxies.size === 0 && !mayBeEmpty)
    refuse(at, value, 'the ranges of your proxies, at least one (without a proxy: directPeer())')
  if (proxies.covers('0.0.0.0/0') || proxies.covers('::/0'))
    refuse(
      at,
      value,
      'the ranges of your proxies, not every address (if theirs are not known: trustedHops())',
    )
}

const nobody = () => client(undefined, undefined, false)

function clientOf(ip: Ip | undefined, ipv6Prefix: number, bannable: boolean): ClientAddress {
  if (ip === undefined) return nobody()
  const text = formatIp(ip)
  return client(text, ip.family === 4 ? text : keyOf(ip, ipv6Prefix), bannable)
}

/**
 * One literal in one place: every request carries one of these, and all have the same hidden class.
 */
const client = (ip: string | undefined, key: string | undefined, bannable: boolean): ClientAddress => ({
  ip,
  key,
  bannable,
})
