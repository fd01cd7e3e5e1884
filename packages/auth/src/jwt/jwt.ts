import {
  type Check,
  callback,
  checkOptions,
  type Duration,
  duration,
  headerName,
  integer,
  isPromise,
  list,
  type MaybePromise,
  object,
  optional,
  orFalse,
  type RequestContext,
  refuse,
  text,
  wrongResult,
} from '@palisade/core/middleware'
import { bearerChallenge, realmName } from '../challenge.js'
import type { Authenticated, Strategy, VerifyResult } from '../strategy.js'
import { type ClaimPath, type ClaimSource, claimPath } from './claims.js'
import { type FindIssuer, FoundIssuers } from './found-issuers.js'
import { unfit } from './hints.js'
import type { IdentityMapping } from './identity-mapping.js'
import { compileIssuers, refuseBesideIssuers } from './issuer.js'
import { type CheckedIssuer, ISSUER_SHAPE, type IssuerOptions, issuerObject } from './issuer-options.js'
import { fixedIssuers, type Issuers } from './issuers.js'
import { isCompact } from './token.js'
import { headerPlace, type TokenPlace, tokenPlaces } from './token-place.js'
import {
  isFresh,
  type TokenFacts,
  type Verification,
  type VerifiedToken,
  VerifiedTokens,
} from './verified-tokens.js'
import { TokenVerifier, type VerifiedClaims } from './verify-token.js'

export interface JwtCommonOptions {
  /** How rules name it. Default `jwt`. */
  name?: string
  /** Default `api`. */
  realm?: string
  /** Where the token is. Default `authorization`, as `Bearer <token>`; another header holds the token alone. */
  header?: string
  /**
   * All places where the token may be, instead of `header`: `[bearer(), cookie('token')]`. A request with
   * a token in two of them is a 400 (RFC 6750 section 2).
   */
  from?: readonly TokenPlace[]
  /** By how much the clocks may differ: at most 5 minutes. Default 30 seconds. */
  clockTolerance?: Duration
  /** Where scopes stand. Default `scope` and `scp`. A claim that is named here must be of the right type. */
  scopes?: ClaimPath
  /** Default `roles`. */
  roles?: ClaimPath
  /** Default `tenant`; where `tenants` are listed it is theirs. */
  tenant?: ClaimPath
  /** Default `permissions`. */
  permissions?: ClaimPath
  /**
   * Makes parts of the identity out of the claims: `claims => ({ subject: `client:${claims.azp}` })`. Asked
   * when a token is verified, not again while it is in the cache. What throws is a 503.
   */
  identity?: (claims: VerifiedClaims) => MaybePromise<IdentityMapping>
  /**
   * Whether the claims of a token that is right otherwise are accepted. Asked as `identity` is. `false` is a
   * 401; what throws or says anything but `true` or `false` is a 503.
   */
  validate?: (claims: VerifiedClaims) => MaybePromise<boolean>
  /**
   * Whether a token that is right was taken back. Asked at every request, also for a token in the cache: synchronous where it can be.
   * What throws or says anything but `true` or `false` is a 503.
   */
  isRevoked?: (token: TokenFacts) => MaybePromise<boolean>
  /** Verified tokens that are kept, and for how long at most. Default 10,000 for 60 seconds. */
  cache?: { max?: number; ttl?: Duration } | false
}

/**
 * One issuer, a list of them, or a function that finds the issuer of a token at run time. What the function
 * answers is kept for 5 minutes, and for 30 seconds where it knows no such issuer.
 */
export type JwtOptions = JwtCommonOptions &
  (IssuerOptions | { issuers: readonly IssuerOptions[] | FindIssuer })

/** A bearer token as it was presented. */
export interface BearerToken {
  /** The whole header field. */
  readonly field: string
  readonly token: string
}

const issuersOption: Check<readonly CheckedIssuer[] | FindIssuer> = (value, at) =>
  typeof value === 'function' ? (value as FindIssuer) : list(issuerObject, { min: 1, max: 100 })(value, at)

/**
 * Bearer tokens that an issuer signed (RFC 7519, RFC 8725, RFC 9068), verified by jose.
 *
 * It defends against forged and foreign tokens: the algorithm and the key are the configuration's, never the token's; `iss`, `aud`, `exp` and
 * `sub` are required; keys named in the token are refused without a fetch. Fails closed: an issuer whose keys cannot be had is a 503.
 * A stolen token is good until it expires: keep lives short, and use `isRevoked`.
 * Several `issuers` share one name space of subjects, tenants and roles: list together only those that you trust with all of it.
 *
 *     jwt({ issuer: 'https://login.example', audience: 'orders', jwksUri: 'https://login.example/jwks' })
 *     jwt({ issuer: 'shop', audience: 'shop', secret: process.env.JWT_SECRET, algorithms: ['HS256'] })
 *     jwt({ issuers: iss => issuerOfCustomer(iss) })
 *
 * @throws ConfigError for a wrong option, a weak secret, a public key as secret, mixed algorithms
 */
