import {
  booleanResult,
  isPromise,
  type LimitDecision,
  type Limiter,
  type LimitHeaderOptions,
  LimitHeaders,
  type Logger,
  type MaybePromise,
  type QuotaState,
  type Services,
  SharedHeaders,
  wrongResult,
} from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import { attemptReserved } from '../attempts/reservation.js'
import type { Attempt, Failed, Refused } from '../strategy.js'
import type { ApiKeyRecord, Rate } from './record.js'
import type { ApiKeyStore } from './stores/store.js'

/**
 * Makes a limiter for a rate; `createLimiter` of `@palisade/ratelimit` does. Keys count by their
 * id.
 */
export type MakeLimiter = (rate: { readonly limit: number; readonly window: number }) => Limiter

export interface KeyLimitsOptions {
  readonly store: ApiKeyStore
  readonly make: MakeLimiter | undefined
  /** Of keys that have no rate of their own. */
  readonly defaultRate: Rate | undefined
  readonly headers: LimitHeaderOptions
}

/** The limit of one key, and how headers show it. */
export interface KeyLimit {
  readonly id: string
  readonly owner: string
  readonly rate: Rate | undefined
  readonly quota: Rate | undefined
  readonly headers: LimitHeaders
}

/** How headers name the two. */
const RATE = 'api-key'
const QUOTA = 'api-key-quota'
const MOST_RATES = 1000
const NEVER = Number.POSITIVE_INFINITY

const UNLIMITED: QuotaState = Object.freeze({
  active: false,
  fits: true,
  limit: 0,
  capacity: 0,
  remaining: 0,
  resetMs: 0,
  retryMs: 0,
  nextMs: 0,
})

/**
 * The rate limits and quotas of keys: counted, and told in the headers that `rateLimit()` writes
 * too.
 */
export class KeyLimits {
  readonly #options: KeyLimitsOptions
  readonly #limiters: LRUCache<string, Limiter>
  /** Keys have policies of their own, but one of them at most is used in a request. */
  readonly #shared = new SharedHeaders()
  #logger: Logger | undefined

  constructor(options: KeyLimitsOptions) {
    this.#options = options
    this.#limiters = new LRUCache({ max: MOST_RATES, dispose: limiter => void limiter.dispose?.() })
  }

  setup(services: Services): void {
    this.#logger = services.logger
    const { legacy = true, draft = true } = this.#options.headers
    if (legacy || draft) this.#shared.join(services)
  }

  dispose(): void {
    this.#limiters.clear()
  }

