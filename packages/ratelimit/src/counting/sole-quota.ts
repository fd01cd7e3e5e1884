import type { Tally } from '../algorithms/algorithm.js'
import { type Counter, Receipt } from '../refunds/receipts.js'
import type { DirectEngine, Engine } from '../stores/store.js'
import type { Policy } from './policy.js'

/**
 * The only policy of a limiter whose engine answers at once: what most limiters are. It does what `Quotas` does, without going through lists
 * and without asking whether there is something to wait for.
 */
export class SoleQuota<Source> {
  /** What is asked and what was decided. Its `key` is set by whoever has somebody read it. */
  readonly tally: Tally
  private readonly policy: Policy<Source>
  private readonly engine: DirectEngine
  private readonly counter: Counter

  constructor(policy: Policy<Source>, tally: Tally, engine: DirectEngine, counter: Counter) {
    this.policy = policy
    this.tally = tally
    this.engine = engine
    this.counter = counter
  }

  /** Fills in what an attempt asks: `cost`, or what the policy says. Returns whether the quota applies. */
  ask(source: Source, cost: number | undefined): boolean {
    this.tally.cost = cost === undefined ? this.policy.costFor(source) : cost
    return this.policy.fill(this.tally, source)
  }

  decide(key: string, now: number): boolean {
    return this.engine.decideOne(this.tally, key, now)
  }

  /** The receipt for what an allowed attempt has just taken; `undefined` when that was nothing. */
  receiptFor(key: string): Receipt | undefined {
    return this.tally.cost === 0 ? undefined : new Receipt(key, this.tally, this.counter, undefined)
  }
}

export function isDirect(engine: Engine): engine is DirectEngine {
  return 'decideOne' in engine
}
