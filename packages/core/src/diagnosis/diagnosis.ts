/** What `trust` gets wrong about the topology. The codes are stable. */
export type DiagnosisCode =
  /** Forwarding headers arrive, and `trust` reads none. */
  | 'TRUST_MISSING'
  /** `trust` names proxies, and no request comes from one of them. */
  | 'TRUST_NEVER_MATCHES'
  /** Requests come from trusted proxies, without the header that `trust` reads. */
  | 'TRUST_HEADER_MISSING'
  /** The header that `trust` reads holds no address where the nearest proxy writes. */
  | 'TRUST_HEADER_MALFORMED'
  /** `trustedHops(n)` counts more proxies than there are. */
  | 'TRUST_TOO_MANY_HOPS'
  /** `trust` ends at an inner proxy, in front of the client. */
  | 'TRUST_TOO_FEW_HOPS'
  /** No request has a client address. */
  | 'CLIENT_ADDRESS_MISSING'
  /** Many clients share one private address, and no forwarding header arrives. */
  | 'PROXY_WITHOUT_HEADERS'

/** A topology that `trust` does not fit. Found from the first requests of a pipeline. */
export interface Diagnosis {
  readonly code: DiagnosisCode
  /** One sentence with the facts and the remedy. */
  readonly message: string
  /** What to change. */
  readonly remedy: string
  readonly counts: {
    /** Requests that were looked at, without health checks. */
    readonly requests: number
    /** Requests with a header of a proxy. */
    readonly forwarded: number
    /** Different addresses of the sockets. */
    readonly peers: number
    /** The fewest elements of `X-Forwarded-For` or `Forwarded` that a request had. */
    readonly elements: number
  }
}
