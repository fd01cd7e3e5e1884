import { type Check, quotedString, text } from '@palisade/core/middleware'
import type { ChallengeFailure } from './strategy.js'

/**
 * A realm is static text: what stands in a challenge must not depend on who asks. Printable ASCII
 * (RFC 9110 section 5.6.4).
 */
export const realmName: Check<string> = text({
  pattern: /^[\x20-\x7e]{1,100}$/,
  allowed: '1 to 100 printable ASCII characters',
})

const BEARER_FAILURES: Readonly<Record<ChallengeFailure, string>> = {
  malformed: ', error="invalid_request", error_description="Malformed credentials"',
  expired: ', error="invalid_token", error_description="The access token expired"',
  invalid: ', error="invalid_token", error_description="The access token is invalid"',
}

/** RFC 6750 section 3: no error code when the request had no credential. */
export function bearerChallenge(realm: string, failure?: ChallengeFailure): string {
  const challenge = `Bearer realm=${quotedString(realm)}`
  return failure === undefined ? challenge : challenge + BEARER_FAILURES[failure]
}
