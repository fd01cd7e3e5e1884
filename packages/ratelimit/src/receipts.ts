import type { LimitReceipt } from '@palisade/core'
import type { Share } from './quotas.js'
import type { Engine } from './stores/store.js'

/** Proof of what one attempt took. It belongs to the limiter that made it, and works once. */
export class Receipt implements LimitReceipt {
  readonly key: string
  private readonly engine: Engine
  private shares: readonly Share[]

  constructor(key: string, engine: Engine, shares: readonly Share[]) {
    this.key = key
    this.engine = engine
    this.shares = shares
  }

  belongsTo(engine: Engine): boolean {
    return this.engine === engine
  }

  /** Gives back what was taken, the first time. A promise only when the store has to be waited for. */
  redeem(now: number): void | Promise<void> {
    const { shares } = this
    this.shares = []
    const pending: Promise<void>[] = []
    for (const share of shares) {
      const answer = this.engine.refund(share.policy, share.key, share, now)
      if (answer instanceof Promise) pending.push(answer)
    }
    if (pending.length > 0) return Promise.all(pending).then(() => undefined)
  }
}
