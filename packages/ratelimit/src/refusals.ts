import type { Denial, RequestContext } from '@palisade/core/middleware'
import type { Attempt } from './counting/attempt.js'
import { QUOTA_EXCEEDED, QUOTA_EXCEEDED_TITLE } from './quota-exceeded.js'
import { type NamedLimit, violate } from './violations.js'

/** Turns a refusal into the answer, and emits the violation that failban counts. */
export class Refusals<State extends object> {
  readonly #policies: readonly NamedLimit<State>[]
  readonly #isShadow: boolean

  constructor(policies: readonly NamedLimit<State>[], isShadow: boolean) {
    this.#policies = policies
    this.#isShadow = isShadow
  }

  of(ctx: RequestContext<State>, attempts: readonly Attempt[]): Denial {
    const refusing: NamedLimit<State>[] = []
    const details: object[] = []
    let longest = -1
    let rule = ''
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i] as Attempt
      if (!attempt.active || attempt.fits) continue
      const policy = this.#policies[i] as NamedLimit<State>
      refusing.push(policy)
      details.push(detailOf(policy, attempt))
      if (attempt.retryMs <= longest) continue
      longest = attempt.retryMs
      rule = policy.name
    }
    if (!this.#isShadow) violate(ctx, refusing)
    const names = refusing.map(({ name }) => name)
    return {
      status: 429,
      code: 'RATE_LIMITED',
      message: 'Too many requests',
      details: { policies: details },
      ...(longest !== Number.POSITIVE_INFINITY && { retryAfterSeconds: retryAfter(longest) }),
      reason: `over ${names.map(name => `"${name}"`).join(', ')}`,
      by: 'rate-limit',
      rule,
      problem: {
        type: QUOTA_EXCEEDED,
        title: QUOTA_EXCEEDED_TITLE,
        extensions: { 'violated-policies': names },
      },
    }
  }
}

function detailOf(
  { name, window }: Pick<NamedLimit<never>, 'name' | 'window'>,
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
