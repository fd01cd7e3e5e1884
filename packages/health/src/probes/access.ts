import {
  CidrSet,
  type Decision,
  type Guard,
  isPromise,
  type MaybePromise,
  type RequestContext,
} from '@palisade/core'

export type Access = (ctx: RequestContext) => MaybePromise<boolean>

/** Written by proxies. A request that carries one came through somebody, whom only `trust` can see through. */
const FORWARDING = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']

/**
 * Callers on this machine or in a private network (RFC 1918, RFC 4193), by the pipeline's `trust`.
 *
 * Behind a proxy every client has the proxy's private address, unless trust names the proxy. So a request that says it was forwarded, by
 * somebody whom trust does not know, is a stranger's; as is one whose address could not be verified to its end. Spoofable by a proxy
 * that is not named and leaves no trace in the headers: name it.
 */
export function privateNetworks(): Access {
  const inside = new CidrSet(['loopback', 'private'])
  return ctx => {
    const { ip, bannable } = ctx.client
    if (ip === undefined || !bannable || !inside.has(ip)) return false
    return (
      ctx.services.trust.isProxy?.(ctx.peer) === true ||
      !FORWARDING.some(name => ctx.header(name) !== undefined)
    )
  }
}

/** By the team's guard alone. What it throws, or does not answer in time, withholds the details; the probe itself is answered. */
export function guarded(authorize: Guard<RequestContext>): Access {
  return ctx => {
    const decision = authorize(ctx)
    if (!isPromise(decision)) return allows(decision as Decision | boolean)
    return Promise.resolve(decision as PromiseLike<Decision | boolean>).then(allows)
  }
}

const allows = (decision: Decision | boolean) =>
  decision === true || (typeof decision === 'object' && decision !== null && decision.allow === true)
