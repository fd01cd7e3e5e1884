import {
  type Check,
  checkOptions,
  flag,
  type Identity,
  list,
  optional,
  refuse,
} from '@palisade/core/middleware'
import { ALLOW, ANONYMOUS, forbidden, type Refusal } from '../decision.js'
import { IDENTITY, identityOf } from '../define-guard.js'
import { type Caller, type NamedGuard, withFacts } from '../named-guard.js'
import { isPlainName, MOST_SEGMENTS, patternsOf, SCOPE_TOKEN } from './patterns.js'
import { type Named, namesAndOptions } from './variadic.js'

export interface RequireScopesOptions {
  /** One of the scopes is enough. Default false: all are needed. */
  any?: boolean
}

/**
 * Requires that the credential has all of these scopes, or any.
 *
 * The caller's scopes are compared whole: `not-admin` is not `admin`. A granted `orders:*` covers
 * exactly one more segment, `orders:**` one or more; a `*` that is not a whole segment and a `**`
 * that is not at the end cover nothing but themselves. Refuses with 403, and behind a bearer
 * credential with the challenge of RFC 6750 section 3.1, which names the scopes to ask for; with
 * `any` that is the first of them.
 *
 *     requireScopes('orders:read', 'orders:write')
 *     requireScopes(['admin', 'support'], { any: true })
 *
 * @throws ConfigError without a scope, for one that is no scope token (RFC 6749 section 3.3), and
 * for a wildcard, which only grants may have
 */
export function requireScopes(...scopes: Named<RequireScopesOptions>): NamedGuard<Caller> {
  const owner = 'requireScopes'
  const { names, options } = namesAndOptions(scopes)
  const required = list(scope, { min: 1, max: 100 })(names, { owner, option: 'scopes' })
  const { any: oneIsEnough } = checkOptions(owner, options, { any: optional(flag, false) })
  const covers = required.map(patternsOf)
  const challenge = Object.freeze({
    error: 'insufficient_scope',
    scope: oneIsEnough ? (required[0] as string) : required.join(' '),
  })

  const lacking = (identity: Identity): Refusal => {
    const missing = required.filter((_, i) => !covered(identity.scopes, covers[i] as readonly string[]))
    const reason = `the scopes lack ${oneIsEnough ? 'any' : 'all'} of: ${missing.join(' ')}`
    return forbidden(reason, {
      message: 'The credential lacks a required scope',
      missing: Object.freeze(oneIsEnough ? required.slice(0, 1) : missing),
      challenge,
    })
  }
  const needed = oneIsEnough ? 1 : covers.length
  const tolerated = covers.length - needed

  return withFacts(
    (ctx: Caller) => {
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return ANONYMOUS
      const { scopes: granted } = identity
      let absent = 0
      for (let i = 0; i < covers.length; i++) {
        if (!covered(granted, covers[i] as readonly string[]) && ++absent > tolerated)
          return lacking(identity)
      }
      return ALLOW
    },
    { name: owner, needs: IDENTITY },
  )
}

function covered(granted: ReadonlySet<string>, patterns: readonly string[]): boolean {
  for (let i = 0; i < patterns.length; i++) if (granted.has(patterns[i] as string)) return true
  return false
}

const scope: Check<string> = (value, at) => {
  if (typeof value === 'string' && SCOPE_TOKEN.test(value) && isPlainName(value)) return value
  return refuse(
    at,
    value,
    `a scope such as "orders:write": 1 to 256 printable ASCII characters without space, quote, backslash and *, in at most ${MOST_SEGMENTS} segments`,
  )
}
