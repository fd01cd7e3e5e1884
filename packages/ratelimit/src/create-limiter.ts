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
} from '@palisade/core/middleware'
import { AwaitedLimiter } from './awaited-limiter.js'
import type { Attempt } from './counting/attempt.js'
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
import {
  type Attempts,
  longestDelay,
  type OnStoreFailure,
  onStoreFailure,
  Quotas,
} from './counting/quotas.js'
import { boundedKey } from './keys/bounded-key.js'
import { plainKeysOf } from './keys/operator-keys.js'
import { checkLimiterOptions } from './options.js'
import type { ImmediateRateLimiter, RateLimiter } from './rate-limiter.js'
import { isReceipt, type RealCost } from './refunds/receipts.js'
import { type MemoryStore, memoryStore } from './stores/memory/memory-store.js'
import type { LimitStore } from './stores/store.js'

interface LimiterBase {
  /** Where counts are kept. Default `memoryStore()`. */
  store?: LimitStore
  /**
   * What decides while the store does not answer. `local` (default): a limiter in this process.
   * `open`: all pass. `closed`: `consume` rejects with a `RequestError` 503.
   */
  onStoreFailure?: OnStoreFailure
  /**
   * Called for each call that the store has failed; while it is known to be down it is not called.
   * A throw in it is ignored.
   */
  onStoreError?: (error: unknown) => void
  /** Where each failed call of the store is logged, as a warning. Default nowhere. */
  logger?: Logger
  clock?: Clock
}

/**
 * One policy written flat, or several under `policies`. Functions get the key that is being
 * limited.
 */
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
    reporter(rest.onStoreFailure, rest.onStoreError, rest.logger),
  )
  const names = policies.map(({ name }) => name)
  claimUnnamed(owner, store, names, limiter)
  const face = quotas.isImmediate ? limiter : new AwaitedLimiter(limiter)
  return bindMethods<RateLimiter>(face, 'consume', 'refund', 'settle', 'setLimit', 'reset')
}

/** Reports that the store has failed. A failure of the report does not decide an attempt. */
function reporter(
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
      // The team's callback: its fault is not the caller's.
    }
  }
}

class QuotaLimiter implements RateLimiter {
  readonly #quotas: Quotas<string>
  readonly #clock: Clock
  readonly #failsOpen: boolean
  /** Whether an allowed attempt may have to wait for its turn. */
  readonly #queues: boolean
  readonly #unlimited: LimitDecision
  readonly #onStoreError: (error: unknown) => void

  constructor(
    quotas: Quotas<string>,
    clock: Clock,
    onFailure: OnStoreFailure,
    onStoreError: (error: unknown) => void,
  ) {
    this.#quotas = quotas
    this.#clock = clock
    this.#failsOpen = onFailure === 'open'
    this.#queues = quotas.policies.some(({ queues }) => queues)
    this.#unlimited = this.#queues ? UNLIMITED_IN_TURN : UNLIMITED
    this.#onStoreError = onStoreError
  }

