import {
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
  text,
} from '@palisade/core'
import { bearerChallenge, realmName } from '../challenge.js'
import type { Authenticated, Strategy, VerifyResult } from '../strategy.js'
import { type ClaimPath, claimPath } from './claims.js'
import { compileIssuers, ISSUER_SHAPE, type IssuerOptions, issuerObject } from './issuer.js'
import { isCompact } from './token.js'
import {
  isFresh,
  type TokenFacts,
  type Verification,
  type VerifiedToken,
  VerifiedTokens,
} from './verified-tokens.js'
import { TokenVerifier } from './verify-token.js'

export interface JwtCommonOptions {
  /** How rules name it. Default `jwt`. */
  name?: string
  /** Default `api`. */
  realm?: string
  /** Where the token is. Default `authorization`, as `Bearer <token>`; another header holds the token alone. */
  header?: string
  /** By how much the clocks may differ: at most 5 minutes. Default 30 seconds. */
  clockTolerance?: Duration
  /** Where scopes stand. Default `scope` and `scp`. */
  scopes?: ClaimPath
  /** Default `roles`. */
  roles?: ClaimPath
  /** Default `tenant`; where `tenants` are listed it is theirs. */
  tenant?: ClaimPath
  /** Default `permissions`. */
  permissions?: ClaimPath
  /**
   * Whether a token that is right was taken back. Asked at every request, also for a token in the cache: synchronous where it can be.
   * What throws or says anything but `true` or `false` is a 503.
   */
  isRevoked?: (token: TokenFacts) => MaybePromise<boolean>
  /** Verified tokens that are kept, and for how long at most. Default 10,000 for 60 seconds. */
  cache?: { max?: number; ttl?: Duration } | false
}

export type JwtOptions = JwtCommonOptions & (IssuerOptions | { issuers: readonly IssuerOptions[] })

/** A bearer token as it was presented. */
export interface BearerToken {
  /** The whole header field. */
  readonly field: string
  readonly token: string
}

/** RFC 6750 section 2.1. */
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i
const NAMES_BEARER = /^bearer(?:$|[^\w-])/i
const BARE = /^([\w\-.~+/]+=*)$/

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
 *
 * @throws ConfigError for a wrong option, a weak secret, a public key as secret, mixed algorithms
 */
export function jwt(options: JwtOptions): Strategy<BearerToken> {
  const checked = checkOptions('jwt', options, {
    ...ISSUER_SHAPE,
    issuers: optional(list(issuerObject, { min: 1, max: 100 })),
    name: optional(text({ max: 50 }), 'jwt'),
    realm: optional(realmName, 'api'),
    header: optional(headerName, 'authorization'),
    clockTolerance: optional(duration({ min: 0, max: '5m' })),
    scopes: optional(claimPath),
    roles: optional(claimPath, ['roles']),
    tenant: optional(claimPath, ['tenant']),
    permissions: optional(claimPath, ['permissions']),
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
  const { name, realm, header, isRevoked, cache } = checked
  const issuers = compileIssuers('jwt', checked)
  const verified = cache === false ? undefined : new VerifiedTokens(cache?.max ?? 10_000)
  const toleranceSeconds = Math.floor((checked.clockTolerance ?? 30_000) / 1000)
  const verifier = new TokenVerifier(issuers, {
    method: name,
    toleranceSeconds,
    cacheMs: cache === false ? 0 : (cache?.ttl ?? 60_000),
    names: {
      scopes: checked.scopes === undefined ? [['scope'], ['scp']] : [checked.scopes],
      roles: checked.roles,
      tenant: checked.tenant,
      permissions: checked.permissions,
    },
  })
  const form = header === 'authorization' ? BEARER : BARE
  const sources = new Set([...issuers.values()].map(({ keys }) => keys))

  return {
    name,
    scheme: 'Bearer',
    toleranceMs: toleranceSeconds * 1000,

    extract(ctx) {
      const field = ctx.header(header)
      if (field === undefined) return null
      // What was verified before needs no second look at its form.
      const known = verified?.find(field)
      if (known !== undefined) return known
      if (header === 'authorization' && !NAMES_BEARER.test(field)) return null
      const token = form.exec(field)?.[1]
      return token === undefined ? 'malformed' : { field, token }
    },

    // Other credentials come as bearer tokens, too: API keys do.
    yields: presented => !wasVerified(presented) && !isCompact(presented.token),

    recall(presented, { now }) {
      return wasVerified(presented) && isFresh(presented, now) ? unlessRevoked(presented) : undefined
    },

    async verify({ field, token }, { now }) {
      const verdict = await verifier.verify(token, now)
      if ('outcome' in verdict) return verdict
      if (verdict.until > now) verified?.add({ ...verdict, field, token })
      return unlessRevoked(verdict)
    },

    challenge: failure => bearerChallenge(realm, failure),
    secretOf: ({ token }) => token,

    setup(services) {
      for (const source of sources) source.setup?.(services)
    },

    async dispose() {
      await Promise.all([...sources].map(source => source.dispose?.()))
    },
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
  if (isRevoked !== true)
    throw new TypeError(`isRevoked returned ${typeof isRevoked}; allowed: true or false`)
  return { outcome: 'invalid', failure: 'invalid', reason: 'revoked', subject: sub }
}
