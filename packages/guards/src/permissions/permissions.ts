import {
  type Check,
  callback,
  checkOptions,
  type Decision,
  either,
  flag,
  type Identity,
  isPromise,
  type MaybePromise,
  oneOf,
  optional,
  refuse,
} from '@palisade/core/middleware'
import { ALLOW, ANONYMOUS, forbidden, notFound, quoted } from '../decision.js'
import { IDENTITY, identityOf } from '../define-guard.js'
import { type Caller, type IdentifiedContext, type NamedGuard, withFacts } from '../named-guard.js'
import { ACTIONS, type Action, actionOf, isAction } from './actions.js'
import { compilePermissions, type Grant, Grants, grantsOption, isPlainResource } from './grants.js'

export interface PermissionsOptions<C = IdentifiedContext, R = unknown> {
  /**
   * Which resource is asked about: a name, or a function, which may be asynchronous; with nothing
   * to return it refuses. It must say one name for one thing.
   */
  resource: string | ((ctx: C, record?: R | null) => MaybePromise<string | null | undefined>)
  /**
   * What callers may do, for all of them or found for each. Default: what `identity.permissions`
   * says. When both are there, both must allow: an API key can do no more than its owner. Rows that
   * a function returns are compiled at each request unless they are frozen or `compileGrants` made
   * them.
   */
  grants?: readonly Grant[] | Grants | ((ctx: C) => MaybePromise<readonly Grant[] | Grants>)
  /**
   * What is done. Default by the method: GET and HEAD read, POST creates, PUT and PATCH update,
   * DELETE deletes; another is refused.
   */
  action?: Action | ((ctx: C) => MaybePromise<Action | null | undefined>)
  /** Refuses with 404, as if the resource did not exist. Default false: with 403. */
  conceal?: boolean
}

/** Options without a function, which need nothing of a request. */
export interface FixedPermissions {
  resource: string
  grants?: readonly Grant[] | Grants
  action?: Action
  conceal?: boolean
}

type Find<T> = (ctx: unknown, record?: unknown) => T

/**
 * Requires that the caller may read, create, update or delete a resource, by rows of grants or
 * `resource:action` texts.
 *
 * Nothing is allowed that is not granted, and a denial wins over every grant. Refuses what it
 * cannot decide on: a resource that is no plain name, a method that is not known, a caller of whom
 * no permissions are known. Functions are asked one after the other, and one that throws or rejects
 * is a 500. The cost does not grow with the number of rows.
 *
 *     guard(permissions({ grants: [{ resource: 'users', read: true }], resource: () => 'users' }))
 *     guard(
 *       permissions({
 *         grants: ctx => grantsOf(ctx.state.identity.subject),
 *         resource: ctx => `db1:${tableOf(ctx.path)}`,
 *       }),
 *     )
 *
 * @throws ConfigError naming the row that is wrong
 */
