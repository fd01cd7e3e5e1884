/** Something that speaks against a client. Rate limits and auth emit it, failban listens. */
export interface Violation {
  /**
   * What kind: `auth`, `auth-throttled`, `rate-limit`, `not-found`, `probe`, or a team's own word.
   */
  readonly source: string
  /** How much it counts towards a ban; 0 is seen but not counted. */
  readonly weight: number
  /** The client key: an IPv4 address or an IPv6 prefix. */
  readonly key: string
  /**
   * The address itself, where it is at hand: an entry of an allow list may be narrower than the
   * key.
   */
  readonly ip?: string | undefined
  /** False when the address is not known well enough to punish it. */
  readonly bannable: boolean
  /**
   * Counted at most once for a client within a window: a page of another site may have made its
   * browser send the request.
   */
  readonly once?: boolean | undefined
  /** For people; never shown to the client. */
  readonly detail?: Readonly<Record<string, unknown>>
}
