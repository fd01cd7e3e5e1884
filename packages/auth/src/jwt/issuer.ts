import {
  type Check,
  type Checked,
  type Duration,
  duration,
  list,
  type OptionPath,
  object,
  oneOf,
  optional,
  refuse,
  text,
  within,
} from '@palisade/core'
import type { JSONWebKeySet, JWK, KeyObject } from 'jose'
import { localKeys } from './key-set.js'
import { type KeySource, sharedSecret, singleKey } from './keys.js'
import { PUBLIC_ALGORITHMS, publicKey } from './public-key.js'
import { jwksUri, RemoteKeys } from './remote-keys.js'
import { HMAC_ALGORITHMS, secretBytes } from './secret.js'

/** Who signs the tokens, for whom, and how that is checked. Exactly one of `secret`, `publicKey`, `jwks` and `jwksUri`. */
export interface IssuerOptions {
  /** The exact `iss`, or with `{tenantid}` where Entra puts the tenant. */
  issuer: string
  /** The `aud` that tokens for this API have; one of them is enough. */
  audience: string | readonly string[]
  /** A shared secret, at least as long as the hash of its algorithms. */
  secret?: string | Uint8Array
  /** PEM, JWK, KeyObject or CryptoKey. */
  publicKey?: string | JWK | KeyObject | CryptoKey
  /** A key set that does not change. */
  jwks?: JSONWebKeySet
  /** Where the issuer publishes its keys: https, or http on a loopback address. */
  jwksUri?: string
  /** How long an answer from there may take. Default, and at most, 5 seconds. */
  jwksTimeout?: Duration
  /** Required with a secret; else what the type of the key can verify. */
  algorithms?: readonly string[]
  /** The tenants that `{tenantid}` may stand for; required with it. */
  tenants?: readonly string[]
  /** The media type in the header. Default `at+jwt` with `jwksUri` (RFC 9068); `false`: any that may be an access token. */
  typ?: string | false
}

/** An issuer, ready to verify. */
export interface Issuer {
  readonly name: string
  readonly audience: string[]
  readonly algorithms: string[]
  readonly keys: KeySource
  readonly typ: string | undefined
  /** What `tid` must be, where the issuer is one tenant of a template. */
  readonly tenant: string | undefined
}

const algorithm = oneOf(...HMAC_ALGORITHMS, ...PUBLIC_ALGORITHMS)
/** Whether it is right is seen together with the others. */
const anything: Check<unknown> = value => value
const audience: Check<readonly string[]> = (value, at) =>
  list(text({ max: 500 }), { min: 1, max: 50 })(typeof value === 'string' ? [value] : value, at)

export const ISSUER_SHAPE = {
  issuer: optional(text({ max: 500 })),
  audience: optional(audience),
  secret: anything,
  publicKey: anything,
  jwks: anything,
  jwksUri: optional(jwksUri),
  jwksTimeout: optional(duration({ max: '5s' })),
  algorithms: optional(list(algorithm, { min: 1, max: 20 })),
  tenants: optional(
    list(text({ pattern: /^[\w.-]{1,100}$/, allowed: 'the id of a tenant' }), { min: 1, max: 10_000 }),
  ),
  typ: ((value, at) =>
    value === undefined || value === false ? value : text({ max: 100 })(value, at)) as Check<
    string | false | undefined
  >,
}

type CheckedIssuer = Checked<typeof ISSUER_SHAPE>
export const issuerObject: Check<CheckedIssuer> = object(ISSUER_SHAPE)
const KEY_OPTIONS = ['secret', 'publicKey', 'jwks', 'jwksUri'] as const
const TEMPLATE = '{tenantid}'

/**
 * The issuers of a configuration by their exact name: those of `issuers`, or the one that the options themselves describe.
 *
 * @throws ConfigError where the options do not fit together, and for an issuer that is described twice
 */
