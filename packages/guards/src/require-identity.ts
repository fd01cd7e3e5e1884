import {
  challengeOf,
  checkOptions,
  type Identity,
  type Middleware,
  optional,
  text,
} from '@palisade/core/middleware'
import { ANONYMOUS } from './decision.js'

const BY = 'requireIdentity'

export interface RequireIdentityOptions {
  /** The realm of the challenge. Default `api`. */
  readonly realm?: string
}

/**
 * Makes an optional identity a certain one. Behind a login that leaves some paths open, the caller
 * may be unknown; behind this middleware the caller is identified, and guards compile.
 *
 * Refuses with 401 and a challenge. It has no shadow mode, since the handlers behind it count on
 * the identity.
 *
 *     const known = edge.branch().use(requireIdentity()).use(guard(requireScopes('orders:read')))
 *
 * @throws ConfigError
 */
export function requireIdentity(
  options: RequireIdentityOptions = {},
): Middleware<{ identity: Identity | undefined }, { identity: Identity }> {
  const { realm } = checkOptions('requireIdentity', options, {
    realm: optional(
      text({ pattern: /^[\x20-\x7e]{1,100}$/, allowed: '1 to 100 printable ASCII characters' }),
      'api',
    ),
  })
  const challenge = challengeOf(ANONYMOUS, undefined, { realm, methods: [] })
  const headers = challenge === undefined ? {} : { 'WWW-Authenticate': challenge }
  return {
    name: 'require-identity',
    needs: ['identity'],
    gives: ['identity'],
    onRequest(ctx) {
      if (ctx.state.identity !== undefined && ctx.state.identity !== null) {
        ctx.allowed(BY)
        return undefined
      }
      const { status, code, message, reason } = ANONYMOUS
      return ctx.deny({ status, code, message, reason, headers, by: BY })
    },
  }
}
