import { assertIdentity, type Identity } from '@palisade/core/middleware'
import { deepFreeze } from './deep-freeze.js'
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

/**
 * An identity that nothing can change any more, however deep, so that it can be cached and shared.
 * The claims are frozen where they are; a `Buffer` in them stays as it is.
 *
 * @throws TypeError for parts of other types, which guards could not decide by
 */
export function makeIdentity(parts: IdentityParts): Identity {
  return new MadeIdentity(parts)
}

/**
 * Whether it was made here, and so was checked and is what it was. Asked at each request, where all
 * checks again would cost more.
 */
export function isMade(identity: unknown): identity is Identity {
  return MadeIdentity.made(identity)
}

/**
 * Nothing but what an identity is; the private name is what others cannot have, nor a changed copy.
 */
class MadeIdentity implements Identity {
  readonly #made = true
  declare readonly subject: string
  declare readonly method: string
  declare readonly scopes: ReadonlySet<string>
  declare readonly roles: ReadonlySet<string>
  declare readonly tenant?: string
  declare readonly permissions?: readonly string[]
  declare readonly claims: Readonly<Record<string, unknown>>
  declare readonly expiresAt?: number

  static made(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #made in value
  }

  constructor({
    subject,
    method,
    scopes = [],
    roles = [],
    tenant,
    permissions,
    claims = {},
    expiresAt,
  }: IdentityParts) {
    Object.assign(this, {
      subject,
      method,
      scopes: Object.freeze(new FixedSet(scopes)),
      roles: Object.freeze(new FixedSet(roles)),
      ...(tenant !== undefined && { tenant }),
      ...(permissions !== undefined && { permissions: Object.freeze([...permissions]) }),
      claims: deepFreeze(claims),
      ...(expiresAt !== undefined && { expiresAt }),
    })
    assertIdentity(this, 'makeIdentity: the parts are')
    Object.freeze(this)
  }
}
