import type {
  ClientAddress,
  Identity,
  LimitHeaders,
  MaybePromise,
  QuotaState,
  RequestContext,
  Services,
} from '@palisade/core/middleware'

/**
 * One way to prove who is calling. A team writes its own by this interface; `jwt()`, `apiKey()` and
 * `basic()` are made the same way.
 *
 * @typeParam C what the request presented, as `extract` found it
 */
export interface Strategy<C extends object = object> {
  /** How rules name it, and what `identity.method` says: `jwt`. */
  readonly name: string
  /** The authentication scheme (RFC 9110 section 11.1): `Bearer`. */
  readonly scheme: string
  /**
   * For how long an identity is accepted after its `expiresAt`, since clocks differ. Default: not
   * at all.
   */
  readonly toleranceMs?: number
  /**
   * Finds the credential: `null` if the request has none, `'malformed'` for a credential that no
   * verifier can read. Synchronous, and without I/O.
   */
  extract(ctx: RequestContext): C | 'malformed' | null
  /**
   * Whether the credential has not the form of its own ones, so that another strategy of the rule
   * that finds the same secret has it. Where no other one does, it is verified here all the same,
   * and so never becomes anonymous. Needs `secretOf`.
   */
  yields?(credential: C): boolean
  /**
   * The result for a credential that was verified before; `undefined` when it was not. It is no
   * guess, so no throttle counts it. Where a credential can be guessed, an attempt that
   * `isThrottled` must not be answered by it, which would tell that the guess is right.
   */
  recall?(credential: C, attempt: Attempt): MaybePromise<VerifyResult> | undefined
  /**
   * Decides. Its result is final: what is invalid is never tried by another strategy. A throw or a
   * rejection counts as `error`.
   */
  verify(credential: C, attempt: Attempt): MaybePromise<VerifyResult>
  /**
   * The `WWW-Authenticate` challenge (RFC 9110 section 11.6.1), with a realm that does not depend
   * on the request; `null` for none.
   */
  challenge(failure?: ChallengeFailure): string | null
  /**
   * All that was presented, the secret in it. By this a client that repeats what was wrong before
   * is told from one that guesses, also while it is throttled and nothing is verified. Hashed under
   * a key of this process at once. Without it each attempt counts.
   */
  secretOf?(credential: C): string
  /**
   * Query parameters that hold a credential, so that no address that is made from the request has
   * them.
   */
  readonly secretParameters?: readonly string[]
  /** Resets the failures that it holds against a client or an account. */
  clear?(suspect: Suspect): MaybePromise<void>
  setup?(services: Services): void
  /** When the last pipeline is disposed of that has the `authenticate()` which it was given to. */
  dispose?(): MaybePromise<void>
}

/**
 * Against whom something is held: a client by its key (an IPv4 address or an IPv6 prefix), or an
 * account by the name that is typed. `clearFailures` takes a network for `client` as well;
 * strategies are told each client in it.
 */
export type Suspect =
  | { readonly client: string; readonly account?: undefined }
  | { readonly account: string; readonly client?: undefined }

/** What a challenge may tell the client of a failure. */
export type ChallengeFailure = 'malformed' | 'expired' | 'invalid'

/** What a strategy may know of the request beside the credential. */
export interface Attempt {
  /** Milliseconds since 1970, for dates: a machine's clock may be set. */
  readonly now: number
  /**
   * When the request came, by the clock's monotonic time in milliseconds: for durations in this
   * process.
   */
  readonly monotonic: number
  readonly client: ClientAddress
  /** Whether the strategy's throttle has refused this client, and would still. */
  readonly isThrottled: boolean
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
  /**
   * Tells the client how much of a credential's limits is left, one state for each policy of the
   * headers.
   */
  tellLimits(headers: LimitHeaders, states: readonly QuotaState[], allowed: boolean): void
}

export type VerifyResult = Authenticated | Invalid | Refused | Failed

export interface Authenticated {
  readonly outcome: 'authenticated'
  /** Frozen, since it may be shared by many requests: see `makeIdentity`. */
  readonly identity: Identity
}

/** The credential proves nothing: 401. */
export interface Invalid {
  readonly outcome: 'invalid'
  /** `expired` only for what was right once: it is no violation. */
  readonly failure: Exclude<ChallengeFailure, 'malformed'>
  /** A short word for logs and events: `signature`. Never shown, and never text from outside. */
  readonly reason: string
  /** Whose credential it claims to be, where it says so. */
  readonly subject?: string | undefined
  /**
   * `false` where the client did not make it up, as far as can be told: it is no violation, and no
   * throttle counts it.
   */
  readonly isGuess?: boolean
  /** Which option would change that, for the debug log. Never text from outside. */
  readonly hint?: string
}

/** The credential is right, and yet may not be used here and now. */
export interface Refused {
  readonly outcome: 'refused'
  readonly status: 403 | 429
  /** Safe to show. */
  readonly message: string
  readonly reason: string
  readonly subject?: string | undefined
  readonly retryAfterSeconds?: number | undefined
  /**
   * Whether it speaks against the client: a key used from elsewhere does, a quota that is used up
   * does not.
   */
  readonly isViolation: boolean
}

/**
 * The attempt is undecided, because a service that must be asked does not answer: 503, never
 * anonymous.
 */
export interface Failed {
  readonly outcome: 'error'
  /** For the log only. */
  readonly error: unknown
  readonly reason: string
  readonly retryAfterSeconds?: number | undefined
}
