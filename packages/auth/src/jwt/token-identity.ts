import type { Identity } from '@palisade/core/middleware'
import type { JWTPayload } from 'jose'
import { makeIdentity } from '../identity/make-identity.js'
import { type ClaimSource, ODD, textAt, valueAt, wordsAt } from './claims.js'
import type { IdentityMapping } from './identity-mapping.js'

/** Where the parts of an identity stand in the claims, beside its subject. */
export interface IdentitySources {
  readonly scopes: ClaimSource
  readonly roles: ClaimSource
  readonly tenant: ClaimSource
  readonly permissions: ClaimSource
}

/** What the issuer says of its tokens. */
export interface SubjectRules {
  readonly subject: readonly string[]
  readonly tenant: string | undefined
}

/**
 * An identity from verified claims, or the reason without one, as a word for the log.
 *
 * A part that the team mapped is not read from the claims, also if it was mapped to `undefined`. A
 * claim of another type than its part is ignored, which grants nothing, unless the team named that
 * claim: then its rights are expected, and the token is refused.
 */
export function tokenIdentity(
  method: string,
  claims: JWTPayload & { readonly exp: number },
  sources: IdentitySources,
  rules: SubjectRules,
  mapping: IdentityMapping,
): Identity | string {
  const has = (part: keyof IdentityMapping) => Object.hasOwn(mapping, part)
  const subject = has('subject') ? mapping.subject : valueAt(claims, rules.subject)
  if (typeof subject !== 'string' || subject === '') return 'claim sub'
  const scopes = has('scopes') ? mapping.scopes : words(claims, sources.scopes, true)
  if (scopes === ODD) return 'claim scopes'
  const roles = has('roles') ? mapping.roles : words(claims, sources.roles, false)
  if (roles === ODD) return 'claim roles'
  const permissions = has('permissions') ? mapping.permissions : words(claims, sources.permissions, false)
  if (permissions === ODD) return 'claim permissions'
  const tenant = has('tenant') ? mapping.tenant : (rules.tenant ?? tenantIn(claims, sources.tenant))
  if (tenant === ODD) return 'claim tenant'
  return makeIdentity({
    subject,
    method,
    scopes,
    roles,
    tenant,
    // An empty list is that of a caller that may do nothing; without the claim nothing is known.
    permissions,
    claims: mapping.claims ?? claims,
    expiresAt: claims.exp * 1000,
  })
}

function words(
  claims: object,
  { paths, isNamed }: ClaimSource,
  isJoined: boolean,
): readonly string[] | undefined | typeof ODD {
  const found: string[] = []
  let isThere = false
  for (const path of paths) {
    const value = wordsAt(claims, path, isJoined)
    if (value === ODD && isNamed) return ODD
    if (value === undefined || value === ODD) continue
    isThere = true
    found.push(...value)
  }
  return isThere ? found : undefined
}

function tenantIn(claims: object, { paths, isNamed }: ClaimSource): string | undefined | typeof ODD {
  for (const path of paths) {
    const value = textAt(claims, path)
    if (value === ODD && isNamed) return ODD
    if (value !== undefined && value !== ODD) return value
  }
  return undefined
}
