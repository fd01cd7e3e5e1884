import type { LimitReceipt } from '@palisade/core/middleware'
import type { Taken, Tally } from '../algorithms/algorithm.js'
import type { Engine } from '../stores/store.js'
import type { Forgotten } from './forgotten.js'

/** Where a receipt can be redeemed: a policy of an engine. */
export interface Counter {
  readonly engine: Engine
  readonly policy: number
  /** Of the keys that were reset, in the order of that. */
  readonly resets: Forgotten
}

/** What belongs to the limiter that made it, and works once. */
interface Redeemable extends LimitReceipt {
  /** Whether it can be redeemed there. */
  isOf(engine: Engine): boolean
  /** Gives back what was taken, the first time. A promise only when the store has to be waited for. */
  redeem(now: number): Promise<void> | undefined
}

/**
 * Proof of what one attempt took from one policy, and from the others.
 *
 * Only the key is a property: a log or a serialiser would follow the others to the store, and write the keys of
 * all clients.
 */
export class Receipt implements Redeemable, Taken {
  readonly key: string
  readonly #cost: number
  readonly #limit: number
  readonly #mark: number
  readonly #depth: number
  readonly #counter: Counter
  readonly #taken: number
  #others: Redeemable | undefined | 'spent'

  constructor(key: string, tally: Tally, counter: Counter, others: Redeemable | undefined) {
    this.key = key
    this.#cost = tally.cost
    this.#limit = tally.limit
    this.#mark = tally.mark
    this.#depth = tally.depth
    this.#counter = counter
    this.#taken = counter.resets.now
    this.#others = others
  }

  get cost(): number {
    return this.#cost
  }

  get limit(): number {
    return this.#limit
  }

  get mark(): number {
    return this.#mark
  }

  get depth(): number {
    return this.#depth
  }

  isOf(engine: Engine): boolean {
    return engine === this.#counter.engine
  }

  redeem(now: number): Promise<void> | undefined {
    const next = this.#others
    if (next === 'spent') return undefined
    this.#others = 'spent'
    const { engine, policy, resets } = this.#counter
    // What was taken before a reset is gone, and must not be given back of what was counted since.
    const mine = resets.isSince(this.#taken, this.key)
      ? undefined
      : engine.refund(policy, this.key, this, now)
    const others = next?.redeem(now)
    if (mine === undefined || others === undefined) return mine ?? others
    return Promise.all([mine, others]).then(() => undefined)
  }
}

/**
 * For an attempt that the store did not answer in time. It may be counted all the same, and whoever never hears of that could not give it back: what is
 * given back before the answer is there is sent when it comes.
 */
export class LateReceipt implements Redeemable {
  readonly key: string
  readonly #engine: Engine
  #taken: Redeemable | undefined
  #isRedeemed = false

  constructor(key: string, engine: Engine) {
    this.key = key
    this.#engine = engine
  }

  isOf(engine: Engine): boolean {
    return engine === this.#engine
  }

  /** The store has answered, and this is what it took. */
  arrived(taken: AnyReceipt, now: number): void {
    if (!this.#isRedeemed) this.#taken = taken
    // The request has long been answered: what the store does not take back stays counted.
    else taken.redeem(now)?.catch(() => {})
  }

  redeem(now: number): Promise<void> | undefined {
    this.#isRedeemed = true
    return this.#taken?.redeem(now)
  }
}

export type AnyReceipt = Receipt | LateReceipt

export function isReceipt(receipt: LimitReceipt): receipt is AnyReceipt {
  return receipt instanceof Receipt || receipt instanceof LateReceipt
}