  /** What limits a key; `undefined` when nothing does. */
  of({ id, owner, rateLimit, quota }: ApiKeyRecord): KeyLimit | undefined {
    const { defaultRate, headers } = this.#options
    const rate = rateLimit === false ? undefined : (rateLimit ?? defaultRate)
    if (rate === undefined && quota === undefined) return undefined
    const policies = [
      { name: RATE, window: rate?.window ?? 0 },
      { name: QUOTA, window: quota?.window ?? 0 },
    ]
    return { id, owner, rate, quota, headers: new LimitHeaders(policies, headers, this.#shared) }
  }

  /**
   * Counts one use. `undefined`: it is within the limits. A refused use consumes nothing: the rate
   * limit refuses before the quota is counted, and is refunded if the quota refuses.
   */
  spend(limit: KeyLimit, attempt: Attempt): MaybePromise<Refused | Failed | undefined> {
    if (limit.rate === undefined) return this.#spendQuota(limit, UNLIMITED, attempt)
    const limiter = this.#limiterOf(limit.rate)
    if (limiter === undefined) return NO_LIMITER
    return chain(limiter.consume(limit.id), decision => {
      const state = stateOf(checked(decision))
      if (state.fits)
        return attemptReserved(
          { limiter, decision, consumes: refusal => refusal === undefined, failed: this.#refundFailed },
          () => this.#spendQuota(limit, state, attempt),
        )
      attempt.tellLimits(limit.headers, [state, UNLIMITED], false)
      return exhausted(limit.owner, 'rate limit', state.retryMs)
    })
  }

  #spendQuota(limit: KeyLimit, rate: QuotaState, attempt: Attempt): MaybePromise<Refused | undefined> {
    const { id, owner, quota, headers } = limit
    if (quota === undefined) {
      attempt.tellLimits(headers, [rate, UNLIMITED], true)
      return undefined
    }
    const end = periodEnd(quota, attempt.now)
    const untilEnd = end - attempt.now
    // Kept for one period more: if the clock is set back, the period lasts longer than it seemed
    // to.
    const keptMs = untilEnd + quota.window
    const counted = this.#options.store.count(`${id}:${quota.window}:${end}`, keptMs, quota.limit)
    return chain(counted, count => {
      const state = stateOfQuota(quota, count, untilEnd)
      attempt.tellLimits(headers, [rate, state], state.fits)
      return state.fits ? undefined : exhausted(owner, 'quota', untilEnd)
    })
  }

  readonly #refundFailed = (error: unknown) =>
    this.#logger?.warn({ err: error }, 'the rate limit of an API key could not be refunded')

  #limiterOf(rate: Rate): Limiter | undefined {
    const { make } = this.#options
    const name = `${rate.limit}/${rate.window}`
    const known = this.#limiters.get(name)
    if (known !== undefined || make === undefined) return known
    const made: unknown = make(rate)
    if (!isLimiter(made)) throw wrongResult('apiKeys: limiter', made, 'a Limiter, as createLimiter() makes')
    this.#limiters.set(name, made)
    return made
  }
}

function isLimiter(value: unknown): value is Limiter {
  const { consume, refund } = (value ?? {}) as Partial<Limiter>
  return typeof consume === 'function' && typeof refund === 'function'
}

/** @throws TypeError for a decision that does not say whether the attempt is allowed */
function checked(decision: unknown): LimitDecision {
  const name = 'apiKeys: the decision of the limiter'
  if (typeof decision !== 'object' || decision === null) throw wrongResult(name, decision, 'a LimitDecision')
  booleanResult(`${name}: allowed`, (decision as { allowed?: unknown }).allowed)
  return decision as LimitDecision
}

/** A limiter without a quota in its decision, as while its store is down, gets no headers. */
function stateOf({ allowed, limit, remaining, resetMs, retryAfterMs }: LimitDecision): QuotaState {
  const fits = allowed
  return {
    active: [limit, remaining, resetMs].every(Number.isFinite),
    fits,
    limit,
    capacity: limit,
    remaining,
    resetMs,
    retryMs: retryAfterMs,
    nextMs: fits ? resetMs : Number.isFinite(retryAfterMs) ? retryAfterMs : NEVER,
  }
}

function stateOfQuota({ limit }: Rate, count: number, untilEnd: number): QuotaState {
  return {
    active: true,
    fits: count <= limit,
    limit,
    capacity: limit,
    remaining: Math.max(0, limit - count),
    resetMs: untilEnd,
    retryMs: untilEnd,
    nextMs: untilEnd,
  }
}

/** When the period of a rate that is running now ends. */
function periodEnd({ window }: Rate, now: number): number {
  return (Math.floor(now / window) + 1) * window
}

const exhausted = (subject: string, reason: string, retryAfterMs: number): Refused => ({
  outcome: 'refused',
  status: 429,
  message: 'This key has been used too often',
  reason,
  subject,
  isViolation: false,
  ...(Number.isFinite(retryAfterMs) && { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)) }),
})

const NO_LIMITER: Failed = Object.freeze({
  outcome: 'error',
  error: new Error('the key has a rate limit, but apiKeys() has no limiter'),
  reason: 'no limiter',
})

function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? (value as Promise<T>).then(next) : next(value as T)
}
