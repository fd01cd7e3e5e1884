import {
  type Clock,
  checkOptions,
  integer,
  isPromise,
  type MaybePromise,
  oneOf,
  optional,
  refuse,
} from '@palisade/core/middleware'
import { Tally } from '../algorithms/algorithm.js'
import { Forgotten } from '../refunds/forgotten.js'
import { type AnyReceipt, type Counter, LateReceipt, Receipt } from '../refunds/receipts.js'
import { memoryStore } from '../stores/memory/memory-store.js'
import type { Engine, LimitStore } from '../stores/store.js'
import type { Policy, QuotaChange } from './policy.js'
import { isDirect, SoleQuota } from './sole-quota.js'

/**
 * What decides while the store does not: a limiter in this process, which begins with empty counts (`local`), nothing, and all pass
 * (`open`), or nothing, and none passes (`closed`).
 */
export type OnStoreFailure = 'local' | 'open' | 'closed'

export const onStoreFailure = optional<OnStoreFailure>(oneOf('local', 'open', 'closed'), 'local')

/** The policies of one limiter with the engine that counts for them: what `rateLimit()` and `createLimiter()` have in common. */
export class Quotas<Source, P extends Policy<Source> = Policy<Source>> {
  readonly policies: readonly P[]
  /** Set for the usual limiter: one policy, decided at once. */
  readonly sole: SoleQuota<Source> | undefined
  private readonly engine: Engine
  private readonly owner: string
  /** Decides in this process while the store does not. */
  private readonly local: Engine | undefined
  /** Used again and again by an immediate engine. */
  private readonly tallies: readonly Tally[]
  private readonly counters: readonly Counter[]
  private readonly localCounters: readonly Counter[]
  private readonly failsOpen: boolean
  private readonly resets = new Forgotten()

  constructor(owner: string, policies: readonly P[], store: LimitStore, onFailure: OnStoreFailure) {
    this.owner = owner
    this.policies = policies
    this.failsOpen = onFailure === 'open'
    this.engine = store.open(owner, policies)
    this.local =
      this.engine.immediate || onFailure !== 'local' ? undefined : memoryStore().open(owner, policies)
    this.tallies = this.newTallies()
    this.counters = countersOf(policies, this.engine, this.resets)
    this.localCounters =
      this.local === undefined ? this.counters : countersOf(policies, this.local, this.resets)
    this.sole = this.soleQuota()
  }

  /** Whether no decision is a promise. */
  get isImmediate(): boolean {
    return this.engine.immediate
  }

  /** The moment of an attempt, in the time that the engine counts by. */
  now(clock: Clock): number {
    return (this.local ?? this.engine).now(clock)
  }

  /** The tallies for one attempt; all must be filled by `ask`, or set inactive. */
  begin(): readonly Tally[] {
    return this.engine.immediate ? this.tallies : this.newTallies()
  }

  /** Fills one tally with what an attempt asks of its policy: `cost`, or what the policy says. */
  ask(tally: Tally, policy: P, source: Source, key: string, cost: number | undefined): void {
    tally.key = key
    tally.cost = cost === undefined ? policy.costFor(source) : cost
    tally.active = policy.fill(tally, source)
  }

  /**
   * Decides what was asked. `undefined` when the store failed and nothing else may decide: then `open` lets through and `closed` refuses.
   * Synchronous when the store is, and when it is known to be down.
   */
  decide(
    tallies: readonly Tally[],
    now: number,
    onError: (error: unknown) => void,
  ): MaybePromise<boolean | undefined> {
    if (!this.engine.available) return this.decideWithoutStore(tallies, now)
    return this.engine.immediate
      ? this.engine.decide(tallies, now)
      : this.decideElsewhere(tallies, now, onError)
  }

  /** The receipt for what an allowed attempt has just taken; `undefined` when that was nothing. */
  receiptOf(tallies: readonly Tally[]): AnyReceipt | undefined {
    let receipt: AnyReceipt | undefined = this.lateReceiptOf(tallies)
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      if (takes(tally)) receipt = new Receipt(tally.key, tally, this.counterOf(tally, i), receipt)
    }
    return receipt
  }

  /** The receipt for what the store may have taken from an attempt that nobody decided. */
  lateReceiptOf(tallies: readonly Tally[]): LateReceipt | undefined {
    return tallies[0]?.late
  }

  owns(receipt: AnyReceipt): boolean {
    return receipt.isOf(this.engine) || (this.local !== undefined && receipt.isOf(this.local))
  }

  /** Resets what was counted for these keys. A promise only when the store has to be waited for. */
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
    tallies: readonly Tally[],
    now: number,
    onError: (error: unknown) => void,
  ): MaybePromise<boolean | undefined> {
    let late: LateReceipt | undefined
    const decided = this.engine.decide(tallies, now, taken => {
      const receipt = this.receiptOf(taken)
      if (receipt !== undefined) late?.arrived(receipt, now)
    })
    if (typeof decided === 'boolean') return decided
    return decided.catch(error => {
      onError(error)
      const allowed = this.decideWithoutStore(tallies, now)
      const taking = tallies.find(takes)
      if (taking === undefined) return allowed
      late = new LateReceipt(taking.key, this.engine)
      for (const tally of tallies) tally.late = late
      // A refused attempt consumes nothing, whoever refuses it.
      if (!(allowed ?? this.failsOpen)) late.redeem(now)
      return allowed
    })
  }

  private decideWithoutStore(tallies: readonly Tally[], now: number): MaybePromise<boolean | undefined> {
    if (this.local === undefined) return undefined
    for (const tally of tallies) tally.isLocal = true
    return this.local.decide(tallies, now)
  }

  private counterOf({ isLocal }: Tally, policy: number): Counter {
    return (isLocal ? this.localCounters : this.counters)[policy] as Counter
  }

  private soleQuota(): SoleQuota<Source> | undefined {
    const { engine } = this
    const [policy, second] = this.policies
    if (policy === undefined || second !== undefined || !isDirect(engine)) return undefined
    return new SoleQuota<Source>(policy, this.tallies[0] as Tally, engine, this.counters[0] as Counter)
  }

  private newTallies(): readonly Tally[] {
    return this.policies.map(policy => new Tally(policy.window))
  }
}

function takes({ active, cost }: Tally): boolean {
  return active && cost > 0
}

function countersOf(policies: readonly unknown[], engine: Engine, resets: Forgotten): readonly Counter[] {
  return policies.map((_, policy) => ({ engine, policy, resets }))
}

/** How long an allowed attempt has to wait for its turn. */
export function longestDelay(tallies: readonly Tally[]): number {
  let longest = 0
  for (const { active, delayMs } of tallies) if (active && delayMs > longest) longest = delayMs
  return longest
}
