import type { RequestContext, Services } from '../contract/context.js'
import type { Check } from '../options/check.js'
import { flag, object, optional } from '../options/check.js'
import { listed, POLICY_FIELD, policyItem, STATE_FIELD, stateItem } from './draft-fields.js'
import type { QuotaState } from './quota-state.js'
import { SharedHeaders } from './shared-headers.js'

export interface LimitHeaderOptions {
  /**
   * `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds since 1970), of the policy closest to
   * its limit. Default true.
   */
  legacy?: boolean
  /** `RateLimit-Policy` and `RateLimit` of the IETF draft, of all policies. Default true. */
  draft?: boolean
}

export const limitHeaderOptions: Check<LimitHeaderOptions> = object({
  legacy: optional(flag, true),
  draft: optional(flag, true),
})

interface NamedWindow {
  readonly name: string
  readonly window: number
}

/**
 * Writes the decision of a limiter into response headers. Parts that stay the same from request to
 * request are made once.
 *
 * Several limiters in front of one handler write the same headers: the draft fields are lists and
 * name the policies of all, the legacy fields show the tightest quota. A refusal shows the limiter
 * that refused.
 */
export class LimitHeaders {
  private readonly policies: readonly NamedWindow[]
  private readonly legacy: boolean
  private readonly draft: boolean
  private readonly shared: SharedHeaders
  /** The `RateLimit-Policy` item of each policy, and the limit that it was made for. */
  private readonly items: string[]
  private readonly limits: number[]
  private joined = ''

  /**
   * @param shared of a limiter whose policies differ from request to request: one for all of them
   */
  constructor(
    policies: readonly NamedWindow[],
    { legacy = true, draft = true }: LimitHeaderOptions,
    shared = new SharedHeaders(),
  ) {
    this.policies = policies
    this.shared = shared
    this.legacy = legacy
    this.draft = draft
    this.items = policies.map(() => '')
    this.limits = policies.map(() => Number.NaN)
  }

  /** The headers of this pipeline are written here from now on. */
  join(services: Services): void {
    if (this.legacy || this.draft) this.shared.join(services)
  }

  write(ctx: RequestContext, tallies: readonly QuotaState[], allowed: boolean): void {
    const tally = tightest(tallies, allowed)
    if (tally === undefined) return
    if (this.shared.isShared) {
      this.writeBesideOthers(ctx, tallies, tally, allowed)
      return
    }
    if (this.legacy) setLegacy(ctx, tally)
    if (this.draft) setDraft(ctx, this.policyField(tallies), this.stateField(tallies, allowed))
  }

  private writeBesideOthers(
    ctx: RequestContext,
    tallies: readonly QuotaState[],
    tally: QuotaState,
    allowed: boolean,
  ): void {
    let { policies, states, tightest: told } = this.shared.heard(ctx)
    if (this.legacy && (told === undefined || !allowed || isTighter(tally, told))) {
      setLegacy(ctx, tally)
      told = { remaining: tally.remaining, capacity: tally.capacity }
    }
    if (this.draft) {
      policies = listed(policies, this.policyField(tallies))
      states = listed(allowed ? states : '', this.stateField(tallies, allowed))
      setDraft(ctx, policies, states)
    }
    this.shared.say(ctx, { policies, states, tightest: told })
  }

  private policyField(tallies: readonly QuotaState[]): string {
    let isSame = true
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as QuotaState
      const limit = tally.active ? tally.limit : -1
      if (this.limits[i] === limit) continue
      isSame = false
      const { name, window } = this.policies[i] as NamedWindow
      this.limits[i] = limit
      this.items[i] = tally.active ? policyItem(name, limit, window) : ''
    }
    if (!isSame) this.joined = this.items.reduce(listed, '')
    return this.joined
  }

  private stateField(tallies: readonly QuotaState[], allowed: boolean): string {
    let field = ''
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as QuotaState
      if (!tally.active || tally.fits !== allowed) continue
      field = listed(field, stateItem((this.policies[i] as NamedWindow).name, tally.remaining, tally.nextMs))
    }
    return field
  }
}

/** `Reset` is a date, and so comes from the time of day; nothing is counted by that. */
function setLegacy(ctx: RequestContext, { capacity, remaining, resetMs }: QuotaState): void {
  ctx.setHeader('X-RateLimit-Limit', String(capacity))
  ctx.setHeader('X-RateLimit-Remaining', String(remaining))
  ctx.setHeader(
    'X-RateLimit-Reset',
    String(Math.ceil((Math.floor(ctx.services.clock.now()) + resetMs) / 1000)),
  )
}

function setDraft(ctx: RequestContext, policies: string, states: string): void {
  ctx.setHeader(POLICY_FIELD, policies)
  ctx.setHeader(STATE_FIELD, states)
}

/**
 * The policy to speak of: of those that refused, the one that has to be waited for the longest;
 * else the one of whose quota the smallest part is left. `undefined` when none applies.
 */
export function tightest<T extends QuotaState>(states: readonly T[], allowed: boolean): T | undefined {
  let best: T | undefined
  for (let i = 0; i < states.length; i++) {
    const state = states[i] as T
    if (!state.active || state.fits !== allowed) continue
    if (best === undefined || (allowed ? isTighter(state, best) : state.retryMs > best.retryMs)) best = state
  }
  return best
}

interface Left {
  readonly remaining: number
  readonly capacity: number
}

/** Whether a smaller part is left of the one quota than of the other. */
function isTighter(one: Left, other: Left): boolean {
  return one.remaining * other.capacity < other.remaining * one.capacity
}
