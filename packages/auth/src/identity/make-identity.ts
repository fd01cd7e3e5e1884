import type { Identity } from '@palisade/core'
import { FixedSet } from './fixed-set.js'

/** What an identity is made of. */
export interface IdentityParts {
  subject: string
  method: string
  scopes?: Iterable<string> | undefined
  roles?: Iterable<string> | undefined
  tenant?: string | undefined
  permissions?: readonly string[] | undefined
  claims?: Readonly<Record<string, unknown>> | undefined
  /** Milliseconds since 1970. */
  expiresAt?: number | undefined
}

/** An identity that nothing can change any more, however deep, so that it can be cached and shared. The claims are frozen where they are. */
export function makeIdentity(parts: IdentityParts): Identity {
  const { subject, method, scopes = [], roles = [], tenant, permissions, claims = {}, expiresAt } = parts
  return Object.freeze({
    subject,
    method,
    scopes: Object.freeze(new FixedSet(scopes)),
    roles: Object.freeze(new FixedSet(roles)),
    ...(tenant !== undefined && { tenant }),
    ...(permissions !== undefined && { permissions: Object.freeze([...permissions]) }),
    claims: deepFreeze(claims),
    ...(expiresAt !== undefined && { expiresAt }),
  })
}

/** Without recursion: claims come from outside and may be nested as deep as a token is long. */
function deepFreeze<T extends object>(root: T): T {
  const waiting: object[] = [root]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    Object.freeze(next)
    for (const value of Object.values(next)) {
      if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) waiting.push(value)
    }
  }
  return root
}
