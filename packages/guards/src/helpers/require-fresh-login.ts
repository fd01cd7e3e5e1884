import { type Clock, type Duration, duration } from '@palisade/core/middleware'
import { ALLOW, ANONYMOUS, unauthorized } from '../decision.js'
import { IDENTITY, identityOf } from '../define-guard.js'
import { type Caller, type NamedGuard, withFacts } from '../named-guard.js'

/** What a guard reads that asks for the time. */
export interface Timed {
  readonly services: { readonly clock: Clock }
}

/** How far the clock of the issuer may run ahead of this one. */
const SKEW_MS = 30_000

/**
 * Requires that the caller proved who they are not longer ago than this, for what a stolen session
 * must not do: change a password, pay out.
 *
 * Reads the claim `auth_time`, in seconds since 1970 (OpenID Connect Core section 2). Without it,
 * or when it lies in the future, it refuses: with 401 and behind a bearer credential with the
 * step-up challenge of RFC 9470 section 3, so that a client knows to log in again.
 *
 * @param maxAge a duration, `'5m'` or milliseconds
 * @throws ConfigError for what is no duration of at least a second
 */
export function requireFreshLogin(maxAge: Duration): NamedGuard<Caller & Timed> {
  const owner = 'requireFreshLogin'
  const limit = duration({ min: '1s' })(maxAge, { owner, option: 'maxAge' })
  const challenge = Object.freeze({
    error: 'insufficient_user_authentication',
    error_description: 'A more recent authentication is required',
    max_age: String(Math.floor(limit / 1000)),
  })
  const refusal = (reason: string, undecided: boolean) =>
    unauthorized(reason, {
      message: 'A more recent login is required',
      challenge,
      ...(undecided && { undecided }),
    })
  const unknown = refusal('the credential has no auth_time', true)
  const stale = refusal('the login is too old', false)
  const early = refusal('auth_time lies in the future', true)

  return withFacts(
    (ctx: Caller & Timed) => {
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return ANONYMOUS
      const time = identity.claims['auth_time']
      if (typeof time !== 'number' || !Number.isFinite(time)) return unknown
      const age = ctx.services.clock.now() - time * 1000
      if (age < -SKEW_MS) return early
      return age <= limit ? ALLOW : stale
    },
    { name: owner, needs: IDENTITY },
  )
}
