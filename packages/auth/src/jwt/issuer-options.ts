import {
  type Check,
  type Checked,
  callback,
  type Duration,
  duration,
  either,
  list,
  object,
  oneOf,
  optional,
  refuse,
  text,
  within,
} from '@palisade/core/middleware'
import type { JSONWebKeySet, JWK, KeyObject } from 'jose'
import type { Dispatcher } from 'undici'
import { type ClaimPath, claimPath } from './claims.js'
import type { FetchKeys } from './json-client.js'
import { PUBLIC_ALGORITHMS } from './public-key.js'
import { HMAC_ALGORITHMS } from './secret.js'

/**
 * Who signs the tokens, for whom, and how that is checked. Exactly one of `secret`, `publicKey`,
 * `jwks`, `jwksUri` and `discovery`.
 */
export interface IssuerOptions {
  /** The exact `iss`, or with `{tenantid}` where Entra puts the tenant. */
  issuer: string
  /**
   * The `aud` that tokens for this API have; one of them is enough. Or the claim that takes its
   * place, for issuers that write no `aud`: `{ claim: 'client_id', values: ['web'] }`.
   */
  audience: string | readonly string[] | AudienceClaim
  /** The claim of `identity.subject`. Default `sub`. */
  subject?: ClaimPath
  /**
   * A shared secret, at least as long as the hash of its algorithms. While it is changed, a list:
   * the current one first, then those before it.
   */
  secret?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** PEM, JWK, KeyObject or CryptoKey. */
  publicKey?: string | JWK | KeyObject | CryptoKey
  /** A key set that does not change. */
  jwks?: JSONWebKeySet
  /**
   * Where the issuer publishes its keys: https, or http on a loopback address or an insecure host.
   */
  jwksUri?: string
  /**
   * Reads the address of the keys from the issuer's metadata. `true`: below the issuer's own
   * address (OpenID Connect Discovery, otherwise RFC 8414). A URL: from there. The metadata must
   * name the issuer exactly.
   */
  discovery?: true | string
  /** How long an answer from there may take. Default, and at most, 5 seconds. */
  jwksTimeout?: Duration
  /**
   * An undici dispatcher of the team's for these requests: a proxy, an own CA. The team closes it.
   */
  dispatcher?: Dispatcher
  /** Makes these requests instead. It must not follow redirects. */
  fetch?: FetchKeys
  /** Names of hosts that may be asked over plain `http`, such as a service inside a cluster. */
  insecureHosts?: readonly string[]
  /** Required with a secret; otherwise what the type of the key can verify. */
  algorithms?: readonly string[]
  /** The tenants that `{tenantid}` may stand for; required with it. */
  tenants?: readonly string[]
  /**
   * The media type in the header. Default: none, `JWT` or `at+jwt`, as issuers differ. `at+jwt`
   * accepts only tokens by RFC 9068.
   */
  typ?: string | false
}

/** A claim that names for whom a token is, where that is not `aud`. */
export interface AudienceClaim {
  claim: ClaimPath
  values: string | readonly string[]
}

/** Where Entra's names for issuers have the tenant. */
export const TEMPLATE = '{tenantid}'

const algorithm = oneOf(...HMAC_ALGORITHMS, ...PUBLIC_ALGORITHMS)
/** Whether it is right is seen together with the others. */
const anything: Check<unknown> = value => value
const values: Check<readonly string[]> = (value, at) =>
  list(text({ max: 500 }), { min: 1, max: 50 })(typeof value === 'string' ? [value] : value, at)
const audienceClaim = object({ claim: claimPath, values })

/** In which claim the audience stands, and what it may be. */
export interface Audience {
  readonly claim: readonly string[]
  readonly values: readonly string[]
}

const AUD: readonly string[] = Object.freeze(['aud'])
const audience: Check<Audience> = (value, at) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? audienceClaim(value, at)
    : { claim: AUD, values: values(value, at) }

const discovery = either(
  oneOf(true),
  text({ max: 2000 }),
  'true, or the URL of the metadata such as "https://login.example/.well-known/openid-configuration"',
)

const dispatcher: Check<Dispatcher> = (value, at) =>
  typeof (value as { dispatch?: unknown } | null)?.dispatch === 'function'
    ? (value as Dispatcher)
    : refuse(at, value, 'an undici dispatcher')

export const ISSUER_SHAPE = {
  issuer: optional(text({ max: 500 })),
  audience: optional(audience),
  subject: optional(claimPath),
  secret: anything,
  publicKey: anything,
  jwks: anything,
  jwksUri: optional(text({ max: 2000, allowed: 'a URL' })),
  discovery: optional(discovery),
  jwksTimeout: optional(duration({ max: '5s' })),
  dispatcher: optional(dispatcher),
  fetch: optional(callback<FetchKeys>()),
  insecureHosts: optional(
    list(text({ pattern: /^[a-z0-9.-]{1,253}$/, allowed: 'a host name in lower case, without a port' }), {
      min: 1,
      max: 50,
    }),
  ),
  algorithms: optional(list(algorithm, { min: 1, max: 20 })),
  tenants: optional(
    list(text({ pattern: /^[\w.-]{1,100}$/, allowed: 'the id of a tenant' }), { min: 1, max: 10_000 }),
  ),
  typ: ((value, at) =>
    value === undefined || value === false ? value : text({ max: 100 })(value, at)) as Check<
    string | false | undefined
  >,
}

export type CheckedIssuer = Checked<typeof ISSUER_SHAPE>
export const issuerObject: Check<CheckedIssuer> = object(ISSUER_SHAPE)

/** Options that mean something only where keys are fetched. */
const REMOTE_ONLY = ['jwksTimeout', 'dispatcher', 'fetch', 'insecureHosts'] as const

/** @throws ConfigError for an option that nothing reads */
export function refuseUnread(
  checked: CheckedIssuer,
  at: { readonly owner: string; readonly option: string },
): void {
  const isRemote = checked.jwksUri !== undefined || checked.discovery !== undefined
  const unread = REMOTE_ONLY.find(name => checked[name] !== undefined && !isRemote)
  if (unread !== undefined)
    refuse(within(at, unread), checked[unread], 'nothing, unless there is a jwksUri or discovery')
  if (checked.fetch !== undefined && checked.dispatcher !== undefined)
    refuse(within(at, 'dispatcher'), checked.dispatcher, 'nothing beside "fetch", which makes the requests')
}
