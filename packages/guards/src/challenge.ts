import type { Identity } from '@palisade/core'
import type { Refusal } from './decision.js'

export interface BearerOptions {
  readonly realm: string
  /** What `identity.method` says of a caller that came with a bearer token. */
  readonly methods: readonly string[]
}

/**
 * The Bearer challenge of a refusal (RFC 6750 section 3), or `undefined` where there is none to give. Its error is told only to a caller that
 * came by a bearer token. Any other 401 has the scheme alone, as a 401 must have a challenge (RFC 9110 section 15.5.2).
 */
export function challengeOf(
  { status, challenge }: Refusal,
  identity: Identity | undefined,
  { realm, methods }: BearerOptions,
): string | undefined {
  const scheme = `Bearer realm=${quotedString(realm)}`
  if (challenge !== undefined && identity !== undefined && methods.includes(identity.method)) {
    const parameters = Object.entries(challenge).map(([name, value]) => `, ${name}=${quotedString(value)}`)
    return scheme + parameters.join('')
  }
  return status === 401 ? scheme : undefined
}

/** RFC 9110 section 5.6.4. */
function quotedString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
