import type { RequestContext, Services } from '@palisade/core'
import { Announced } from './announced.js'
import { isClientsOwn, type KeyFunction } from './keys.js'

/** What refuses, as it is told. */
export interface Named<State extends object> {
  readonly name: string
  readonly window: number
  readonly key: KeyFunction<State>
}

/** What of a refusal is to be told: nothing, that a limit is exceeded, or besides that a client has violated it. */
export type News = 'none' | 'exceeded' | 'violation'

/**
 * What is new about a refusal. A limit is exceeded once per key and window. Once per client and window that
 * is a violation too: one flood is one violation, whatever keys and limiters of the pipeline it passes. There
 * is no violation where several clients share a key: the client that is refused need not be the one that
 * used it up.
 */
export class Announcements<State extends object> {
  private readonly exceeded = new Announced()

  of(ctx: RequestContext<State>, policy: Named<State>, counted: string, now: number): News {
    const { name, window, key } = policy
    if (!this.exceeded.isFirst(name, counted, now, window)) return 'none'
    const client = ctx.client.key
    if (client === undefined || !isClientsOwn(key, ctx)) return 'exceeded'
    return violationsOf(ctx.services).isFirst('', client, ctx.services.clock.monotonic(), window)
      ? 'violation'
      : 'exceeded'
  }
}

const VIOLATIONS = Symbol.for('palisade.ratelimit.violations.v1')

/** The violations of the clients of a pipeline and its branches, which all its limiters have in common. */
function violationsOf({ shared }: Services): Announced {
  const known = shared.get(VIOLATIONS) as Announced | undefined
  if (known !== undefined) return known
  const violations = new Announced()
  shared.set(VIOLATIONS, violations)
  return violations
}
