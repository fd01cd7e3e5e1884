import type { CidrSet } from './cidr-set.js'
import type { ClientAddress } from './client-address.js'

/**
 * How the client's address is found: one named constructor per topology, `directPeer()`,
 * `trustedProxies()`, `trustedHops()`, `singleHeader()`.
 */
export interface Trust {
  /** The one header that is read, in lower case; `undefined` when none is. */
  readonly header: string | undefined
  /**
   * The ranges of the proxies, where they are known: who decides by address must not take one of
   * them for a client.
   */
  readonly proxies?: CidrSet
  /**
   * @param peer the socket address as the host gives it, `undefined` if the socket has no address
   * @param header the value of `header`, several lines joined by a comma
   */
  resolve(peer: string | undefined, header: string | undefined): ClientAddress
  /**
   * Whether the socket at `peer` is a proxy's, so that what it says of the scheme is believed.
   * Absent: it never is.
   */
  isProxy?(peer: string | undefined): boolean
}
