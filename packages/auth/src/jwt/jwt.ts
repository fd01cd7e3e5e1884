import {
  bindMethods,
  isPromise,
  type MaybePromise,
  type RequestContext,
  type Services,
  wrongResult,
} from '@palisade/core/middleware'
import { bearerChallenge } from '../challenge.js'
import type { Attempt, Authenticated, ChallengeFailure, Strategy, VerifyResult } from '../strategy.js'
import { unfit } from './hints.js'
import type { Issuers } from './issuers.js'
import { type JwtCommonOptions, type JwtOptions, jwtSettings } from './options.js'
import { isCompact } from './token.js'
import type { TokenPlace } from './token-place.js'
import {
  isFresh,
  type TokenFacts,
  type Verification,
  type VerifiedToken,
  VerifiedTokens,
} from './verified-tokens.js'
import { TokenVerifier } from './verify-token.js'

/** A bearer token as it was presented. */
export interface BearerToken {
  /** The whole header field. */
  readonly field: string
  readonly token: string
}

/**
 * Bearer tokens that an issuer signed (RFC 7519, RFC 8725, RFC 9068), verified by jose.
 *
 * It defends against forged and foreign tokens: the algorithm and the key are the configuration's,
 * never the token's; `iss`, `aud`, `exp` and `sub` are required; keys named in the token are
 * refused without a fetch. Fails closed: an issuer whose keys cannot be had is a 503. A stolen
 * token is good until it expires: keep lives short, and use `isRevoked`. Several `issuers` share
 * one name space of subjects, tenants and roles: list together only those that you trust with all
 * of it.
 *
 *     jwt({ issuer: 'https://login.example', audience: 'orders', jwksUri: 'https://login.example/jwks' })
 *     const secret = process.env.JWT_SECRET
 *     jwt({ issuer: 'shop', audience: 'shop', secret, algorithms: ['HS256'] })
 *     jwt({ issuers: iss => issuerOfCustomer(iss) })
 *
 * @throws ConfigError for a wrong option, a weak secret, a public key as secret, mixed algorithms
 */
export function jwt(options: JwtOptions): Strategy<BearerToken> {
  const methods = [
    'extract',
    'yields',
    'recall',
    'verify',
    'challenge',
    'secretOf',
    'setup',
    'dispose',
  ] as const
  return bindMethods(new Jwt(options), ...methods)
}

class Jwt implements Strategy<BearerToken> {
  readonly name: string
  readonly scheme = 'Bearer'
  readonly toleranceMs: number
  readonly secretParameters: readonly string[]
  readonly #realm: string
  readonly #places: readonly TokenPlace[]
  readonly #issuers: Issuers
  readonly #verifier: TokenVerifier
  readonly #verified: VerifiedTokens | undefined
  readonly #isRevoked: JwtCommonOptions['isRevoked']

  constructor(options: JwtOptions) {
    const { realm, places, issuers, verifier, isRevoked, maxVerified } = jwtSettings(options)
    this.name = verifier.method
    this.toleranceMs = verifier.toleranceSeconds * 1000
    this.secretParameters = places.flatMap(({ parameter }) => parameter ?? [])
    this.#realm = realm
    this.#places = places
    this.#issuers = issuers
    this.#verifier = new TokenVerifier(issuers, verifier)
    this.#verified = maxVerified === undefined ? undefined : new VerifiedTokens(maxVerified)
    this.#isRevoked = isRevoked
  }

  setup(services: Services): void {
    this.#issuers.setup(services)
    for (const { name, isAmbient } of this.#places)
      if (isAmbient) services.logger.warn({ strategy: this.name, place: name }, AMBIENT)
  }

  extract(ctx: RequestContext): BearerToken | 'malformed' | null {
    let found: BearerToken | 'malformed' | null = null
    for (const place of this.#places) {
      const presented = this.#presentedAt(place, ctx)
      if (presented === null) continue
      // RFC 6750 section 2: a client must not use more than one place.
      if (found !== null) return 'malformed'
      found = presented
    }
    return found
  }

  /** Other credentials come as bearer tokens, too: API keys do. */
  yields(presented: BearerToken): boolean {
    return !wasVerified(presented) && !isCompact(presented.token)
  }

  recall(presented: BearerToken, attempt: Attempt): MaybePromise<VerifyResult> | undefined {
    return wasVerified(presented) && isFresh(presented, attempt) ? this.#unlessRevoked(presented) : undefined
  }

  async verify({ field, token }: BearerToken, attempt: Attempt): Promise<VerifyResult> {
    const verdict = await this.#verifier.verify(token, attempt)
    if ('outcome' in verdict) return verdict
    if (isFresh(verdict, attempt)) this.#verified?.add({ ...verdict, field, token })
    return this.#unlessRevoked(verdict)
  }

  challenge(failure?: ChallengeFailure): string {
    return bearerChallenge(this.#realm, failure)
  }

  secretOf({ token }: BearerToken): string {
    return token
  }

  async dispose(): Promise<void> {
    await this.#issuers.dispose()
  }

  #presentedAt(place: TokenPlace, ctx: RequestContext): BearerToken | 'malformed' | null {
    const field = place.field(ctx)
    if (field === undefined) return null
    // What was verified before needs no second look at its form.
    const known = this.#verified?.find(field)
    if (known !== undefined) return known
    if (!place.owns(field)) return null
    const token = place.tokenIn(field)
    return token === undefined ? 'malformed' : { field, token }
  }

  #unlessRevoked({ result, facts }: Verification): MaybePromise<VerifyResult> {
    const isRevoked = this.#isRevoked
    if (isRevoked === undefined) return result
    const revoked = isRevoked(facts)
    return isPromise(revoked)
      ? (revoked as Promise<boolean>).then(settled => judge(settled, result, facts))
      : judge(revoked, result, facts)
  }
}

const AMBIENT =
  'tokens are read from a cookie, which browsers also send for requests of other sites (CSRF): refuse those, and say so by cookie(name, { csrf: "handled" })'

/** Whether `extract` found it among the verified tokens. */
const wasVerified = (presented: BearerToken): presented is VerifiedToken => 'result' in presented

function judge(isRevoked: unknown, result: Authenticated, { sub }: TokenFacts): VerifyResult {
  if (isRevoked === false) return result
  if (isRevoked !== true) throw wrongResult('isRevoked', isRevoked, 'true or false')
  return unfit('revoked', sub)
}