  consume(key: string, cost?: number): MaybePromise<LimitDecision> {
    if (typeof key !== 'string' || key === '') throw wrongKey(key)
    if (cost !== undefined) checkCost(cost, 'consume: the cost')
    const quotas = this.#quotas
    const { policies } = quotas
    const bounded = boundedKey(key)
    const attempts = quotas.begin()
    for (let i = 0; i < policies.length; i++)
      quotas.ask(attempts.each[i] as Attempt, policies[i] as Policy<string>, key, bounded, cost)
    const decided = quotas.decide(attempts, quotas.now(this.#clock), this.#onStoreError)
    return isPromise(decided)
      ? decided.then(allowed => this.#decisionOf(attempts, allowed))
      : this.#decisionOf(attempts, decided)
  }

  refund(receipt: LimitReceipt): MaybePromise<void> {
    return this.#correct('refund', receipt, 0)
  }

  settle(receipt: LimitReceipt, cost: RealCost): MaybePromise<void> {
    this.#quotas.checkRealCost(cost, 'settle: the cost')
    return this.#correct('settle', receipt, cost)
  }

  setLimit(policy: string, change: QuotaChange): void {
    this.#quotas.setLimit(policy, change)
  }

  reset(key: string): MaybePromise<void> {
    return this.#quotas.reset(plainKeysOf(key))
  }

  #correct(what: string, receipt: LimitReceipt, cost: RealCost): MaybePromise<void> {
    if (!isReceipt(receipt) || !this.#quotas.owns(receipt))
      throw new TypeError(
        `${what}: the receipt is not of this limiter; allowed: the receipt of a decision of it`,
      )
    // What a failed store does not correct stays counted, as for an aborted attempt.
    return receipt.settle(cost, this.#quotas.now(this.#clock))?.catch(this.#onStoreError)
  }

  #decisionOf(attempts: Attempts, allowed: boolean | undefined): LimitDecision {
    if (!allowed) return allowed === undefined ? this.#undecided(attempts) : this.#refusal(attempts)
    const attempt = this.#quotas.tightest(attempts, true)
    if (attempt === undefined) return this.#unlimited
    const receipt = this.#quotas.receiptOf(attempts)
    return this.#queues ? inTurn(attempts, attempt, receipt) : new AttemptDecision(attempt, NONE, receipt)
  }

  #refusal(attempts: Attempts): LimitDecision {
    const attempt = this.#quotas.tightest(attempts, false) as Attempt
    const refusing = this.#quotas.policies.filter(
      (_, i) => attempts.each[i]?.active && !attempts.each[i]?.fits,
    )
    const names = refusing.map(({ name }) => name)
    return this.#queues
      ? new QueuedDecision(attempt, names, undefined, 0)
      : new AttemptDecision(attempt, names, undefined)
  }

  #undecided({ late }: Attempts): LimitDecision {
    if (this.#failsOpen) return late === undefined ? this.#unlimited : { ...this.#unlimited, receipt: late }
    throw new RequestError(503, 'The service is temporarily unavailable')
  }
}

/**
 * A class, so that V8 keeps one hidden class for all decisions and no number of them in a box of
 * its own. To a caller that reads, spreads or compares it, it is a plain object.
 */
class AttemptDecision implements LimitDecision {
  readonly allowed: boolean
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  readonly retryAfterMs: number
  readonly refusedBy: readonly string[]
  readonly receipt: LimitReceipt | undefined

  constructor(attempt: Attempt, refusedBy: readonly string[], receipt: LimitReceipt | undefined) {
    this.allowed = refusedBy === NONE
    this.limit = attempt.capacity
    this.remaining = attempt.remaining
    this.resetMs = attempt.resetMs
    this.retryAfterMs = attempt.retryMs
    this.refusedBy = refusedBy
    this.receipt = receipt
  }
}

/** The decision of a limiter that queues. */
class QueuedDecision extends AttemptDecision {
  readonly delayMs: number

  constructor(
    attempt: Attempt,
    refusedBy: readonly string[],
    receipt: LimitReceipt | undefined,
    delayMs: number,
  ) {
    super(attempt, refusedBy, receipt)
    this.delayMs = delayMs
  }
}

const NONE: readonly string[] = Object.freeze([])

/** No policy applies to the key, or the store failed open. */
const UNLIMITED: LimitDecision = Object.freeze({
  allowed: true,
  limit: Number.POSITIVE_INFINITY,
  remaining: Number.POSITIVE_INFINITY,
  resetMs: 0,
  retryAfterMs: 0,
  refusedBy: NONE,
  receipt: undefined,
})

const UNLIMITED_IN_TURN: LimitDecision = Object.freeze({ ...UNLIMITED, delayMs: 0 })

function inTurn(attempts: Attempts, attempt: Attempt, receipt: LimitReceipt | undefined): LimitDecision {
  return new QueuedDecision(attempt, NONE, receipt, longestDelay(attempts))
}

function wrongKey(key: unknown): TypeError {
  return new TypeError(`consume: the key is ${JSON.stringify(key)}; allowed: a string that is not empty`)
}
