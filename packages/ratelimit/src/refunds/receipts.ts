import { isPromise, type LimitReceipt } from '@palisade/core/middleware'
import type { Attempt, LimitCharge } from '../counting/attempt.js'
import type { LimitEngine } from '../stores/store.js'
import type { ResetLog } from './reset-log.js'

/** What an attempt really cost: one number for all policies, or one for each that is named. */
export type RealCost = number | Readonly<Record<string, number | undefined>>

/** Where a receipt is settled: a policy of an engine. */
export interface Counter {
  readonly name: string
  readonly window: number
  readonly engine: LimitEngine
  readonly policy: number
  /** Of the keys that were reset, in the order of that. */
  readonly resets: ResetLog
}

/** What belongs to the limiter that made it, and works once. */
interface Settleable extends LimitReceipt {
  /** Whether it is settled there. */
  isOf(engine: LimitEngine): boolean
  /** Corrects the cost, the first time. A promise only when the store has to be waited for. */
  settle(cost: RealCost, now: number): Promise<void> | undefined
}

/**
 * Proof of what one attempt took from one policy, and from the others.
 *
 * Only the key is a property: a log or a serialiser would follow the others to the store, and write
 * the keys of all clients.
 */
export class Receipt implements Settleable, LimitCharge {
  readonly key: string
  readonly #cost: number
  readonly #limit: number
  readonly #mark: number
  readonly #depth: number
  readonly #counter: Counter
  readonly #takenAt: number
  #others: Settleable | undefined | 'spent'

  constructor(attempt: Attempt, counter: Counter, others: Settleable | undefined) {
    this.key = attempt.key
    this.#cost = attempt.cost
    this.#limit = attempt.limit
    this.#mark = attempt.mark
    this.#depth = attempt.depth
    this.#counter = counter
    this.#takenAt = counter.resets.now
    this.#others = others
  }

  get window(): number {
    return this.#counter.window
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

  isOf(engine: LimitEngine): boolean {
    return engine === this.#counter.engine
  }

  settle(cost: RealCost, now: number): Promise<void> | undefined {
    const next = this.#others
    if (next === 'spent') return undefined
    this.#others = 'spent'
    const mine = this.#settleMine(cost, now)
    const others = next?.settle(cost, now)
    if (mine === undefined || others === undefined) return mine ?? others
    return Promise.all([mine, others]).then(() => undefined)
  }

  #settleMine(real: RealCost, now: number): Promise<void> | undefined {
    const { engine, name, policy, resets } = this.#counter
    const cost = typeof real === 'number' ? real : (real[name] ?? this.#cost)
    // What was taken before a reset is gone, and must not be given back of what was counted since.
    if (cost === this.#cost || resets.isSince(this.#takenAt, this.key)) return undefined
    const settled = engine.settle(policy, this, cost, now)
    return isPromise(settled) ? settled : undefined
  }
}

/**
 * For an attempt that the store did not answer in time. It may be counted all the same: what is
 * settled before the answer is there is sent when it comes.
 */
export class LateReceipt implements Settleable {
  readonly key: string
  readonly #engine: LimitEngine
  #taken: Settleable | undefined
  #cost: RealCost | undefined

  constructor(key: string, engine: LimitEngine) {
    this.key = key
    this.#engine = engine
  }

  isOf(engine: LimitEngine): boolean {
    return engine === this.#engine
  }

  /** The store has answered, and this is what it took. */
  arrived(taken: AnyReceipt, now: number): void {
    if (this.#cost === undefined) this.#taken = taken
    // The request has long been answered: what the store does not correct stays counted.
    else taken.settle(this.#cost, now)?.catch(() => {})
  }

  settle(cost: RealCost, now: number): Promise<void> | undefined {
    this.#cost ??= cost
    return this.#taken?.settle(cost, now)
  }
}

export type AnyReceipt = Receipt | LateReceipt

export function isReceipt(receipt: LimitReceipt): receipt is AnyReceipt {
  return receipt instanceof Receipt || receipt instanceof LateReceipt
}
