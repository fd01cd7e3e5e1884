import { hasType, otherThanAccess } from './access-token.js'
import { valueAt } from './claims.js'
import type { Issuer } from './issuer.js'
import type { UnverifiedToken } from './token.js'

const EXPIRED = 'expired'
/** The last second that a `Date` can tell. A token that says it lives longer says nothing. */
const LAST_SECOND = 8_640_000_000_000

/**
 * Why this API does not accept a token that its issuer signed at this moment, as a word for the
 * log; `undefined` if it is accepted.
 *
 * jose's `jwtVerify` has such checks, but reads the token a second time for them, and needs the
 * issuer before it has read the token. Therefore jose verifies the signature, and the claims that
 * were read to find the issuer are checked here, exactly typed (RFC 7519 section 4.1, RFC 8725
 * section 3): `iss` (by which the issuer was found), the audience and `exp` are required; `nbf` and
 * `iat` are optional. The subject is checked with the rest of the identity.
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
  const { exp, nbf, iat } = claims
  if (!isMeantFor(valueAt(claims, issuer.audience.claim), issuer.audience.values)) return 'claim aud'
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

/**
 * One audience that is ours is enough; one that is no text makes the claim none (RFC 7519 section
 * 4.1.3).
 */
function isMeantFor(aud: unknown, audience: readonly string[]): boolean {
  if (typeof aud === 'string') return audience.includes(aud)
  return (
    Array.isArray(aud) &&
    aud.every(each => typeof each === 'string') &&
    aud.some(each => audience.includes(each))
  )
}
