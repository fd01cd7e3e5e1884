import { type Check, either, type Identity, list, text } from '@palisade/core'
import type { JWTPayload } from 'jose'
import { makeIdentity } from '../identity/make-identity.js'

/** A claim by its name, or by the names that lead to it: `['realm_access', 'roles']`. */
export type ClaimPath = string | readonly string[]

/** Where the parts of an identity stand in the claims. */
export interface ClaimNames {
  readonly scopes: readonly (readonly string[])[]
  readonly roles: readonly string[]
  readonly tenant: readonly string[]
  readonly permissions: readonly string[]
}

const MOST_VALUES = 1000

export const claimPath: Check<readonly string[]> = (value, at) => {
  const path = either(
    text({ max: 200 }),
    list(text({ max: 200 }), { min: 1, max: 8 }),
    'the name of a claim, or the names that lead to it',
  )(value, at)
  return typeof path === 'string' ? Object.freeze([path]) : path
}

/**
 * An identity from verified claims; `undefined` when they are not of the types that they must have.
 * Scopes are a string with spaces (RFC 8693 section 4.2) or a list; a role or permission that is no string is refused, not skipped.
 */
export function identityOf(
  method: string,
  claims: JWTPayload,
  names: ClaimNames,
  tenant: string | undefined,
): Identity | undefined {
  const { sub, exp } = claims
  if (typeof sub !== 'string' || sub === '' || typeof exp !== 'number') return undefined
  const scopes = names.scopes.flatMap(path => wordsIn(claims, path, true) ?? [NONE])
  const roles = wordsIn(claims, names.roles, false)
  const permissions = wordsIn(claims, names.permissions, false)
  const named = valueAt(claims, names.tenant) ?? undefined
  if (scopes.includes(NONE) || roles === undefined || permissions === undefined) return undefined
  if (named !== undefined && typeof named !== 'string') return undefined
  return makeIdentity({
    subject: sub,
    method,
    scopes,
    roles,
    tenant: tenant ?? named,
    // An empty list is that of somebody who may do nothing; without the claim nothing is known.
    permissions: valueAt(claims, names.permissions) === undefined ? undefined : permissions,
    claims,
    expiresAt: exp * 1000,
  })
}

/** No scope is empty (RFC 6749 section 3.3), so this stands for a claim of the wrong type. */
const NONE = ''

function wordsIn(
  claims: JWTPayload,
  path: readonly string[],
  mayBeJoined: boolean,
): readonly string[] | undefined {
  const value = valueAt(claims, path)
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return mayBeJoined ? value.split(' ').filter(word => word !== '') : [value]
  if (!Array.isArray(value) || value.length > MOST_VALUES) return undefined
  return value.every(word => typeof word === 'string' && word !== '') ? value : undefined
}

function valueAt(claims: object, path: readonly string[]): unknown {
  let value: unknown = claims
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
