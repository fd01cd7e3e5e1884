import type { RequestContext } from '@palisade/core'
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
 * What is new about a refusal. A limit is exceeded once per key and window; and once per client and window that is a violation, so that one flood is
 * one, whatever keys it goes through. A violation speaks against a client, so there is none where several share a key: who is refused there
 * need not be who used it up.
 */
export class Announcements<State extends object> {
  private readonly exceeded = new Announced()
  private readonly violated = new Announced()

  of(ctx: RequestContext<State>, { name, window, key }: Named<State>, counted: string, now: number): News {
    if (!this.exceeded.isFirst(name, counted, now, window)) return 'none'
    const client = ctx.client.key
    if (client === undefined || !isClientsOwn(key, ctx)) return 'exceeded'
    return this.violated.isFirst(name, client, now, window) ? 'violation' : 'exceeded'
  }
}
