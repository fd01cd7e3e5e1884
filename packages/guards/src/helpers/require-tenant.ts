import { checkOptions, type Decision, type MaybePromise, optional } from '@palisade/core/middleware'
import { ALLOW, ANONYMOUS, forbidden, notFound } from '../decision.js'
import { IDENTITY, identityOf } from '../define-guard.js'
import { type Caller, type IdentifiedContext, type NamedGuard, withFacts } from '../named-guard.js'
import { type Loadless, onRecord, type RecordOptions, recordShape } from './record-guard.js'
import { type RecordId, sameId } from './record-id.js'
import { fieldOrFunction } from './require-ownership.js'

export interface RequireTenantOptions<R, C = IdentifiedContext> extends RecordOptions<C, R> {
  /**
   * Where the record says whose it is: the name of a field, or a function. Default `'tenantId'`.
   */
  tenant?: string | ((record: R) => RecordId)
}

/**
 * Requires that the caller belongs to a tenant and, when there is a record, to the record's.
 *
 * Without options and without a record it asks only for the first, as in front of a list that a
 * `scopeTo` filters. With options, or with a record that does not exist, it refuses for want of a
 * record. A caller without a tenant is refused whatever the record says.
 *
 *     guard(requireTenant())
 *     await check(requireTenant(), ctx, project)                // project.tenantId
 *     guard(requireTenant({ load: ctx => projects.find(idOf(ctx.path)), conceal: true }))
 *
 * @throws ConfigError
 */
export function requireTenant(): NamedGuard<Caller, { readonly tenantId: RecordId }>
export function requireTenant<const F extends string>(
  field: F,
): NamedGuard<Caller, { readonly [K in NoInfer<F>]: RecordId }>
export function requireTenant<R>(options: Loadless<RequireTenantOptions<R>>): NamedGuard<Caller, NoInfer<R>>
export function requireTenant<R, C = IdentifiedContext>(
  options: RequireTenantOptions<R, C>,
): NamedGuard<NoInfer<C> & Caller, NoInfer<R>>
export function requireTenant(options?: string | object): NamedGuard<never, never> {
  const name = 'requireTenant'
  const given = typeof options === 'string' ? { tenant: options } : options
  const { tenant, load, conceal } = checkOptions(name, given, {
    tenant: optional(fieldOrFunction, (record: unknown) => (record as { tenantId: unknown }).tenantId),
    ...recordShape,
  })
  const homeless = (conceal ? notFound : forbidden)('the caller has no tenant', { undecided: true })
  const isOurs = sameId(name)
  const byRecord: NamedGuard<Caller, unknown> = onRecord(
    name,
    (ctx: Caller, record: unknown) => isOurs(tenant(record), ctx.state.identity.tenant),
    { load: load as RecordOptions<unknown, unknown>['load'], conceal },
  )
  const asksCallerAlone = options === undefined

  return withFacts(
    (ctx: Caller, record?: unknown): MaybePromise<Decision> => {
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return ANONYMOUS
      if (typeof identity.tenant !== 'string' || identity.tenant === '') return homeless
      return record === undefined && asksCallerAlone ? ALLOW : byRecord(ctx, record)
    },
    { name, needs: IDENTITY },
  )
}
