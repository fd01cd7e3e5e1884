import {
  bindMethods,
  type Clock,
  callback,
  having,
  ignoreRejection,
  isolatedLogger,
  isPromise,
  type LimitDecision,
  type LimitReceipt,
  type Logger,
  type MaybePromise,
  optional,
  RequestError,
  systemClock,
  tightest,
} from '@palisade/core/middleware'
import type { Tally } from './algorithms/algorithm.js'
import { AwaitedLimiter } from './awaited-limiter.js'
import { claimUnnamed } from './counting/names.js'
import {
  checkCost,
  checkNames,
  type EitherNames,
  Policy,
  type QuotaChange,
  type QuotaOptions,
  quotaShape,
} from './counting/policy.js'
import { longestDelay, type OnStoreFailure, onStoreFailure, Quotas } from './counting/quotas.js'
import type { SoleQuota } from './counting/sole-quota.js'
import { Decision, NOBODY, QueuedDecision, UNLIMITED, UNLIMITED_IN_TURN } from './decision.js'
import { boundedKey } from './keys/bounded-key.js'
import { plainKeysOf } from './keys/operator-keys.js'
import { checkLimiterOptions } from './options.js'
import type { ImmediateRateLimiter, RateLimiter } from './rate-limiter.js'
import { isReceipt } from './refunds/receipts.js'
import { type MemoryStore, memoryStore } from './stores/memory/memory-store.js'
import type { LimitStore } from './stores/store.js'

interface LimiterBase {
  /** Where counts are kept. Default `memoryStore()`. */
  store?: LimitStore
  /**
   * What decides while the store does not answer: a limiter in this process (`local`, the default), nobody, so that all pass (`open`), or
   * nobody, so that `consume` rejects with a `RequestError` 503 (`closed`).
   */
  onStoreFailure?: OnStoreFailure
  /** Called for each call that the store has failed; while it is known to be down it is not called. A throw in it is ignored. */
  onStoreError?: (error: unknown) => void
  /** Where each failed call of the store is logged, as a warning. Default nowhere. */
  logger?: Logger
  clock?: Clock
}

/** One policy written flat, or several under `policies`. Functions get the key that is being limited. */
export type LimiterOptions = LimiterBase &
  (EitherNames<QuotaOptions<string>> | { policies: readonly EitherNames<QuotaOptions<string>>[] })

/**
 * The engine of `rateLimit()` without HTTP.
 *
 *     const logins = createLimiter({ limit: 5, window: '15m' })
 *     const { allowed, retryAfterMs, receipt } = logins.consume(user)
 *     if (allowed && passwordIsRight) logins.refund(receipt)
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function createLimiter(options: LimiterOptions & { store?: MemoryStore }): ImmediateRateLimiter
export function createLimiter(options: LimiterOptions): RateLimiter
export function createLimiter(options: LimiterOptions): RateLimiter {
  const owner = 'createLimiter'
  const { quotas: given, rest } = checkLimiterOptions(owner, options, quotaShape, {
    store: optional(having<LimitStore>('a store, such as memoryStore()', 'open')),
    onStoreFailure,
    onStoreError: optional(callback<(error: unknown) => void>('a function of the error')),
    logger: optional(having<Logger>("a logger of pino's shape", 'debug', 'info', 'warn', 'error')),
    clock: optional(having<Clock>('a clock', 'now', 'monotonic')),
  })
  const policies = given.map(({ policy, at }) => new Policy<string>(policy, at))
  checkNames(owner, policies)
  const store = rest.store ?? memoryStore()
  const quotas = new Quotas<string>(owner, policies, store, rest.onStoreFailure)
  const limiter = new QuotaLimiter(
    quotas,
    rest.clock ?? systemClock,
    rest.onStoreFailure,
    tells(rest.onStoreFailure, rest.onStoreError, rest.logger),
  )
  const names = policies.map(({ name }) => name)
  claimUnnamed(owner, store, names, limiter)
  const face = quotas.isImmediate ? limiter : new AwaitedLimiter(limiter)
  return bindMethods<RateLimiter>(face, 'consume', 'refund', 'setLimit', 'reset')
}

/** Tells whoever wants to know that the store has failed. */
function tells(
  policy: OnStoreFailure,
  onStoreError: ((error: unknown) => void) | undefined,
  logger: Logger | undefined,
): (error: unknown) => void {
  const log = logger && isolatedLogger(logger)
  return error => {
    log?.warn({ err: error, policy }, 'the store of a limiter failed')
    try {
      ignoreRejection(onStoreError?.(error))
    } catch {
      // Whoever watches must not decide whether an attempt is allowed.
    }
  }
}

