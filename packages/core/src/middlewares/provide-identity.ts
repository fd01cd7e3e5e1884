import type { RequestContext } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js'
import { callback } from '../options/check.js'
import { assertIdentity, type Identity } from '../vocabulary/identity.js'

type Absent = null | undefined

/**
 * Puts the identity of a team's own login where guards look for it, so that auth need not be
 * installed.
 *
 * A function that may return no identity gives an optional identity, which satisfies no guard that
 * needs one. Fails closed: an error thrown is a 500. The result is trusted: it must come from
 * something verified, never straight from a header.
 *
 * @throws ConfigError when it is given no function
 *
 *     pipeline().use(provideIdentity(ctx => sessions.userOf(ctx.raw)))
 */
export function provideIdentity(
  find: (ctx: RequestContext) => MaybePromise<Identity>,
): Middleware<{}, { identity: Identity }>
export function provideIdentity(
  find: (ctx: RequestContext) => MaybePromise<Identity | Absent>,
): Middleware<{}, { identity: Identity | undefined }>
export function provideIdentity(
  find: (ctx: RequestContext) => MaybePromise<Identity | Absent>,
): Middleware<{}, { identity: Identity | undefined }> {
  callback('a function (ctx) => Identity')(find, { owner: 'provideIdentity', option: 'find' })
  return {
    name: 'provide-identity',
    gives: ['identity'],
    onRequest(ctx) {
      const found = find(ctx as RequestContext)
      if (isPromise(found)) return Promise.resolve(found).then(identity => put(ctx, identity))
      return put(ctx, found)
    },
  }
}

function put(ctx: RequestContext<{ identity?: Identity | undefined }>, found: Identity | Absent): void {
  if (found !== null && found !== undefined) assertIdentity(found, 'provideIdentity: the function returned')
  ctx.state.identity = found ?? undefined
}
