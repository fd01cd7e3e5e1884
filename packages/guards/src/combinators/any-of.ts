import { type Decision, isPromise, type MaybePromise } from '@palisade/core/middleware'
import type { Refusal } from '../decision.js'
import { type AnyGuard, type ContextsOf, type NamedGuard, type RecordsOf, withFacts } from '../named-guard.js'
import { type Asked, factsOf, partsOf } from './parts.js'

/**
 * Allows what one of the guards allows. They are asked in order until one does; an error in one
 * that is asked is an error of the whole.
 *
 * When all refuse, the client gets one refusal, which says how to get in and nothing more. A 401
 * comes first, since logging in may change every other answer. Then a 404: otherwise a guard that
 * does not conceal would betray one that does. Then the 403 with the fewest missing scopes; then
 * another 403. Among equals the first guard's. The reasons of all are in the log and the event.
 *
 *     guard(anyOf(requireRole('admin'), requireOwnership({ load })))
 *
 * @throws ConfigError without a guard
 */
export function anyOf<const G extends readonly AnyGuard[]>(
  ...guards: G
): NamedGuard<ContextsOf<G>, RecordsOf<G>> {
  const parts = partsOf('anyOf', guards)
  const asked = parts as readonly unknown[] as readonly Asked[]
  return withFacts(
    (context: ContextsOf<G>, record?: RecordsOf<G> | null) => ask(asked, context, record, 0, undefined),
    factsOf('anyOf', parts),
  )
}

function ask(
  parts: readonly Asked[],
  context: unknown,
  record: unknown,
  first: number,
  refused: Refusal | undefined,
): MaybePromise<Decision> {
  let best = refused
  for (let i = first; i < parts.length; i++) {
    const decision = (parts[i] as Asked)(context, record)
    if (isPromise(decision)) {
      return (decision as Promise<Decision>).then(late =>
        late.allow ? late : ask(parts, context, record, i + 1, best === undefined ? late : merge(best, late)),
      )
    }
    if (decision.allow) return decision
    best = best === undefined ? decision : merge(best, decision)
  }
  return best as Refusal
}

function merge(first: Refusal, second: Refusal): Refusal {
  const best = rank(second) < rank(first) ? second : first
  const undecided = first.undecided === true || second.undecided === true
  return Object.freeze({
    ...best,
    reason: `${first.reason}; ${second.reason}`,
    ...(undecided && { undecided }),
  })
}

/** The lowest is answered. */
function rank({ status, challenge, missing }: Refusal): number {
  if (status === 401) return 0
  if (status === 404) return 1
  return challenge === undefined ? Number.POSITIVE_INFINITY : 2 + (missing?.length ?? 0)
}
