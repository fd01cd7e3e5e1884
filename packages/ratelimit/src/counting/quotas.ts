import {
  type Clock,
  checkOptions,
  integer,
  isPromise,
  type MaybePromise,
  oneOf,
  optional,
  refuse,
  tightest,
} from '@palisade/core/middleware'
import { type AnyReceipt, type Counter, LateReceipt, type RealCost, Receipt } from '../refunds/receipts.js'
import { ResetLog } from '../refunds/reset-log.js'
import { memoryStore } from '../stores/memory/memory-store.js'
import type { LimitEngine, LimitStore } from '../stores/store.js'
import { Attempt } from './attempt.js'
import { checkCost, type Policy, type QuotaChange } from './policy.js'

/**
 * What decides while the store does not answer. `local`: a limiter in this process, which begins
 * with empty counts. `open`: all pass. `closed`: none passes.
 */
export type OnStoreFailure = 'local' | 'open' | 'closed'

export const onStoreFailure = optional<OnStoreFailure>(oneOf('local', 'open', 'closed'), 'local')

/** What one request asks of all policies, and which engine answered. */
export interface Attempts {
  /** One for each policy. */
  readonly each: readonly Attempt[]
  /** The policies of the engine that decided. */
  counters: readonly Counter[]
  /** What the store may have taken all the same, when it did not answer in time. */
  late: LateReceipt | undefined
}

/**
 * The policies of one limiter with the engine that counts for them: what `rateLimit()` and
 * `createLimiter()` have in common.
 */
export class Quotas<Source, P extends Policy<Source> = Policy<Source>> {
  readonly policies: readonly P[]
  private readonly engine: LimitEngine
  private readonly owner: string
  /** Decides in this process while the store does not. */
  private readonly local: LimitEngine | undefined
  /** Used again and again by an immediate engine. */
  private readonly attempts: Attempts
  private readonly counters: readonly Counter[]
  private readonly localCounters: readonly Counter[]
  private readonly failsOpen: boolean
  private readonly resets = new ResetLog()

  constructor(owner: string, policies: readonly P[], store: LimitStore, onFailure: OnStoreFailure) {
    this.owner = owner
    this.policies = policies
    this.failsOpen = onFailure === 'open'
    this.engine = store.open(owner, policies)
    this.local =
      this.engine.immediate || onFailure !== 'local' ? undefined : memoryStore().open(owner, policies)
    this.counters = this.countersOf(this.engine)
    this.localCounters = this.local === undefined ? this.counters : this.countersOf(this.local)
    this.attempts = this.newAttempts()
  }

  /** Whether no decision is a promise. */
  get isImmediate(): boolean {
    return this.engine.immediate
  }

  /** The moment of an attempt, in the time that the engine counts by. */
  now(clock: Clock): number {
    return (this.local ?? this.engine).now(clock)
  }

  /** The attempts of one request; all must be filled by `ask`, or set inactive. */
  begin(): Attempts {
    return this.engine.immediate ? this.attempts : this.newAttempts()
  }

  /** Fills in what an attempt asks of a policy: `cost`, or what the policy says. */
  ask(attempt: Attempt, policy: P, source: Source, key: string, cost: number | undefined): void {
    attempt.key = key
    if (policy.isFixed) {
      attempt.active = true
      attempt.cost = cost === undefined ? policy.cost : cost
      attempt.limit = policy.limit
      attempt.capacity = policy.capacity
    } else policy.fill(attempt, source, cost)
  }

  /**
   * Decides what was asked. `undefined` when the store failed and nothing else may decide: then
   * `open` lets through and `closed` refuses. Synchronous when the store is, and when it is known
   * to be down.
   */
  decide(
    attempts: Attempts,
    now: number,
    onError: (error: unknown) => void,
  ): MaybePromise<boolean | undefined> {
    const { engine } = this
    if (!engine.available) return this.decideWithoutStore(attempts, now)
    return engine.immediate ? engine.decide(attempts.each, now) : this.decideElsewhere(attempts, now, onError)
  }

