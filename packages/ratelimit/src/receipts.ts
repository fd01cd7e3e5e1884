import type { LimitReceipt } from '@palisade/core'
import type { Taken, Tally } from './algorithms/algorithm.js'
import type { Engine } from './stores/store.js'

/** Proof of what one attempt took from one policy, and from the others. It belongs to the limiter that made it, and works once. */
export class Receipt implements LimitReceipt, Taken {
  readonly key: string
  readonly cost: number
  readonly limit: number
  readonly mark: number
  readonly depth: number
  readonly engine: Engine
  private readonly policy: number
  private readonly others: Receipt | undefined
  private isSpent = false

  constructor(tally: Tally, engine: Engine, policy: number, others: Receipt | undefined) {
    this.key = tally.key
    this.cost = tally.cost
    this.limit = tally.limit
    this.mark = tally.mark
    this.depth = tally.depth
    this.engine = engine
    this.policy = policy
    this.others = others
  }

  /** Gives back what was taken, the first time. A promise only when the store has to be waited for. */
  redeem(now: number): Promise<void> | undefined {
    if (this.isSpent) return undefined
    this.isSpent = true
    const mine = this.engine.refund(this.policy, this.key, this, now)
    const others = this.others?.redeem(now)
    if (mine === undefined || others === undefined) return mine ?? others
    return Promise.all([mine, others]).then(() => undefined)
  }
}
