import { type Check, callback, checkOptions, either, optional, text } from '@palisade/core/middleware'
import type { Caller, IdentifiedContext, NamedGuard } from '../named-guard.js'
import { type Loadless, onRecord, type RecordOptions, recordShape } from './record-guard.js'
import { type RecordId, sameId } from './record-id.js'

export interface RequireOwnershipOptions<R, C = IdentifiedContext> extends RecordOptions<C, R> {
  /** Where the record says whose it is: the name of a field, or a function. Default `'ownerId'`. */
  owner?: string | ((record: R) => RecordId)
}

/**
 * Requires that the record is the caller's: that its owner is `identity.subject`.
 *
 * Numbers are compared by their digits. A record without an owner is refused to every caller, also
 * under `not`. Without a record it refuses, with 404 when it does not exist or `conceal` is set,
 * otherwise with 403.
 *
 *     await check(requireOwnership(), ctx, order)               // order.ownerId
 *     await check(requireOwnership('userId'), ctx, order)
 *     const load = (ctx: RequestContext) => orders.find(idOf(ctx.path))
 *     guard(requireOwnership({ load, owner: order => order.customer.id, conceal: true }))
 *
 * @throws ConfigError
 */
export function requireOwnership(): NamedGuard<Caller, { readonly ownerId: RecordId }>
export function requireOwnership<const F extends string>(
  field: F,
): NamedGuard<Caller, { readonly [K in NoInfer<F>]: RecordId }>
export function requireOwnership<R>(
  options: Loadless<RequireOwnershipOptions<R>>,
): NamedGuard<Caller, NoInfer<R>>
export function requireOwnership<R, C = IdentifiedContext>(
  options: RequireOwnershipOptions<R, C>,
): NamedGuard<NoInfer<C> & Caller, NoInfer<R>>
export function requireOwnership(options: string | object = {}): NamedGuard<never, never> {
  const name = 'requireOwnership'
  const given = typeof options === 'string' ? { owner: options } : options
  const { owner, load, conceal } = checkOptions(name, given, {
    owner: optional(fieldOrFunction, (record: unknown) => (record as { ownerId: unknown }).ownerId),
    ...recordShape,
  })
  const isMine = sameId(name)
  return onRecord(name, (ctx: Caller, record: unknown) => isMine(owner(record), ctx.state.identity.subject), {
    load: load as RecordOptions<unknown, unknown>['load'],
    conceal,
  })
}

/** Reads a field of a record. */
export const fieldOrFunction: Check<(record: unknown) => unknown> = (value, at) => {
  const read = either(
    text({ max: 256 }),
    callback<(record: unknown) => unknown>(),
    'the name of a field, or a function (record) => id',
  )(value, at)
  if (typeof read === 'function') return read
  return record => (record as Readonly<Record<string, unknown>>)[read]
}
