import type { Denial, RequestContext } from '@palisade/core/middleware'
import { Announcements, type Named, type News } from './announcements.js'
import type { Attempt } from './counting/attempt.js'
import { QUOTA_EXCEEDED, QUOTA_EXCEEDED_TITLE } from './quota-exceeded.js'

/** Turns a refusal into the answer, and tells of it. */
export class Refusals<State extends object> {
  private readonly policies: readonly Named<State>[]
  private readonly isShadow: boolean
  private readonly announced: Announcements<State>

  constructor(policies: readonly Named<State>[], isShadow: boolean) {
    this.policies = policies
    this.isShadow = isShadow
    this.announced = new Announcements(isShadow)
  }

  of(ctx: RequestContext<State>, attempts: readonly Attempt[], now: number): Denial {
    const refusing: Named<State>[] = []
    const details: object[] = []
    let longest = 0
    let key = ''
    let news: News = 'none'
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i] as Attempt
      if (!attempt.active || attempt.fits) continue
      const policy = this.policies[i] as Named<State>
      refusing.push(policy)
      details.push(detailOf(policy, attempt))
      if (key === '' || attempt.retryMs > longest) {
        longest = attempt.retryMs
        key = attempt.key
      }
      const heard = this.announced.of(ctx, policy, attempt.key, now)
      if (news === 'none' || heard === 'violation') news = heard
    }
    const names = refusing.map(({ name }) => name)
    if (news !== 'none')
      tellOf(ctx, news, { key, policies: names, retryAfterMs: longest, shadow: this.isShadow })
    return {
      status: 429,
      code: 'RATE_LIMITED',
      message: 'Too many requests',
      details: { policies: details },
      ...(longest !== Number.POSITIVE_INFINITY && { retryAfterSeconds: retryAfter(longest) }),
      reason: `over ${names.map(name => `"${name}"`).join(', ')} as ${key}`,
      by: 'rate-limit',
      problem: {
        type: QUOTA_EXCEEDED,
        title: QUOTA_EXCEEDED_TITLE,
        extensions: { 'violated-policies': names },
      },
    }
  }
}

export interface Refusal {
  readonly key: string
  readonly policies: readonly string[]
  readonly retryAfterMs: number
  readonly shadow: boolean
}

/** Emits `ratelimit:exceeded`, and the violation that failban counts. */
export function tellOf<State extends object>(ctx: RequestContext<State>, news: News, refusal: Refusal): void {
  const { events } = ctx.services
  const { requestId, method, path, client } = ctx
  if (events.has('ratelimit:exceeded'))
    events.emit('ratelimit:exceeded', { requestId, method, path, ...refusal })
  if (news !== 'violation' || client.key === undefined || !events.has('security:violation')) return
  events.emit('security:violation', {
    source: 'rate-limit',
    // What is only tried out must not lead to a ban.
    weight: refusal.shadow ? 0 : 1,
    key: client.key,
    ip: client.ip,
    bannable: client.bannable,
    detail: { policies: refusal.policies, key: refusal.key },
    requestId,
    method,
    path,
  })
}

function detailOf(
  { name, window }: Pick<Named<never>, 'name' | 'window'>,
  { limit, remaining, retryMs }: Attempt,
): object {
  return {
    name,
    limit,
    window: window / 1000,
    remaining,
    ...(retryMs !== Number.POSITIVE_INFINITY && { retry_after: retryAfter(retryMs) }),
  }
}

/** RFC 9110 section 10.2.3: whole seconds, and never "now" for what was refused now. */
function retryAfter(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
