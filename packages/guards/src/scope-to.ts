import {
  callback,
  challengeOf,
  checkOptions,
  type Identity,
  isPromise,
  type MaybePromise,
  type Middleware,
  optional,
  type Reply,
  type RowFilter,
  text,
} from '@palisade/core/middleware'
import { ANONYMOUS, forbidden, type Refusal } from './decision.js'
import { identityOf } from './define-guard.js'
import type { IdentifiedContext } from './named-guard.js'

/** The value of a column in a `RowFilter`, or a list of values of which one must match. */
export type FilterValue = RowFilter[string]

/**
 * A filter as the function returns it, before it is known that the caller has what it filters by.
 */
export type LooseFilter = Readonly<Record<string, FilterValue | null | undefined>>

/** A `RowFilter` with the columns that the function names: nothing in it is absent. */
export type Filter<F extends LooseFilter> = { readonly [K in keyof F]-?: NonNullable<F[K]> }

export interface ScopeToOptions<Name extends string> {
  /** The name in `state`. Default `filter`. */
  as?: Name
}

const ABSENT: Refusal = forbidden('the caller lacks what rows are filtered by')
const CHALLENGE = { realm: 'api', methods: [] } as const

/**
 * Gives handlers a filter to put into their queries, so that each caller sees only its own rows.
 *
 * A filter that lacks a value would show everybody's rows: when the function returns nothing, an
 * empty object, or a value that is absent, empty or an empty list, the request is refused with 403.
 * A value that is no plain one - an object of a claim, `{ $ne: null }` - is an error, a 500. It
 * filters nothing itself: a handler that does not use it is not protected by it. It has no shadow
 * mode, since a handler without the filter would query without it.
 *
 *     const edge = pipeline()
 *       .use(authenticate({ ... }))
 *       .use(scopeTo(ctx => ({ tenantId: ctx.state.identity.tenant })))
 *     app.get('/projects', (req, res) => res.json(db.projects.find(edge.state(req).filter)))
 *
 * @throws ConfigError
 */
export function scopeTo<F extends LooseFilter, const Name extends string = 'filter'>(
  filterOf: (ctx: IdentifiedContext) => MaybePromise<F | null | undefined>,
  options: ScopeToOptions<Name> = {},
): Middleware<{ identity: Identity }, { [K in NoInfer<Name>]: Filter<NoInfer<F>> }> {
  const owner = 'scopeTo'
  callback('a function (ctx) => ({ column: value })')(filterOf, { owner, option: 'filterOf' })
  const { as } = checkOptions(owner, options, {
    as: optional(
      text({ pattern: /^(?!identity$)[a-z]\w{0,99}$/i, allowed: 'a name for state other than "identity"' }),
      'filter',
    ),
  })
  type Given = { [K in Name]: Filter<F> }

  const put = (ctx: IdentifiedContext, found: F | null | undefined): Reply | undefined => {
    const filter = checkFilter(found)
    if (filter === undefined) return deny(ctx, ABSENT)
    Object.assign(ctx.state, { [as]: filter })
    ctx.allowed(owner, as)
    return undefined
  }
  const deny = (ctx: IdentifiedContext, refusal: Refusal): Reply => {
    const { status, code, message, reason } = refusal
    const challenge = challengeOf(refusal, undefined, CHALLENGE)
    const headers = challenge === undefined ? undefined : { 'WWW-Authenticate': challenge }
    return ctx.deny({ status, code, message, reason, by: owner, rule: as, ...(headers && { headers }) })
  }

  return {
    name: `scopeTo(${as})`,
    needs: ['identity'],
    gives: [as as keyof Given & string],
    onRequest(context) {
      const ctx = context as unknown as IdentifiedContext
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return deny(ctx, ANONYMOUS)
      const found = filterOf(ctx)
      if (isPromise(found)) return Promise.resolve(found).then(late => put(ctx, late as F | null | undefined))
      return put(ctx, found)
    },
  }
}

/** The filter when all of it is there; `undefined` when something is absent. */
function checkFilter(found: unknown): RowFilter | undefined {
  if (found === null || found === undefined) return undefined
  if (typeof found !== 'object' || Array.isArray(found)) throw notPlain(typeof found)
  // Copies, in which holes of lists are values too.
  const entries = Object.entries(found).map(
    ([column, value]: [string, unknown]) => [column, Array.isArray(value) ? [...value] : value] as const,
  )
  if (entries.length === 0) return undefined
  for (const value of entries.flatMap(([, values]) => values)) letGo(value)
  for (const [column, value] of entries) if (!isPresent(column, value)) return undefined
  // From entries, since assigning `__proto__` would set a prototype instead of a column.
  const filter = Object.fromEntries(entries.map(([column, value]) => [column, frozen(value)]))
  return Object.freeze(filter) as RowFilter
}

function isPresent(column: string, value: unknown): boolean {
  if (value === null || value === undefined || value === '') return false
  if (Array.isArray(value)) {
    if (value.some(Array.isArray)) throw notPlain(`${JSON.stringify(column)}: a list in a list`)
    return value.length > 0 && value.every(one => isPresent(column, one))
  }
  const isPlain =
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint' ||
    (typeof value === 'number' && Number.isFinite(value))
  if (!isPlain) throw notPlain(`${JSON.stringify(column)}: ${typeof value}`)
  return true
}

const frozen = (value: unknown) => (Array.isArray(value) ? Object.freeze(value) : value)

/** A promise is no plain value: no code awaits it, and its rejection would end the process. */
function letGo(value: unknown): void {
  if (isPromise(value)) value.then(undefined, () => {})
}

function notPlain(what: string): TypeError {
  return new TypeError(
    `scopeTo: the filter has ${what}; allowed: an object of strings, finite numbers, booleans and lists of them`,
  )
}
