import { CidrSet, type Decision, type Guard, type MaybePromise, type RequestContext } from '@palisade/core'

const PRIVATE = new CidrSet(['loopback', 'private'])

/** Whether this caller may read what the process tells of itself. Anything that is no decision is a mistake, and refuses as an error. */
export function mayRead(
  ctx: RequestContext,
  access: 'private' | 'public',
  authorize: Guard<RequestContext> | undefined,
): MaybePromise<Decision | boolean> {
  if (authorize === undefined) return access === 'public' || isPrivate(ctx)
  const decision = authorize(ctx)
  return decision instanceof Promise ? decision.then(checked) : checked(decision)
}

function isPrivate(ctx: RequestContext): boolean {
  const { ip } = ctx.client
  return ip !== undefined && PRIVATE.has(ip)
}

function checked(decision: Decision | boolean): Decision | boolean {
  if (typeof decision === 'boolean') return decision
  if (typeof decision === 'object' && decision !== null && typeof decision.allow === 'boolean')
    return decision
  throw new TypeError(`authorize returned ${typeof decision}; allowed: a boolean or a Decision`)
}