  /** The attempt to speak of: of the policy closest to its limit, or of the longest wait. */
  tightest({ each }: Attempts, allowed: boolean): Attempt | undefined {
    const first = each[0] as Attempt
    return each.length === 1 && first.active ? first : tightest(each, allowed)
  }

  /** The receipt for what an allowed attempt has just taken; `undefined` when that was nothing. */
  receiptOf({ each, counters, late }: Attempts): AnyReceipt | undefined {
    let receipt: AnyReceipt | undefined = late
    for (let i = 0; i < each.length; i++) {
      const attempt = each[i] as Attempt
      if (attempt.active && attempt.cost > 0) receipt = new Receipt(attempt, counters[i] as Counter, receipt)
    }
    return receipt
  }

  owns(receipt: AnyReceipt): boolean {
    return receipt.isOf(this.engine) || (this.local !== undefined && receipt.isOf(this.local))
  }

  /** @throws RangeError for what no cost can be @throws TypeError for the name of no policy */
  checkRealCost(cost: RealCost, what: string): void {
    if (typeof cost !== 'object' || cost === null) {
      checkCost(cost, what)
      return
    }
    const names = this.policies.map(({ name }) => name)
    for (const [name, one] of Object.entries(cost)) {
      if (!names.includes(name))
        throw new TypeError(
          `${what} is of "${name}"; allowed: the names of its policies, ${names.join(', ')}`,
        )
      if (one !== undefined) checkCost(one, `${what} of "${name}"`)
    }
  }

  /**
   * ResetLog what was counted for these keys. A promise only when the store has to be waited for.
   */
  reset(keys: readonly string[]): MaybePromise<void> {
    const pending: PromiseLike<unknown>[] = []
    for (const key of keys) {
      this.resets.add(key)
      this.local?.reset(key)
      const done = this.engine.reset(key)
      if (isPromise(done)) pending.push(done)
    }
    if (pending.length > 0) return Promise.all(pending).then(() => undefined)
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

  private decideElsewhere(
    attempts: Attempts,
    now: number,
    onError: (error: unknown) => void,
  ): MaybePromise<boolean | undefined> {
    const { each } = attempts
    const decided = this.engine.decide(each, now, taken => {
      const receipt = this.receiptOf({ each: taken, counters: this.counters, late: undefined })
      if (receipt !== undefined) attempts.late?.arrived(receipt, now)
    })
    if (typeof decided === 'boolean') return decided
    return decided.catch(error => {
      onError(error)
      return this.decideLate(attempts, now)
    })
  }

  /** The store has failed, and may have counted all the same. */
  private decideLate(attempts: Attempts, now: number): boolean | undefined {
    const allowed = this.decideWithoutStore(attempts, now)
    const taking = attempts.each.find(({ active, cost }) => active && cost > 0)
    if (taking === undefined) return allowed
    attempts.late = new LateReceipt(taking.key, this.engine)
    // A refused attempt consumes nothing, whatever refuses it.
    if (!(allowed ?? this.failsOpen)) attempts.late.settle(0, now)
    return allowed
  }

  private decideWithoutStore(attempts: Attempts, now: number): boolean | undefined {
    if (this.local === undefined) return undefined
    attempts.counters = this.localCounters
    return this.local.decide(attempts.each, now) as boolean
  }

  private newAttempts(): Attempts {
    const each = this.policies.map(({ window }) => new Attempt(window))
    return { each, counters: this.counters, late: undefined }
  }

  private countersOf(engine: LimitEngine): readonly Counter[] {
    const { resets } = this
    return this.policies.map(({ name, window }, policy) => ({ name, window, engine, policy, resets }))
  }
}

/** How long an allowed attempt has to wait for its turn. */
export function longestDelay({ each }: Attempts): number {
  let longest = 0
  for (const { active, delayMs } of each) if (active && delayMs > longest) longest = delayMs
  return longest
}
