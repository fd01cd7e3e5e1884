import {
  challengeOf,
  type Decision,
  type Guard,
  isPromise,
  type MaybePromise,
  RequestError,
} from '@palisade/core/middleware'
import { identityOf, toNamed } from './define-guard.js'
import type { AnyGuard, Caller, NamedGuard } from './named-guard.js'

/**
 * A guard's context without a request: what is in `state` stands beside the rest, `{ identity }`.
 */
export type Bare<Context> = (Context extends { readonly state: infer S } ? S : unknown) &
  Omit<Context, 'state'>

/** What a guard is asked about. */
type About<C, R> = [about: NoInfer<C | Bare<C>>, ...record: [record?: NoInfer<R> | null]]

/**
 * Asks a guard inside a handler, a job or a test: about a request's context, or about whatever it
 * needs, with no HTTP at all.
 *
 * A record that is passed and turns out to be `undefined` does not exist, and guards that decide on
 * it refuse; a promise of one is waited for; without the argument no record is asked about. The
 * decision has to be looked at; `ensure` looks itself. The answer is a promise only when the guard
 * waits.
 *
 *     const decision = await check(requireOwnership(), ctx, order)
 *     const decision = await check(requireScopes('orders:write'), { identity })
 *
 * @throws what the guard throws, and TypeError when it answers neither a boolean nor a Decision; a
 * promise is rejected with it
 */
export function check<C, R>(guard: NamedGuard<C, R>, ...given: About<C, R>): MaybePromise<Decision>
export function check<C = Caller, R = unknown>(
  guard: Guard<C, R>,
  ...given: About<C & Caller, R>
): MaybePromise<Decision>
export function check(guard: AnyGuard, ...given: About<unknown, unknown>): MaybePromise<Decision> {
  return ask('check', guard, given)
}

/**
 * `check` that throws when the guard refuses, so that the decision cannot be overlooked. The error
 * is answered with the decision's status, code and message wherever the pipeline answers errors,
 * and with a Bearer challenge if the status is 401 or the credential lacks a scope.
 *
 *     await ensure(requireOwnership(), ctx, order)
 *
 * @throws RequestError 401, 403 or 404 when the guard refuses, and what `check` throws
 */
export function ensure<C, R>(guard: NamedGuard<C, R>, ...given: About<C, R>): MaybePromise<void>
export function ensure<C = Caller, R = unknown>(
  guard: Guard<C, R>,
  ...given: About<C & Caller, R>
): MaybePromise<void>
export function ensure(guard: AnyGuard, ...given: About<unknown, unknown>): MaybePromise<void> {
  const decision = ask('ensure', guard, given)
  const [about] = given
  return isPromise(decision)
    ? (decision as Promise<Decision>).then(late => insist(late, about))
    : insist(decision, about)
}

function ask(
  owner: string,
  guard: AnyGuard,
  [about, ...record]: About<unknown, unknown>,
): MaybePromise<Decision> {
  const named = toNamed(guard, { owner, option: 'guard' }) as NamedGuard<unknown, unknown>
  const context = contextOf(about)
  if (record.length === 0) return named(context)
  const [given] = record
  // A promise that the caller forgot to await: as a record it would have no owner, and `not` would
  // turn that refusal into a yes.
  if (isPromise(given)) return Promise.resolve(given).then(late => named(context, late ?? null))
  return named(context, given ?? null)
}

function insist(decision: Decision, about: unknown): void {
  if (decision.allow) return
  const { status, message, code, reason } = decision
  const challenge = challengeOf(decision, identityOf(contextOf(about)))
  throw new RequestError(status, message, {
    code,
    reason,
    ...(challenge !== undefined && { headers: { 'WWW-Authenticate': challenge } }),
  })
}

function contextOf(about: unknown): unknown {
  const given = about as Readonly<Record<string, unknown>>
  return given['state'] === undefined ? { ...given, state: given } : given
}
