import { callback, type Decision, isPromise, type MaybePromise } from '@palisade/core/middleware'
import { ALLOW } from '../decision.js'
import {
  type AnyGuard,
  type ContextOf,
  type IdentifiedContext,
  type NamedGuard,
  type RecordOf,
  withFacts,
} from '../named-guard.js'
import { type Asked, factsOf, partsOf } from './parts.js'

/**
 * Asks the guard only when the condition holds, and allows otherwise. The condition answers with a
 * boolean or a promise of one; anything else is an error and refuses with 500, so that a condition
 * that found nothing does not switch the guard off.
 *
 *     when(ctx => ctx.method !== 'GET', requireScopes('orders:write'))
 *
 * @throws ConfigError when it is given no function or no guard
 */
export function when<const G extends AnyGuard, C = IdentifiedContext, R = unknown>(
  condition: (context: C, record?: R | null) => MaybePromise<boolean>,
  guard: G,
): NamedGuard<NoInfer<C> & ContextOf<G>, NoInfer<R> & RecordOf<G>> {
  callback('a function (ctx, record) => boolean')(condition, { owner: 'when', option: 'condition' })
  const parts = partsOf('when', [guard])
  const [asked] = parts as readonly unknown[] as readonly [Asked]
  return withFacts(
    (context: NoInfer<C> & ContextOf<G>, record?: (NoInfer<R> & RecordOf<G>) | null) => {
      const holds = condition(context, record)
      if (isPromise(holds)) return Promise.resolve(holds).then(late => decide(late, asked, context, record))
      return decide(holds, asked, context, record)
    },
    factsOf('when', parts),
  )
}

function decide(holds: unknown, guard: Asked, context: unknown, record: unknown): MaybePromise<Decision> {
  if (holds === true) return guard(context, record)
  if (holds === false) return ALLOW
  throw new TypeError(
    `the condition of when() answered ${holds === null ? 'null' : typeof holds}; allowed: true or false`,
  )
}
