import { list, text } from '@palisade/core/middleware'
import { ALLOW, ANONYMOUS, forbidden, quoted } from '../decision.js'
import { IDENTITY, identityOf } from '../define-guard.js'
import { type Caller, type NamedGuard, withFacts } from '../named-guard.js'

/**
 * Requires that the caller was identified in one of these ways, as `identity.method` names them:
 * what a person does in a session should not be done by a leaked API key.
 *
 *     requireMethod('session', 'jwt')
 *
 * @throws ConfigError without a method
 */
export function requireMethod(...methods: readonly string[]): NamedGuard<Caller> {
  const owner = 'requireMethod'
  const accepted = list(text({ max: 256 }), { min: 1, max: 100 })(methods, { owner, option: 'methods' })
  return withFacts(
    (ctx: Caller) => {
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return ANONYMOUS
      for (let i = 0; i < accepted.length; i++) if (accepted[i] === identity.method) return ALLOW
      return forbidden(`identified by ${quoted(identity.method)}, not by ${accepted.join(' or ')}`)
    },
    { name: owner, needs: IDENTITY },
  )
}
