import type { RequestContext } from '../contract/context.js'
import type { Denial } from '../contract/denial.js'
import { read } from '../errors/read.js'
import type { CallerFacts, DecisionEvent } from './catalogue.js'

/** What a decision needs of a request, beyond what a middleware sees. */
interface DecidedRequest extends RequestContext {
  /** The route that a middleware named which answers itself. */
  readonly ownRoute: string | undefined
}

/** Emits `decision:refused`, if something listens. */
export function emitRefused(ctx: DecidedRequest, denial: Denial, enforced: boolean): void {
  const { events } = ctx.services
  if (!events.has('decision:refused')) return
  const { by, rule, status, code, reason } = denial
  const facts = { by, rule, decision: 'refuse', enforced, status, code, reason } as const
  events.emit('decision:refused', decisionOf(ctx, facts))
}

/** Emits `decision:allowed`, if something listens. */
export function emitAllowed(ctx: DecidedRequest, by: string, rule: string | undefined): void {
  const { events } = ctx.services
  if (!events.has('decision:allowed')) return
  const nothing = { status: undefined, code: undefined, reason: undefined }
  const facts = { by, rule, decision: 'allow', enforced: true, ...nothing } as const
  events.emit('decision:allowed', decisionOf(ctx, facts))
}

/** The caller of a request, for an event. */
export function callerFacts({ caller }: RequestContext): CallerFacts {
  return { subject: caller?.subject, tenant: caller?.tenant, session: caller?.session }
}

type Decided = Pick<DecisionEvent, 'by' | 'rule' | 'decision' | 'enforced' | 'status' | 'code' | 'reason'>

function decisionOf(ctx: DecidedRequest, decided: Decided): DecisionEvent {
  const { requestId, method, path, client } = ctx
  const { ip, key } = client
  // The host may fail to name it, which decides nothing.
  const route = ctx.ownRoute ?? (read(ctx, 'route') as string | undefined)
  return { requestId, method, path, ip, ...decided, key, ...callerFacts(ctx), route }
}