export function compileIssuers(
  owner: string,
  checked: CheckedIssuer & { readonly issuers: readonly CheckedIssuer[] | undefined },
): ReadonlyMap<string, Issuer> {
  const at = { owner, option: '' }
  const names = Object.keys(ISSUER_SHAPE) as (keyof CheckedIssuer)[]
  const beside = checked.issuers && names.find(name => checked[name] !== undefined)
  if (beside !== undefined)
    refuse(within(at, beside), checked[beside], 'nothing beside "issuers"; put it into each of them')
  const compiled =
    checked.issuers === undefined
      ? compileIssuer(checked, at)
      : checked.issuers.flatMap((issuer, index) =>
          compileIssuer(issuer, within(within(at, 'issuers'), index)),
        )
  const byName = new Map(compiled.map(issuer => [issuer.name, issuer]))
  if (byName.size !== compiled.length)
    refuse(within(at, 'issuers'), checked.issuers, 'each issuer once; audiences and algorithms can be lists')
  return byName
}

/**
 * The issuers that one configuration stands for: one, or one for each tenant.
 *
 * @throws ConfigError where the options do not fit together
 */
function compileIssuer(checked: CheckedIssuer, at: OptionPath): readonly Issuer[] {
  const { issuer, audience: audiences, tenants } = checked
  if (issuer === undefined)
    return refuse(within(at, 'issuer'), issuer, 'the exact "iss" of the tokens; it is required')
  if (audiences === undefined)
    return refuse(within(at, 'audience'), audiences, 'the "aud" of tokens for this API; it is required')
  if (checked.jwksTimeout !== undefined && checked.jwksUri === undefined)
    refuse(within(at, 'jwksTimeout'), checked.jwksTimeout, 'nothing, unless there is a jwksUri')
  const { keys, algorithms } = compileKeys(checked, at)
  const typ = checked.typ ?? (checked.jwksUri === undefined ? false : 'at+jwt')
  const common = {
    audience: [...audiences],
    algorithms: [...algorithms],
    keys,
    typ: typ === false ? undefined : typ,
  }
  if (!issuer.includes(TEMPLATE)) {
    if (tenants !== undefined)
      refuse(within(at, 'tenants'), tenants, `nothing, unless the issuer contains ${TEMPLATE}`)
    return [{ ...common, name: issuer, tenant: undefined }]
  }
  if (tenants === undefined)
    return refuse(
      within(at, 'tenants'),
      tenants,
      `the tenants that ${TEMPLATE} may stand for; else every tenant of the world is let in`,
    )
  return tenants.map(tenant => ({ ...common, name: issuer.replace(TEMPLATE, tenant), tenant }))
}

function compileKeys(
  checked: CheckedIssuer,
  at: OptionPath,
): Pick<Issuer, 'keys'> & { algorithms: readonly string[] } {
  const given = KEY_OPTIONS.filter(name => checked[name] !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1) {
    refuse(
      within(at, given[1] ?? 'jwksUri'),
      checked[given[1] ?? 'jwksUri'],
      `exactly one of ${KEY_OPTIONS.join(', ')}`,
    )
  }
  const here = within(at, kind)
  switch (kind) {
    case 'secret': {
      if (checked.algorithms === undefined)
        return refuse(within(at, 'algorithms'), undefined, 'required with a secret, such as ["HS256"]')
      const algorithms = onlyOf(HMAC_ALGORITHMS, checked.algorithms, 'a secret', at)
      return { keys: sharedSecret(secretBytes(checked.secret, algorithms, here)), algorithms }
    }
    case 'publicKey': {
      const { key, algorithms } = publicKey(checked.publicKey, here)
      return { keys: singleKey(key), algorithms: onlyOf(algorithms, checked.algorithms, 'this key', at) }
    }
    case 'jwks':
      return {
        keys: localKeys(checked.jwks, here),
        algorithms: onlyOf(PUBLIC_ALGORITHMS, checked.algorithms, 'public keys', at),
      }
    case 'jwksUri':
      return {
        keys: new RemoteKeys(checked.jwksUri as URL, checked.jwksTimeout),
        algorithms: onlyOf(PUBLIC_ALGORITHMS, checked.algorithms, 'public keys', at),
      }
  }
}

/** Algorithms of secrets and of public keys are never mixed: that is how a public key becomes a secret. */
function onlyOf(
  possible: readonly string[],
  chosen: readonly string[] | undefined,
  what: string,
  at: OptionPath,
): readonly string[] {
  chosen?.forEach((algorithm, index) => {
    if (!possible.includes(algorithm))
      refuse(
        within(within(at, 'algorithms'), index),
        algorithm,
        `what ${what} can verify: ${possible.join(', ')}`,
      )
  })
  return chosen ?? possible
}
