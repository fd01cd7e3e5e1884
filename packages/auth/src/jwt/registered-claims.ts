import type { JWTPayload } from 'jose'
import type { Issuer } from './issuer.js'
import type { UnverifiedToken } from './token.js'

export const EXPIRED = 'expired'
/** The last second that a `Date` can tell. A token that says it lives longer says nothing. */
const LAST_SECOND = 8_640_000_000_000

/**
 * Why a token that its issuer signed is none for this API at this moment, as a word for the log; `undefined` when nothing speaks against it.
 *
 * `jwtVerify` of jose has such checks, but reads the token a second time for them, and wants to know the issuer before it has read it. So
 * jose verifies the signature, and the claims that were read to find the issuer are checked here, exactly typed (RFC 7519 section 4.1, RFC 8725
 * section 3): `iss` (by which the issuer was found), `aud`, `exp` and `sub` must be there; `nbf` and `iat` may be.
 *
 * @param seconds since 1970
 */
export function faultIn(
  { header, claims }: UnverifiedToken,
  issuer: Issuer,
  seconds: number,
  toleranceSeconds: number,
): string | undefined {
  if (!hasType(header.typ, issuer.typ)) return 'header typ'
  const { aud, exp, nbf, iat, sub } = claims
  if (typeof sub !== 'string' || sub === '') return 'claim sub'
  if (!isMeantFor(aud, issuer.audience)) return 'claim aud'
  if (nbf !== undefined && !(isTime(nbf) && nbf <= seconds + toleranceSeconds)) return 'claim nbf'
  if (iat !== undefined && !isTime(iat)) return 'claim iat'
  if (!isTime(exp)) return 'claim exp'
  if (exp <= seconds - toleranceSeconds) return EXPIRED
  if (issuer.tenant !== undefined && claims['tid'] !== issuer.tenant) return 'claim tid'
  return otherThanAccess(header.typ, claims)
}

/** RFC 7519 section 2: a number, with a fraction or without. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= LAST_SECOND
}

/** One audience that is ours is enough; one that is no text makes the claim none (RFC 7519 section 4.1.3). */
function isMeantFor(aud: unknown, audience: readonly string[]): boolean {
  if (typeof aud === 'string') return audience.includes(aud)
  return (
    Array.isArray(aud) &&
    aud.every(each => typeof each === 'string') &&
    aud.some(each => audience.includes(each))
  )
}

/** What the header of an access token says where nothing is configured. */
const TYPES_OF_ACCESS: readonly unknown[] = [undefined, 'jwt', 'at+jwt']

function hasType(typ: unknown, wanted: string | undefined): boolean {
  const named = typeof typ === 'string' ? mediaType(typ) : typ
  return wanted === undefined ? TYPES_OF_ACCESS.includes(named) : named === mediaType(wanted)
}

/** RFC 7515 section 4.1.9: without regard to case, and `application/` may be left out. */
const mediaType = (typ: string) => typ.toLowerCase().replace(/^application\//, '')

/**
 * Why a token is no access token. The audience is what tells them apart in the first place; this is for issuers that give id, refresh
 * and logout tokens the same one.
 */
function otherThanAccess(headerType: unknown, claims: JWTPayload): string | undefined {
  const { typ } = claims
  // Keycloak says so in a claim, Cognito in another one.
  if (typeof typ === 'string' && !/^(?:bearer|access|at\+jwt|jwt)$/i.test(typ)) return 'claim typ'
  if (claims['token_use'] !== undefined && claims['token_use'] !== 'access') return 'claim token_use'
  if (Object.hasOwn(claims, 'events')) return 'logout token'
  // OpenID Connect Core sections 2 and 3.3.2.11.
  if (Object.hasOwn(claims, 'at_hash') || Object.hasOwn(claims, 'c_hash')) return 'id token'
  if (!Object.hasOwn(claims, 'nonce')) return undefined
  const isDeclaredAccess =
    typ === 'Bearer' || (typeof headerType === 'string' && mediaType(headerType) === 'at+jwt')
  return isDeclaredAccess ? undefined : 'id token'
}
