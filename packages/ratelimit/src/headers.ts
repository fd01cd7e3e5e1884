import type { RequestContext } from '@palisade/core'
import type { Tally } from './algorithms/algorithm.js'
import { POLICY_FIELD, policyItem, STATE_FIELD, stateItem } from './draft-headers.js'
import { tightest } from './quotas.js'

export interface HeaderOptions {
  /** `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds since 1970), of the policy closest to its limit. Default true. */
  legacy?: boolean
  /** `RateLimit-Policy` and `RateLimit` of the IETF draft, of all policies. Default true. */
  draft?: boolean
}

interface Named {
  readonly name: string
  readonly window: number
}

/** Writes what a decision says into response headers. What stays the same from request to request is made once. */
export class LimitHeaders {
  private readonly policies: readonly Named[]
  private readonly legacy: boolean
  private readonly draft: boolean
  /** The `RateLimit-Policy` item of each policy, and the limit that it was made for. */
  private readonly items: string[]
  private readonly limits: number[]
  private joined = ''

  constructor(policies: readonly Named[], { legacy = true, draft = true }: HeaderOptions) {
    this.policies = policies
    this.legacy = legacy
    this.draft = draft
    this.items = policies.map(() => '')
    this.limits = policies.map(() => Number.NaN)
  }

  write(ctx: RequestContext, tallies: readonly Tally[], allowed: boolean, now: number): void {
    if (this.legacy) this.writeLegacy(ctx, tallies, allowed, now)
    if (this.draft) {
      ctx.setHeader(POLICY_FIELD, this.policyField(tallies))
      ctx.setHeader(STATE_FIELD, this.stateField(tallies, allowed))
    }
  }

  private writeLegacy(ctx: RequestContext, tallies: readonly Tally[], allowed: boolean, now: number): void {
    const tally = tallies[tightest(tallies, allowed)]
    if (tally === undefined) return
    ctx.setHeader('X-RateLimit-Limit', String(tally.capacity))
    ctx.setHeader('X-RateLimit-Remaining', String(tally.remaining))
    ctx.setHeader('X-RateLimit-Reset', String(Math.ceil((now + tally.resetMs) / 1000)))
  }

  private policyField(tallies: readonly Tally[]): string {
    let isSame = true
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      const limit = tally.active ? tally.limit : -1
      if (this.limits[i] === limit) continue
      isSame = false
      const { name, window } = this.policies[i] as Named
      this.limits[i] = limit
      this.items[i] = tally.active ? policyItem(name, limit, window) : ''
    }
    if (!isSame) this.joined = this.items.filter(item => item !== '').join(',')
    return this.joined
  }

  private stateField(tallies: readonly Tally[], allowed: boolean): string {
    let field = ''
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      if (!tally.active || tally.fits !== allowed) continue
      const item = stateItem((this.policies[i] as Named).name, tally.remaining, tally.nextMs)
      field = field === '' ? item : `${field},${item}`
    }
    return field
  }
}
