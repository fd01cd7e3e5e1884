import {
  callback,
  checkOptions,
  type Decision,
  flag,
  isPromise,
  type MaybePromise,
  optional,
  text,
} from '@palisade/core/middleware'
import { ANONYMOUS, forbidden, notFound } from '../decision.js'
import { IDENTITY, identityOf, settle } from '../define-guard.js'
import { type Caller, type IdentifiedContext, type NamedGuard, withFacts } from '../named-guard.js'

/** Options that load nothing, so that the guard needs no request. */
export type Loadless<Options> = Omit<Options, 'load'> & { load?: never }

export interface RecordOptions<C = IdentifiedContext, R = unknown> {
  /**
   * Finds the record if none is passed, as in `guard()`; `null` or `undefined` if the record does
   * not exist.
   */
  load?: (ctx: C) => MaybePromise<R | null | undefined>
  /**
   * Whether the caller may not even know that the record exists: refuses with 404, as if it did
   * not. Default false: with 403.
   */
  conceal?: boolean
}

const NAME = text({ max: 200 })

/** The checks of `RecordOptions`. */
export const recordShape = {
  load: optional(callback<RecordOptions['load'] & {}>('a function (ctx) => record')),
  conceal: optional(flag, false),
}

/**
 * A guard of a team's own that decides on a record: it is asked only when there are a caller and a
 * record.
 *
 * Without a record it refuses with 403; when the record does not exist, with 404; when `conceal` is
 * set every 403 is that 404, to the byte. The function answers as that of `defineGuard` does.
 *
 *     const isEditor = recordGuard('is-editor', (ctx, post: Post) =>
 *       post.editors.includes(ctx.state.identity.subject),
 *     )
 *     await check(isEditor, ctx, post)
 *
 * @throws ConfigError
 */
export function recordGuard<R, C = Caller>(
  name: string,
  decide: (ctx: C, record: R) => MaybePromise<Decision | boolean>,
  options?: Loadless<RecordOptions>,
): NamedGuard<NoInfer<C> & Caller, NoInfer<R>>
export function recordGuard<R, C = IdentifiedContext>(
  name: string,
  decide: (ctx: C, record: R) => MaybePromise<Decision | boolean>,
  options: RecordOptions<C, R>,
): NamedGuard<NoInfer<C> & Caller, NoInfer<R>>
export function recordGuard<R, C>(
  name: string,
  decide: (ctx: C, record: R) => MaybePromise<Decision | boolean>,
  options: object = {},
): NamedGuard<C & Caller, R> {
  const owner = 'recordGuard'
  NAME(name, { owner, option: 'name' })
  callback('a function (ctx, record) => boolean')(decide, { owner, option: 'decide' })
  const { load, conceal } = checkOptions(owner, options, recordShape)
  return onRecord(name, decide, { load: load as RecordOptions<C, R>['load'], conceal })
}

/** `recordGuard` with what has been checked. */
export function onRecord<R, C>(
  name: string,
  decide: (ctx: C & Caller, record: R) => MaybePromise<Decision | boolean>,
  options: { load: RecordOptions<C, R>['load']; conceal: boolean },
): NamedGuard<C & Caller, R> {
  const { load, conceal } = options
  const no = conceal ? notFound(`${name} said no`) : forbidden(`${name} said no`)
  const unasked = conceal
    ? notFound(`${name} was given no record`, { undecided: true })
    : forbidden(`${name} was given no record`, { undecided: true })
  const absent = notFound('there is no such record', { undecided: true })
  const hide = (decision: Decision): Decision => {
    if (decision.allow || decision.status !== 403) return decision
    return notFound(decision.reason, decision.undecided === true ? { undecided: true } : {})
  }

  const onFound = (ctx: C & Caller, record: R | null | undefined): MaybePromise<Decision> => {
    if (record === null || record === undefined) return absent
    const decision = settle(name, decide(ctx, record), no)
    if (!conceal) return decision
    return isPromise(decision) ? (decision as Promise<Decision>).then(hide) : hide(decision)
  }

  return withFacts(
    (ctx: C & Caller, record?: R | null) => {
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return ANONYMOUS
      if (record !== undefined) return onFound(ctx, record)
      if (load === undefined) return unasked
      const found = load(ctx)
      if (isPromise(found))
        return Promise.resolve(found).then(late => onFound(ctx, late as R | null | undefined))
      return onFound(ctx, found)
    },
    { name, needs: IDENTITY },
  )
}
