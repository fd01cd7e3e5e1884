/** Who is calling, as far as the network can tell. Made by a `Trust`. */
export interface ClientAddress {
  /** Canonical text (RFC 5952 for IPv6); `undefined` when there is no socket address. */
  readonly ip: string | undefined
  /**
   * What limits and bans count by: the IPv4 address, also one that a translator put into IPv6
   * (`clientKey`), or the IPv6 /64. `undefined` with `ip`: such a client is never counted.
   */
  readonly key: string | undefined
  /**
   * False when the address stands for more than this client (a proxy) or could not be verified to
   * its end.
   */
  readonly bannable: boolean
}