class QuotaLimiter implements RateLimiter {
  private readonly quotas: Quotas<string>
  private readonly names: readonly string[]
  private readonly clock: Clock
  private readonly failsOpen: boolean
  /** Whether an allowed attempt may have to wait for its turn. */
  private readonly queues: boolean
  private readonly unlimited: LimitDecision
  private readonly onStoreError: (error: unknown) => void

  constructor(
    quotas: Quotas<string>,
    clock: Clock,
    onFailure: OnStoreFailure,
    onStoreError: (error: unknown) => void,
  ) {
    this.quotas = quotas
    this.names = Object.freeze(quotas.policies.map(({ name }) => name))
    this.clock = clock
    this.failsOpen = onFailure === 'open'
    this.queues = quotas.policies.some(({ queues }) => queues)
    this.unlimited = this.queues ? UNLIMITED_IN_TURN : UNLIMITED
    this.onStoreError = onStoreError
  }

  consume(key: string, cost?: number): MaybePromise<LimitDecision> {
    if (typeof key !== 'string' || key === '') throw wrongKey(key)
    if (cost !== undefined) checkCost(cost, 'consume: the cost')
    const { sole } = this.quotas
    return sole === undefined || this.queues ? this.consumeAll(key, cost) : this.consumeSole(sole, key, cost)
  }

  private consumeSole(sole: SoleQuota<string>, key: string, cost: number | undefined): LimitDecision {
    if (!sole.ask(key, cost)) return UNLIMITED
    const bounded = boundedKey(key)
    return sole.decide(bounded, this.quotas.now(this.clock))
      ? new Decision(true, sole.tally, NOBODY, sole.receiptFor(bounded))
      : new Decision(false, sole.tally, this.names, undefined)
  }

  private consumeAll(key: string, cost: number | undefined): MaybePromise<LimitDecision> {
    const { policies } = this.quotas
    const bounded = boundedKey(key)
    const tallies = this.quotas.begin()
    for (let i = 0; i < policies.length; i++) {
      this.quotas.ask(tallies[i] as Tally, policies[i] as Policy<string>, key, bounded, cost)
    }
    const decided = this.quotas.decide(tallies, this.quotas.now(this.clock), this.onStoreError)
    return isPromise(decided)
      ? decided.then(allowed => this.decisionOf(tallies, allowed))
      : this.decisionOf(tallies, decided)
  }

  refund(receipt: LimitReceipt): MaybePromise<void> {
    if (!isReceipt(receipt) || !this.quotas.owns(receipt))
      throw new TypeError(
        'refund: the receipt is not of this limiter; allowed: the receipt of a decision of it',
      )
    // What a failed store does not give back stays counted, as for an aborted attempt.
    return receipt.redeem(this.quotas.now(this.clock))?.catch(this.onStoreError)
  }

  setLimit(policy: string, change: QuotaChange): void {
    this.quotas.setLimit(policy, change)
  }

  reset(key: string): MaybePromise<void> {
    return this.quotas.reset(plainKeysOf(key))
  }

  private decisionOf(tallies: readonly Tally[], allowed: boolean | undefined): LimitDecision {
    if (allowed === undefined) return this.undecided(tallies)
    const tally = tightest(tallies, allowed)
    if (tally === undefined) return this.unlimited
    const refusedBy = allowed ? NOBODY : this.refusing(tallies)
    const receipt = allowed ? this.quotas.receiptOf(tallies) : undefined
    return this.queues
      ? new QueuedDecision(allowed, tally, refusedBy, receipt, allowed ? longestDelay(tallies) : 0)
      : new Decision(allowed, tally, refusedBy, receipt)
  }

  private undecided(tallies: readonly Tally[]): LimitDecision {
    const receipt = this.quotas.lateReceiptOf(tallies)
    if (this.failsOpen) return receipt === undefined ? this.unlimited : { ...this.unlimited, receipt }
    throw new RequestError(503, 'The service is temporarily unavailable')
  }

  private refusing(tallies: readonly Tally[]): readonly string[] {
    return this.names.filter((_, i) => isRefusing(tallies[i] as Tally))
  }
}

function wrongKey(key: unknown): TypeError {
  return new TypeError(`consume: the key is ${JSON.stringify(key)}; allowed: a string that is not empty`)
}

function isRefusing(tally: Tally): boolean {
  return tally.active && !tally.fits
}
