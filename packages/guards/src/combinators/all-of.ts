import { type Decision, isPromise, type MaybePromise } from '@palisade/core/middleware'
import { ALLOW } from '../decision.js'
import { type AnyGuard, type ContextsOf, type NamedGuard, type RecordsOf, withFacts } from '../named-guard.js'
import { type Asked, factsOf, partsOf } from './parts.js'

/**
 * Allows what all of the guards allow. They are asked in order; the first refusal or error is the
 * answer, and the rest is not asked. Put the cheap ones first, and in front of one that loads a
 * record those that need none.
 *
 *     guard(allOf(requireScopes('orders:write'), requireOwnership({ load })))
 *
 * @throws ConfigError without a guard
 */
export function allOf<const G extends readonly AnyGuard[]>(
  ...guards: G
): NamedGuard<ContextsOf<G>, RecordsOf<G>> {
  const parts = partsOf('allOf', guards)
  const asked = parts as readonly unknown[] as readonly Asked[]
  return withFacts(
    (context: ContextsOf<G>, record?: RecordsOf<G> | null) => ask(asked, context, record, 0),
    factsOf('allOf', parts),
  )
}

function ask(
  parts: readonly Asked[],
  context: unknown,
  record: unknown,
  first: number,
): MaybePromise<Decision> {
  for (let i = first; i < parts.length; i++) {
    const decision = (parts[i] as Asked)(context, record)
    if (isPromise(decision)) {
      return (decision as Promise<Decision>).then(late =>
        late.allow ? ask(parts, context, record, i + 1) : late,
      )
    }
    if (!decision.allow) return decision
  }
  return ALLOW
}
