import type { LimitReceipt } from '@palisade/core'
import type { Taken, Tally } from './algorithms/algorithm.js'
import type { Engine } from './stores/store.js'

/** Where a receipt can be redeemed: a policy of an engine. */
export interface Counter {
  readonly engine: Engine
  readonly policy: number
}

/** Proof of what one attempt took from one policy, and from the others. It belongs to the limiter that made it, and works once. */
export class Receipt implements LimitReceipt, Taken {
  readonly key: string
  readonly cost: number
  readonly limit: number
  readonly mark: number
  readonly depth: number
  readonly counter: Counter
  private others: Receipt | undefined | 'spent'

  constructor(key: string, tally: Tally, counter: Counter, others: Receipt | undefined) {
    this.key = key
    this.cost = tally.cost
    this.limit = tally.limit
    this.mark = tally.mark
    this.depth = tally.depth
    this.counter = counter
    this.others = others
  }

  /** Gives back what was taken, the first time. A promise only when the store has to be waited for. */
  redeem(now: number): Promise<void> | undefined {
    const next = this.others
    if (next === 'spent') return undefined
    this.others = 'spent'
    const { engine, policy } = this.counter
    const mine = engine.refund(policy, this.key, this, now)
    const others = next?.redeem(now)
    if (mine === undefined || others === undefined) return mine ?? others
    return Promise.all([mine, others]).then(() => undefined)
  }
}
