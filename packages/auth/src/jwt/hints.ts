import type { Invalid } from '../strategy.js'

const NO_OPTION = 'only access tokens are accepted, and no option changes that: the client must send one'

/** Which option of `jwt()` would change a refusal, by its reason. For the debug log. */
const HINTS: Readonly<Record<string, string>> = Object.freeze({
  issuer:
    'no issuer of that name is configured: "issuer" must equal the "iss" of the token exactly, a slash at its end included',
  algorithm: '"algorithms" does not contain the algorithm of the token',
  'unknown key':
    'the issuer publishes no key with the "kid" and "alg" of the token: check "jwksUri", "discovery" or "jwks"',
  signature:
    'none of the issuer\'s keys made the signature: check "secret", "publicKey", "jwks", "jwksUri" or "discovery"',
  'key unusable': 'the key that the token names cannot be used here',
  'header typ': '"typ" says which media type the header must name; the default is none, "JWT" or "at+jwt"',
  'claim sub':
    'the claim of the subject is no text: "subject" names another claim, or "identity" maps the claims',
  'claim aud':
    '"audience" does not allow the token; { claim, values } reads another claim than "aud", such as "client_id" or "azp"',
  'claim nbf': 'the token is not valid yet: "clockTolerance" allows for clocks that differ',
  expired: '"exp" has passed: "clockTolerance" allows for clocks that differ',
  'claim exp': '"exp" is required, in seconds since 1970',
  'claim iat': '"iat" must be a time in seconds since 1970, where it is there',
  'claim tid': 'the claim "tid" differs from the tenant in "iss": "tenants" lists both',
  'claim typ': NO_OPTION,
  'claim token_use': NO_OPTION,
  'id token': NO_OPTION,
  'refresh token': NO_OPTION,
  'logout token': NO_OPTION,
  'claim scopes': '"scopes" names a claim that holds no list of texts: "identity" maps the claims',
  'claim roles': '"roles" names a claim that holds no list of texts: "identity" maps the claims',
  'claim tenant': '"tenant" names a claim that holds no text: "identity" maps the claims',
  'claim permissions': '"permissions" names a claim that holds no list of texts: "identity" maps the claims',
  'claim jti': '"isRevoked" needs a text in the claim "jti", where it is there',
  'claim sid': '"isRevoked" needs a text in the claim "sid", where it is there',
  validate: '"validate" returned false',
  revoked: '"isRevoked" returned true',
})

/** A token that may be forged, or that an unknown issuer issued. */
export const guessed = (reason: string): Invalid => ({ ...refused(reason), isGuess: true })

/**
 * A token that the client did not make up: its signature was verified, or cannot be. Five
 * colleagues with such tokens must not ban their office.
 */
export const unfit = (reason: string, subject?: string): Invalid => ({
  ...refused(reason),
  isGuess: false,
  ...(subject !== undefined && { subject }),
})

function refused(reason: string): Invalid {
  const hint = HINTS[reason]
  return {
    outcome: 'invalid',
    failure: reason === 'expired' ? 'expired' : 'invalid',
    reason,
    ...(hint !== undefined && { hint }),
  }
}
