import { type Decision, isPromise } from '@palisade/core/middleware'
import { ALLOW, forbidden } from '../decision.js'
import { type AnyGuard, type ContextOf, type NamedGuard, type RecordOf, withFacts } from '../named-guard.js'
import { type Asked, factsOf, partsOf } from './parts.js'

/**
 * Allows what the guard refuses, and refuses what it allows.
 *
 * Only a decided "no" becomes a "yes". A 401 stays, since an unknown caller is not a caller without
 * the role. So do errors, and refusals because the guard lacks a record, a tenant or an address:
 * `not(allowIp(blocked))` refuses a client whose address is unknown.
 *
 * @throws ConfigError when it is given no guard
 */
export function not<const G extends AnyGuard>(guard: G): NamedGuard<ContextOf<G>, RecordOf<G>> {
  const parts = partsOf('not', [guard])
  const [asked] = parts as readonly unknown[] as readonly [Asked]
  const facts = factsOf('not', parts)
  const no = forbidden(`${facts.name} said no`)
  const invert = (decision: Decision): Decision => {
    if (decision.allow) return no
    return decision.status === 401 || decision.undecided === true ? decision : ALLOW
  }
  return withFacts((context: ContextOf<G>, record?: RecordOf<G> | null) => {
    const decision = asked(context, record)
    return isPromise(decision) ? (decision as Promise<Decision>).then(invert) : invert(decision)
  }, facts)
}
