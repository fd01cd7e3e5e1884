import { type RequestContext, wrongResult } from '@palisade/core/middleware'
import type { Rule } from '../rules/rules.js'
import type { Strategy } from '../strategy.js'

/** The credential of a request, and the strategy that verifies it. */
export interface Presented {
  readonly strategy: Strategy
  readonly credential: object
}

/** A request whose credential no strategy may verify. */
export interface Unreadable {
  /** Those that found one. */
  readonly strategies: readonly Strategy[]
  readonly reason: 'malformed' | 'several credentials'
}

/**
 * Asks all strategies of the rule for their credential before any is verified. `undefined`: the
 * request has no credential.
 *
 * Two credentials are one where both strategies found the same secret and one of them yields.
 *
 * @throws TypeError for a strategy whose `extract` returned something else. A promise is left to
 * the verification, since credentials that are recalled need no such look.
 */
export function presented(ctx: RequestContext, rule: Rule): Presented | Unreadable | undefined {
  let found: Presented | undefined
  for (const strategy of rule.strategies) {
    const credential = strategy.extract(ctx)
    if (credential === null) continue
    if (typeof credential !== 'object' && credential !== 'malformed') throw noCredential(strategy, credential)
    if (found !== undefined && !yields(found.strategy, found.credential, strategy, credential)) {
      if (yields(strategy, credential, found.strategy, found.credential)) continue
      if (rule.several === 'first') break
      return { strategies: [found.strategy, strategy], reason: 'several credentials' }
    }
    if (credential === 'malformed') return { strategies: [strategy], reason: 'malformed' }
    found = { strategy, credential }
    if (rule.several === 'first' && strategy.yields?.(credential) !== true) break
  }
  return found
}

/** The error for a strategy of the team's own whose `extract` returned something else. */
export function noCredential({ name }: Strategy, credential: unknown): TypeError {
  return wrongResult(
    `authenticate: extract of the strategy "${name}"`,
    credential,
    `a credential (an object), 'malformed' or null`,
  )
}

export const isUnreadable = (found: Presented | Unreadable): found is Unreadable => 'reason' in found

/** Whether two strategies found the same secret, and the first of them yields it to the other. */
function yields(
  strategy: Strategy,
  credential: object | 'malformed',
  other: Strategy,
  others: object | 'malformed',
): boolean {
  if (credential === 'malformed' || others === 'malformed' || strategy.yields?.(credential) !== true)
    return false
  const secret = strategy.secretOf?.(credential)
  return secret !== undefined && secret === other.secretOf?.(others)
}