export function jwt(options: JwtOptions): Strategy<BearerToken> {
  const checked = checkOptions('jwt', options, {
    ...ISSUER_SHAPE,
    issuers: optional(issuersOption),
    name: optional(text({ max: 50 }), 'jwt'),
    realm: optional(realmName, 'api'),
    header: optional(headerName),
    from: optional(tokenPlaces),
    clockTolerance: optional(duration({ min: 0, max: '5m' })),
    scopes: optional(claimPath),
    roles: optional(claimPath),
    tenant: optional(claimPath),
    permissions: optional(claimPath),
    identity: optional(callback<NonNullable<JwtCommonOptions['identity']>>()),
    validate: optional(callback<NonNullable<JwtCommonOptions['validate']>>()),
    isRevoked: optional(callback<NonNullable<JwtCommonOptions['isRevoked']>>()),
    cache: optional(
      orFalse(
        object({
          max: optional(integer({ min: 1, max: 1_000_000 }), 10_000),
          ttl: optional(duration({ max: '10m' })),
        }),
      ),
    ),
  })
  const { name, realm, isRevoked, cache } = checked
  const issuers = issuersOf(checked)
  const places = placesOf(checked)
  const verified = cache === false ? undefined : new VerifiedTokens(cache?.max ?? 10_000)
  const toleranceSeconds = Math.floor((checked.clockTolerance ?? 30_000) / 1000)
  const verifier = new TokenVerifier(issuers, {
    method: name,
    toleranceSeconds,
    cacheMs: cache === false ? 0 : (cache?.ttl ?? 60_000),
    sources: {
      scopes: sourceOf(checked.scopes, 'scope', 'scp'),
      roles: sourceOf(checked.roles, 'roles'),
      tenant: sourceOf(checked.tenant, 'tenant'),
      permissions: sourceOf(checked.permissions, 'permissions'),
    },
    validate: checked.validate,
    identity: checked.identity,
    needsFacts: isRevoked !== undefined,
  })

  return {
    name,
    scheme: 'Bearer',
    toleranceMs: toleranceSeconds * 1000,

    extract(ctx) {
      let found: BearerToken | VerifiedToken | 'malformed' | null = null
      for (const place of places) {
        const presented = lookInto(place, ctx)
        if (presented === null) continue
        // RFC 6750 section 2: a client must not use more than one place.
        if (found !== null) return 'malformed'
        found = presented
      }
      return found
    },

    // Other credentials come as bearer tokens, too: API keys do.
    yields: presented => !wasVerified(presented) && !isCompact(presented.token),

    recall(presented, attempt) {
      return wasVerified(presented) && isFresh(presented, attempt) ? unlessRevoked(presented) : undefined
    },

    async verify({ field, token }, attempt) {
      const verdict = await verifier.verify(token, attempt)
      if ('outcome' in verdict) return verdict
      if (isFresh(verdict, attempt)) verified?.add({ ...verdict, field, token })
      return unlessRevoked(verdict)
    },

    challenge: failure => bearerChallenge(realm, failure),
    secretOf: ({ token }) => token,
    secretParameters: places.flatMap(({ parameter }) => parameter ?? []),

    setup(services) {
      issuers.setup(services)
      for (const place of places.filter(({ isAmbient }) => isAmbient))
        services.logger.warn(
          { strategy: name, place: place.name },
          'tokens are read from a cookie, which browsers also send for requests of other sites (CSRF): refuse those, and say so by cookie(name, { csrf: "handled" })',
        )
    },

    dispose: () => issuers.dispose(),
  }

  function lookInto(
    place: TokenPlace,
    ctx: RequestContext,
  ): BearerToken | VerifiedToken | 'malformed' | null {
    const field = place.field(ctx)
    if (field === undefined) return null
    // What was verified before needs no second look at its form.
    const known = verified?.find(field)
    if (known !== undefined) return known
    if (!place.owns(field)) return null
    const token = place.tokenIn(field)
    return token === undefined ? 'malformed' : { field, token }
  }

  function unlessRevoked({ result, facts }: Verification): MaybePromise<VerifyResult> {
    if (isRevoked === undefined) return result
    const revoked = isRevoked(facts)
    if (isPromise(revoked))
      return (revoked as Promise<boolean>).then(settled => judge(settled, result, facts))
    return judge(revoked, result, facts)
  }
}

const wasVerified = (presented: BearerToken): presented is VerifiedToken => 'result' in presented

function judge(isRevoked: unknown, result: Authenticated, { sub }: TokenFacts): VerifyResult {
  if (isRevoked === false) return result
  if (isRevoked !== true) throw wrongResult('isRevoked', isRevoked, 'true or false')
  return unfit('revoked', sub)
}

type CheckedJwt = CheckedIssuer & { readonly issuers: readonly CheckedIssuer[] | FindIssuer | undefined }

/** @throws ConfigError */
function issuersOf(checked: CheckedJwt): Issuers {
  if (checked.issuers !== undefined) refuseBesideIssuers('jwt', checked)
  return typeof checked.issuers === 'function'
    ? new FoundIssuers(checked.issuers)
    : fixedIssuers(compileIssuers('jwt', checked, checked.issuers))
}

/** @throws ConfigError */
function placesOf({
  header,
  from,
}: {
  readonly header: string | undefined
  readonly from: readonly TokenPlace[] | undefined
}): readonly TokenPlace[] {
  if (from === undefined) return [headerPlace(header ?? 'authorization')]
  return header === undefined
    ? from
    : refuse({ owner: 'jwt', option: 'header' }, header, 'nothing beside "from"')
}

const sourceOf = (named: readonly string[] | undefined, ...usual: readonly string[]): ClaimSource =>
  named === undefined
    ? { paths: usual.map(name => [name]), isNamed: false }
    : { paths: [named], isNamed: true }
