import {
  type Check,
  type Checked,
  callback,
  checkOptions,
  type Duration,
  duration,
  headerName,
  integer,
  list,
  type MaybePromise,
  object,
  optional,
  orFalse,
  refuse,
  text,
} from '@palisade/core/middleware'
import { realmName } from '../challenge.js'
import { type ClaimPath, type ClaimSource, claimPath } from './claims.js'
import { type FindIssuer, FoundIssuers } from './found-issuers.js'
import type { IdentityMapping } from './identity-mapping.js'
import { compileIssuers, refuseBesideIssuers } from './issuer.js'
import { type CheckedIssuer, ISSUER_SHAPE, type IssuerOptions, issuerObject } from './issuer-options.js'
import { fixedIssuers, type Issuers } from './issuers.js'
import { headerPlace, type TokenPlace, tokenPlaces } from './token-place.js'
import type { TokenFacts } from './verified-tokens.js'
import type { VerifiedClaims, VerifierOptions } from './verify-token.js'

export interface JwtCommonOptions {
  /** How rules name it. Default `jwt`. */
  name?: string
  /** Default `api`. */
  realm?: string
  /**
   * Where the token is. Default `authorization`, as `Bearer <token>`; another header holds the
   * token alone.
   */
  header?: string
  /**
   * All places where the token may be, instead of `header`: `[bearer(), cookie('token')]`. A
   * request with a token in two of them is a 400 (RFC 6750 section 2).
   */
  from?: readonly TokenPlace[]
  /** By how much the clocks may differ: at most 5 minutes. Default 30 seconds. */
  clockTolerance?: Duration
  /**
   * Where scopes stand. Default `scope` and `scp`. A claim that is named here must be of the right
   * type.
   */
  scopes?: ClaimPath
  /** Default `roles`. */
  roles?: ClaimPath
  /** Default `tenant`; where `tenants` are listed it is theirs. */
  tenant?: ClaimPath
  /** Default `permissions`. */
  permissions?: ClaimPath
  /**
   * Makes parts of the identity out of the claims:
   * `claims => ({ subject: `client:${claims.azp}` })`. Called when a token is verified, not again
   * while it is in the cache. An error that it throws is a 503.
   */
  identity?: (claims: VerifiedClaims) => MaybePromise<IdentityMapping>
  /**
   * Whether the claims of a token that is right otherwise are accepted. Asked as `identity` is.
   * `false` is a 401; what throws or says anything but `true` or `false` is a 503.
   */
  validate?: (claims: VerifiedClaims) => MaybePromise<boolean>
  /**
   * Whether a valid token was revoked. Called at every request, also for a token in the cache: make
   * it synchronous if you can. An error, or a result other than `true` or `false`, is a 503.
   */
  isRevoked?: (token: TokenFacts) => MaybePromise<boolean>
  /** Verified tokens that are kept, and for how long at most. Default 10,000 for 60 seconds. */
  cache?: { maxKeys?: number; ttl?: Duration } | false
}

/**
 * One issuer, a list of them, or a function that finds the issuer of a token at run time. Its
 * result is kept for 5 minutes, or for 30 seconds if it knows no such issuer.
 */
export type JwtOptions = JwtCommonOptions &
  (IssuerOptions | { issuers: readonly IssuerOptions[] | FindIssuer })

/** The options of `jwt()`, ready to be used. */
export interface JwtSettings {
  readonly realm: string
  readonly places: readonly TokenPlace[]
  readonly issuers: Issuers
  readonly verifier: VerifierOptions
  readonly isRevoked: JwtCommonOptions['isRevoked']
  /** How many verified tokens are kept; `undefined` for none. */
  readonly maxVerified: number | undefined
}

const owner = 'jwt'

const issuersOption: Check<readonly CheckedIssuer[] | FindIssuer> = (value, at) =>
  typeof value === 'function' ? (value as FindIssuer) : list(issuerObject, { min: 1, max: 100 })(value, at)

const SHAPE = {
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
        maxKeys: optional(integer({ min: 1, max: 1_000_000 }), 10_000),
        ttl: optional(duration({ max: '10m' })),
      }),
    ),
  ),
}

type CheckedJwt = Checked<typeof SHAPE>

/** @throws ConfigError */
export function jwtSettings(options: JwtOptions): JwtSettings {
  const checked = checkOptions(owner, options, SHAPE)
  const { realm, isRevoked, cache } = checked
  return {
    realm,
    issuers: issuersOf(checked),
    places: placesOf(checked),
    verifier: verifierOptions(checked),
    isRevoked,
    maxVerified: cache === false ? undefined : (cache?.maxKeys ?? 10_000),
  }
}

/** @throws ConfigError */
function issuersOf(checked: CheckedJwt): Issuers {
  if (checked.issuers !== undefined) refuseBesideIssuers(owner, checked)
  return typeof checked.issuers === 'function'
    ? new FoundIssuers(checked.issuers)
    : fixedIssuers(compileIssuers(owner, checked, checked.issuers))
}

/** @throws ConfigError */
function placesOf({ header, from }: CheckedJwt): readonly TokenPlace[] {
  if (from === undefined) return [headerPlace(header ?? 'authorization')]
  return header === undefined ? from : refuse({ owner, option: 'header' }, header, 'nothing beside "from"')
}

const verifierOptions = (checked: CheckedJwt): VerifierOptions => ({
  method: checked.name,
  toleranceSeconds: Math.floor((checked.clockTolerance ?? 30_000) / 1000),
  cacheMs: checked.cache === false ? 0 : (checked.cache?.ttl ?? 60_000),
  sources: {
    scopes: sourceOf(checked.scopes, 'scope', 'scp'),
    roles: sourceOf(checked.roles, 'roles'),
    tenant: sourceOf(checked.tenant, 'tenant'),
    permissions: sourceOf(checked.permissions, 'permissions'),
  },
  validate: checked.validate,
  identity: checked.identity,
  needsFacts: checked.isRevoked !== undefined,
})

const sourceOf = (named: readonly string[] | undefined, ...usual: readonly string[]): ClaimSource =>
  named === undefined
    ? { paths: usual.map(name => [name]), isNamed: false }
    : { paths: [named], isNamed: true }
