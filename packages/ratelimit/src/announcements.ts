import type { RequestContext } from '@palisade/core/middleware'
import { Announced } from './announced.js'
import { isClientsOwn, type KeyFunction } from './keys/key-function.js'
import { Violations, violationsOf } from './violations.js'

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
  private readonly shadowed = new Violations()
  private readonly isShadow: boolean

  constructor(isShadow: boolean) {
    this.isShadow = isShadow
  }

  of(ctx: RequestContext<State>, policy: Named<State>, counted: string, now: number): News {
    const { window, key } = policy
    if (this.exceededOf(policy, counted, now) === 'none') return 'none'
    const { client, services } = ctx
    if (client.key === undefined || !isClientsOwn(key, ctx)) return 'exceeded'
    // A violation of a shadow counts nothing, and must not take the place of one that counts.
    const violations = this.isShadow ? this.shadowed : violationsOf(services)
    return violations.isNew(client.key, services.clock.monotonic(), window) ? 'violation' : 'exceeded'
  }

  /** For a limit whose refusals speak against no client. */
  exceededOf({ name, window }: Named<State>, counted: string, now: number): 'none' | 'exceeded' {
    return this.exceeded.isFirst(name, counted, now, window) ? 'exceeded' : 'none'
  }
}
