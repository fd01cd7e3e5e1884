import type { JWTPayload } from 'jose'

/** What the header of an access token names where nothing is configured. */
const TYPES_OF_ACCESS: readonly unknown[] = [undefined, 'jwt', 'at+jwt']
/** What the claim `typ` says of an access token: Keycloak writes `Bearer`. */
const ACCESS_CLAIM = /^(?:bearer|access|access[_-]token|at\+jwt|jwt)$/i
/** Where issuers that sign refresh tokens with the same key name the kind of a token. */
const KIND_CLAIMS = ['type', 'token_type', 'tokenType'] as const
const OTHER_KIND = /^(?:refresh|offline|id|logout)(?:[_-]?token)?$/i

/** Whether the header names the media type that is wanted, or one that an access token may have. */
export function hasType(typ: unknown, wanted: string | undefined): boolean {
  const named = typeof typ === 'string' ? mediaType(typ) : typ
  return wanted === undefined ? TYPES_OF_ACCESS.includes(named) : named === mediaType(wanted)
}

/** RFC 7515 section 4.1.9: without regard to case, and `application/` may be left out. */
const mediaType = (typ: string) => typ.toLowerCase().replace(/^application\//, '')

/**
 * Why a token is no access token, as a word for the log. The audience distinguishes them in the
 * first place; this is for issuers that give id, refresh and logout tokens the same one.
 *
 * Id tokens are known by what only they have: `at_hash`, `c_hash`, or a `nonce` without the marks
 * of an access token. An id token without these marks is accepted, because Firebase and Google let
 * clients call APIs with such tokens.
 */
export function otherThanAccess(headerType: unknown, claims: JWTPayload): string | undefined {
  const { typ, token_use: use } = claims
  if (typeof typ === 'string' && !ACCESS_CLAIM.test(typ)) return 'claim typ'
  // Cognito.
  if (use !== undefined && use !== 'access') return 'claim token_use'
  // OpenID Connect Back-Channel Logout section 2.4.
  if (Object.hasOwn(claims, 'events')) return 'logout token'
  const kind = KIND_CLAIMS.map(name => claims[name]).find(
    value => typeof value === 'string' && OTHER_KIND.test(value),
  )
  if (kind !== undefined) return /^id/i.test(kind as string) ? 'id token' : 'refresh token'
  // OpenID Connect Core sections 2 and 3.3.2.11.
  if (Object.hasOwn(claims, 'at_hash') || Object.hasOwn(claims, 'c_hash')) return 'id token'
  return Object.hasOwn(claims, 'nonce') && !isDeclaredAccess(headerType, claims) ? 'id token' : undefined
}

/** Old Keycloak and Azure AD B2C put the nonce of the login into access tokens too. */
function isDeclaredAccess(headerType: unknown, { typ, token_use, scope, scp }: JWTPayload): boolean {
  return (
    (typeof typ === 'string' && ACCESS_CLAIM.test(typ) && typ.toLowerCase() !== 'jwt') ||
    token_use === 'access' ||
    (typeof headerType === 'string' && mediaType(headerType) === 'at+jwt') ||
    // RFC 8693 section 4.2, and Entra's name for it. No id token has them.
    scope !== undefined ||
    scp !== undefined
  )
}