export function permissions(options: FixedPermissions & { action: Action }): NamedGuard<Caller>
export function permissions(options: FixedPermissions): NamedGuard<Caller & { readonly method: string }>
export function permissions<C = IdentifiedContext, R = unknown>(
  options: PermissionsOptions<C, R> & { action: NonNullable<PermissionsOptions<C, R>['action']> },
): NamedGuard<NoInfer<C> & Caller, NoInfer<R>>
export function permissions<C = IdentifiedContext, R = unknown>(
  options: PermissionsOptions<C, R>,
): NamedGuard<NoInfer<C> & Caller & { readonly method: string }, NoInfer<R>>
export function permissions(options: object): NamedGuard<never, never> {
  const owner = 'permissions'
  const checked = checkOptions(owner, options, {
    resource: either(
      plainResource,
      callback<Find<unknown>>(),
      'the name of a resource, or a function (ctx) => name',
    ),
    grants: optional(grantsOrFunction),
    action: optional(
      either(
        oneOf(...ACTIONS),
        callback<Find<unknown>>(),
        `one of ${ACTIONS.join(', ')}, or a function (ctx) => one of them`,
      ),
    ),
    conceal: optional(flag, false),
  })
  const { resource: named, grants, action: done, conceal } = checked
  const resourceIn: Find<unknown> = typeof named === 'function' ? named : () => named
  const actionIn: Find<unknown> =
    typeof done === 'function' ? done : done === undefined ? byMethod : () => done
  const compiled = new WeakMap<object, Grants>()

  const undecided = (reason: string): Decision =>
    conceal ? notFound(reason, { undecided: true }) : forbidden(reason, { undecided: true })

  const decide = (own: Grants | undefined, given: Grants | undefined, resource: string, action: Action) => {
    const isAllowed =
      (own === undefined || own.allows(resource, action)) &&
      (given === undefined || given.allows(resource, action))
    if (isAllowed) return ALLOW
    const reason = `no permission to ${action} ${quoted(resource)}`
    if (conceal) return notFound(reason)
    return forbidden(reason, {
      message: `The ${action} permission for this resource is required`,
      missing: Object.freeze([`${resource}:${action}`]),
    })
  }

  const onResource = (ctx: Caller, resource: unknown): MaybePromise<Decision> => {
    if (typeof resource !== 'string' || !isPlainResource(resource))
      return undecided(
        `the resource is no plain name: ${typeof resource === 'string' ? quoted(resource) : typeof resource}`,
      )
    const action = actionIn(ctx)
    if (isPromise(action)) return Promise.resolve(action).then(late => onAction(ctx, resource, late))
    return onAction(ctx, resource, action)
  }

  const onAction = (ctx: Caller, resource: string, action: unknown): MaybePromise<Decision> => {
    if (!isAction(action)) return undecided('the action is not known')
    const own = ownGrants(ctx.state.identity, compiled)
    if (typeof grants !== 'function') {
      if (own === undefined && grants === undefined)
        return undecided('no permissions of the caller are known')
      return decide(own, grants, resource, action)
    }
    const found = grants(ctx)
    if (isPromise(found))
      return Promise.resolve(found).then(late => decide(own, ready(late, compiled), resource, action))
    return decide(own, ready(found, compiled), resource, action)
  }

  return withFacts(
    (ctx: Caller, record?: unknown): MaybePromise<Decision> => {
      const identity = identityOf(ctx)
      if (identity === undefined || identity === null) return ANONYMOUS
      const resource = resourceIn(ctx, record)
      if (isPromise(resource)) return Promise.resolve(resource).then(late => onResource(ctx, late))
      return onResource(ctx, resource)
    },
    { name: owner, needs: IDENTITY },
  )
}

const byMethod: Find<unknown> = ctx => actionOf((ctx as { method: string }).method)

function ownGrants(identity: Identity, compiled: WeakMap<object, Grants>): Grants | undefined {
  const { permissions } = identity
  if (permissions === undefined) return undefined
  const known = compiled.get(permissions)
  if (known !== undefined) return known
  const grants = compilePermissions(permissions)
  // Frozen by contract, as all of an identity; what is not may change under the cache, also in an
  // identity that is frozen itself.
  if (Object.isFrozen(permissions)) compiled.set(permissions, grants)
  return grants
}

function ready(found: unknown, compiled: WeakMap<object, Grants>): Grants {
  if (found instanceof Grants) return found
  const known = typeof found === 'object' && found !== null ? compiled.get(found) : undefined
  if (known !== undefined) return known
  const grants = grantsOption(found, { owner: 'permissions', option: 'grants()' })
  if (isDeeplyFrozen(found)) compiled.set(found, grants)
  return grants
}

function isDeeplyFrozen(rows: unknown): rows is readonly Grant[] {
  return Array.isArray(rows) && Object.isFrozen(rows) && rows.every(Object.isFrozen)
}

const plainResource: Check<string> = (value, at) =>
  typeof value === 'string' && isPlainResource(value)
    ? value
    : refuse(at, value, 'the name of a resource without wildcards, such as "users" or "shop:orders"')

const grantsOrFunction: Check<Grants | Find<unknown>> = (value, at) =>
  typeof value === 'function' ? (value as Find<unknown>) : grantsOption(value, at)
