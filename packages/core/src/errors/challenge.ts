import type { Decision } from '../vocabulary/guard.js'
import type { Identity } from '../vocabulary/identity.js'

export interface BearerOptions {
  readonly realm: string
  /** What `identity.method` says of a caller that came with a bearer token. */
  readonly methods: readonly string[]
}

/** What `@palisade/auth` calls its tokens, and the realm where a team names no other. */
export const BEARER: BearerOptions = Object.freeze({ realm: 'api', methods: Object.freeze(['jwt']) })

/**
 * The Bearer challenge of a guard's refusal (RFC 6750 section 3), or `undefined` if the refusal
 * needs none. Only a caller with a bearer token gets the error. Any other 401 has the scheme alone,
 * as a 401 must have a challenge (RFC 9110 section 15.5.2).
 */
export function challengeOf(
  { status, challenge }: Pick<Extract<Decision, { allow: false }>, 'status' | 'challenge'>,
  identity: Identity | undefined,
  { realm, methods }: BearerOptions = BEARER,
): string | undefined {
  const scheme = `Bearer realm=${quotedString(realm)}`
  if (challenge !== undefined && identity !== undefined && methods.includes(identity.method)) {
    const parameters = Object.entries(challenge).map(([name, value]) => `, ${name}=${quotedString(value)}`)
    return scheme + parameters.join('')
  }
  return status === 401 ? scheme : undefined
}

/** RFC 9110 section 5.6.4. */
export function quotedString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
