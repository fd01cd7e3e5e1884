import {
  type Decision,
  type Guard,
  isPromise,
  type MaybePromise,
  type RequestContext,
} from '@palisade/core/middleware'

export type Access = (ctx: RequestContext) => MaybePromise<boolean>

/**
 * By the team's guard alone. If it throws, or does not answer in time, the details are withheld;
 * the probe itself is answered.
 */
export function guarded(authorize: Guard<RequestContext>): Access {
  return ctx => {
    const decision = authorize(ctx)
    if (!isPromise(decision)) return allows(decision as Decision | boolean)
    return Promise.resolve(decision as PromiseLike<Decision | boolean>).then(allows)
  }
}

const allows = (decision: Decision | boolean) =>
  decision === true || (typeof decision === 'object' && decision !== null && decision.allow === true)
