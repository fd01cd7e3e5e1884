import { checkOptions, integer, optional, refuse } from '@palisade/core'
import { Tally } from './algorithms/algorithm.js'
import type { Policy, QuotaChange } from './policy.js'
import type { Engine, LimitStore } from './stores/store.js'

/** The policies of one limiter with the engine that counts for them: what `rateLimit()` and `createLimiter()` have in common. */
export class Quotas<Source, P extends Policy<Source> = Policy<Source>> {
  readonly policies: readonly P[]
  readonly engine: Engine
  private readonly owner: string
  /** Used again and again by an immediate engine. */
  private readonly tallies: readonly Tally[]

  constructor(owner: string, policies: readonly P[], store: LimitStore) {
    this.owner = owner
    this.policies = policies
    this.engine = store.open(owner, policies)
    this.tallies = this.newTallies()
  }

  /** The tallies for one attempt; all must be filled by `ask`, or set inactive. */
  begin(): readonly Tally[] {
    return this.engine.immediate ? this.tallies : this.newTallies()
  }

  /** Fills one tally with what an attempt asks of its policy. */
  ask(tally: Tally, policy: P, source: Source, key: string): void {
    tally.key = key
    tally.cost = policy.costOf === undefined ? policy.fixedCost : policy.costFor(source)
    tally.active = policy.fill(tally, source)
  }

  /** Changes a quota from the next attempt on; what was counted stays. */
  setLimit(name: string, change: QuotaChange): void {
    const owner = `${this.owner}.setLimit`
    const policy = this.policies.find(known => known.name === name)
    if (policy === undefined) {
      const names = this.policies.map(known => `"${known.name}"`).join(', ')
      refuse({ owner, option: 'name' }, name, `the name of a policy: ${names}`)
    }
    policy.change(
      checkOptions(owner, change, {
        limit: optional(integer({ min: 0 })),
        burst: optional(integer({ min: 1 })),
      }),
      { owner, option: '' },
    )
  }

  private newTallies(): readonly Tally[] {
    return this.policies.map(policy => new Tally(policy.window))
  }
}

/**
 * The policy to speak of: of those that refused, the one that has to be waited for the longest; else the one of whose quota the
 * smallest part is left. -1 when none applies.
 */
export function tightest(tallies: readonly Tally[], allowed: boolean): number {
  let found = -1
  let best: Tally | undefined
  for (let i = 0; i < tallies.length; i++) {
    const tally = tallies[i] as Tally
    if (!tally.active || tally.fits !== allowed) continue
    const isTighter =
      best === undefined ||
      (allowed
        ? tally.remaining * best.capacity < best.remaining * tally.capacity
        : tally.retryMs > best.retryMs)
    if (!isTighter) continue
    best = tally
    found = i
  }
  return found
}
