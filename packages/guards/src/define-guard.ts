import {
  checkOptions,
  type Decision,
  type Guard,
  type Identity,
  isPromise,
  list,
  type MaybePromise,
  type OptionPath,
  optional,
  refuse,
  text,
} from '@palisade/core/middleware'
import { ALLOW, ANONYMOUS, forbidden } from './decision.js'
import {
  type Caller,
  type IdentifiedContext,
  isNamed,
  type NamedGuard,
  type StateOf,
  withFacts,
} from './named-guard.js'

export const IDENTITY: readonly string[] = Object.freeze(['identity'])
const NAME = text({ max: 200 })

/**
 * A guard of a team's own, with the name that logs and events show.
 *
 * The function answers with a boolean or a `Decision`, or a promise of one. Any other result, an
 * error or a rejection refuses with 500. Unless `needs` says otherwise it is asked only if the
 * caller is identified; before that the answer is 401.
 *
 *     const isEmployee = defineGuard(
 *       'is-employee',
 *       ctx => ctx.state.identity.claims['employee'] === true,
 *     )
 *     const isGet = (ctx: { method: string }) => ctx.method === 'GET'
 *     const isRead = defineGuard('is-read', isGet, { needs: [] })
 *
 * @param options.needs the names of the state that it reads. Default `['identity']`
 * @throws ConfigError
 */
export function defineGuard<C = IdentifiedContext, R = unknown>(
  name: string,
  decide: Guard<C, R>,
): NamedGuard<NoInfer<C> & Caller, NoInfer<R>>
export function defineGuard<C, R = unknown>(
  name: string,
  decide: Guard<C, R>,
  options: { needs: readonly (keyof StateOf<C> & string)[] },
): NamedGuard<NoInfer<C>, NoInfer<R>>
export function defineGuard<C, R>(
  name: string,
  decide: Guard<C, R>,
  options: { needs?: readonly string[] } = {},
): NamedGuard<C, R> {
  const owner = 'defineGuard'
  NAME(name, { owner, option: 'name' })
  const { needs } = checkOptions(owner, options, { needs: optional(list(NAME, { max: 100 }), IDENTITY) })
  return wrap(name, checkFunction(decide, { owner, option: 'decide' }), needs)
}

/**
 * The identified caller. At run time it may be missing: plain JavaScript and optional logins allow
 * that.
 */
export function identityOf(context: unknown): Identity | undefined {
  return (context as Caller).state.identity
}

/**
 * A guard as the parts of this package take it: named ones as they are, plain functions wrapped.
 */
export function toNamed<C, R>(guard: Guard<C, R>, at: OptionPath): NamedGuard<C, R> {
  if (isNamed(guard)) return guard as unknown as NamedGuard<C, R>
  const decide = checkFunction(guard, at)
  return wrap(decide.name === '' ? 'function' : decide.name, decide, IDENTITY)
}

function checkFunction<C, R>(guard: Guard<C, R>, at: OptionPath): Guard<C, R> {
  if (typeof guard === 'function') return guard
  return refuse(
    at,
    guard,
    'a guard: what a helper such as requireScopes() returns, or a function (ctx, record) => boolean',
  )
}

function wrap<C, R>(name: string, decide: Guard<C, R>, needs: readonly string[]): NamedGuard<C, R> {
  const needsIdentity = needs.includes('identity')
  const no = forbidden(`${name} said no`)
  return withFacts(
    (context: C, record?: R | null) => {
      if (needsIdentity && !isIdentified(context)) return ANONYMOUS
      return settle(name, decide(context, record), no)
    },
    { name, needs },
  )
}

function isIdentified(context: unknown): boolean {
  const identity = identityOf(context)
  return identity !== undefined && identity !== null
}

/**
 * Makes a decision of what a function answered. A promise is waited for and never taken for true.
 */
export function settle(name: string, answer: unknown, no: Decision): MaybePromise<Decision> {
  if (answer === true) return ALLOW
  if (answer === false) return no
  if (isPromise(answer)) return Promise.resolve(answer).then(value => toDecision(name, value, no))
  return toDecision(name, answer, no)
}

function toDecision(name: string, answer: unknown, no: Decision): Decision {
  if (answer === true) return ALLOW
  if (answer === false) return no
  if (isDecision(answer)) return answer.allow ? ALLOW : answer
  throw new TypeError(
    `the guard "${name}" answered ${answer === null ? 'null' : typeof answer}; allowed: true, false or a Decision`,
  )
}

function isDecision(answer: unknown): answer is Decision {
  if (typeof answer !== 'object' || answer === null) return false
  const { allow, status, code, message, reason } = answer as Partial<Record<string, unknown>>
  if (allow === true) return true
  return (
    allow === false &&
    (status === 401 || status === 403 || status === 404) &&
    typeof code === 'string' &&
    typeof message === 'string' &&
    typeof reason === 'string'
  )
}
