import { checkOptions, flag, list, optional, text } from '@palisade/core/middleware'
import { ALLOW, ANONYMOUS, forbidden } from '../decision.js'
import { IDENTITY, identityOf } from '../define-guard.js'
import { type Caller, type NamedGuard, withFacts } from '../named-guard.js'
import { type Named, namesAndOptions } from './variadic.js'

export interface RequireRoleOptions {
  /** All of the roles are needed. Default false: one is enough. */
  all?: boolean
}

/**
 * Requires that the caller has one of these roles, or all. Roles are compared whole and as they are
 * written; no character is special.
 *
 *     requireRole('admin')
 *     requireRole('editor', 'author')
 *
 * @throws ConfigError without a role
 */
export function requireRole(...roles: Named<RequireRoleOptions>): NamedGuard<Caller> {
  const owner = 'requireRole'
  const { names, options } = namesAndOptions(roles)
  const required = list(text({ max: 256 }), { min: 1, max: 100 })(names, { owner, option: 'roles' })
  const { all } = checkOptions(owner, options, { all: optional(flag, false) })
  const tolerated = all ? 0 : required.length - 1

  return withFacts(
    (ctx: Caller) => {
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return ANONYMOUS
      const { roles: held } = identity
      let absent = 0
      for (let i = 0; i < required.length; i++) {
        if (held.has(required[i] as string) || ++absent <= tolerated) continue
        const missing = Object.freeze(required.filter(role => !held.has(role)))
        return forbidden(`the roles lack ${all ? 'all' : 'any'} of: ${missing.join(', ')}`, { missing })
      }
      return ALLOW
    },
    { name: owner, needs: IDENTITY },
  )
}
