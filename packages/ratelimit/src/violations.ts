import type { RequestContext, Services } from '@palisade/core/middleware'
import { isClientsOwn, type KeyFunction } from './keys/key-function.js'

const MOST = 10_000
const VIOLATIONS = Symbol.for('palisade.ratelimit.violations.v1')

/** What refuses, as events name it. */
export interface NamedLimit<State extends object> {
  readonly name: string
  readonly window: number
  readonly key: KeyFunction<State>
}

/**
 * Emits `security:violation`, which failban counts, once per client and window: one flood is one
 * violation, whatever keys and limiters of the pipeline it passes. There is no violation where
 * several clients share a key: the client that is refused need not be the one that used it up.
 *
 * @param refusing the policies that refuse the request
 */
export function violate<State extends object>(
  ctx: RequestContext<State>,
  refusing: readonly NamedLimit<State>[],
): void {
  const { client, services } = ctx
  const { key } = client
  if (key === undefined || !services.events.has('security:violation')) return
  const violations = violationsOf(services)
  const now = services.clock.monotonic()
  const isNew = (policy: NamedLimit<State>) =>
    isClientsOwn(policy.key, ctx) && violations.isNew(key, now, policy.window)
  if (!refusing.some(isNew)) return
  const { requestId, method, path } = ctx
  services.events.emit('security:violation', {
    source: 'rate-limit',
    weight: 1,
    key,
    ip: client.ip,
    bannable: client.bannable,
    detail: { policies: refusing.map(({ name }) => name) },
    requestId,
    method,
    path,
  })
}

/**
 * The last violation of each client. It is shared by the limiters of a pipeline and its branches,
 * of which one flood exceeds several. Bounded: when it is full the oldest client is evicted, whose
 * next refusal is a violation again.
 */
export class Violations {
  private readonly last = new Map<string, number>()

  /** Whether the client had no violation within the window of the limit that refuses it now. */
  isNew(client: string, now: number, windowMs: number): boolean {
    const last = this.last.get(client)
    if (last !== undefined && now - last < windowMs) return false
    this.last.delete(client)
    if (this.last.size >= MOST) this.evictOldest()
    this.last.set(client, now)
    return true
  }

  private evictOldest(): void {
    for (const client of this.last.keys()) {
      this.last.delete(client)
      return
    }
  }
}

function violationsOf({ shared }: Services): Violations {
  const known = shared.get(VIOLATIONS) as Violations | undefined
  if (known !== undefined) return known
  const violations = new Violations()
  shared.set(VIOLATIONS, violations)
  return violations
}
