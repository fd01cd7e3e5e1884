import {
  bindMethods,
  booleanResult,
  callback,
  having,
  isPromise,
  type LimitHeaderOptions,
  LimitHeaders,
  limitHeaderOptions,
  type MaybePromise,
  type Middleware,
  mode,
  type Outcome,
  oneOf,
  optional,
  Reply,
  type RequestContext,
  refuse,
  type Services,
} from '@palisade/core/middleware'
import type { Tally } from './algorithms/algorithm.js'
import { KeyedPolicy } from './counting/keyed-policy.js'
import { claimNames, claimUnnamed, refuseSameNames, releaseNames, releaseUnnamed } from './counting/names.js'
import {
  checkNames,
  type EitherNames,
  type QuotaChange,
  type QuotaOptions,
  quotaShape,
} from './counting/policy.js'
import { longestDelay, type OnStoreFailure, onStoreFailure, Quotas } from './counting/quotas.js'
import type { SoleQuota } from './counting/sole-quota.js'
import { boundedKey } from './keys/bounded-key.js'
import { keyFunction } from './keys/builders.js'
import { type KeyFunction, requireKeyless } from './keys/key-function.js'
import { Resets } from './keys/operator-keys.js'
import { checkLimiterOptions } from './options.js'
import type { AnyReceipt } from './refunds/receipts.js'
import { Refusals } from './refusals.js'
import { memoryStore } from './stores/memory/memory-store.js'
import type { LimitStore } from './stores/store.js'
import { WaitingRoom } from './waiting/waiting-room.js'

/** One quota and whom it is counted for. */
export interface PolicyOptions<State extends object = {}> extends QuotaOptions<RequestContext<State>> {
  /** Default `byClient()`. */
  key?: KeyFunction<State>
}

interface RateLimitBase<State extends object> {
  /** Where counts are kept. Default `memoryStore({ maxKeys: 100_000 })`. */
  store?: LimitStore
  /**
   * What decides while the store does not answer: a limiter in this process (`local`, the default), nobody, so that all pass without
   * limit headers (`open`), or nobody, so that all are refused with 503 (`closed`). Never a 429.
   */
  onStoreFailure?: OnStoreFailure
  /**
   * What counts. `all` (default): every request. `failures` and `successes`: every request is counted before the handler runs, and what does
   * not count is given back when the response has ended; an aborted request stays counted.
   */
  count?: 'all' | 'failures' | 'successes'
  /** Only with `count: 'failures'` or `'successes'`. What a failure is. Default: an error, or a status from 400. */
  isFailure?: (outcome: Outcome) => boolean
  headers?: LimitHeaderOptions
  /** A request that lacks the key of a policy is refused with 400 (default), or not counted by that policy. */
  whenKeyMissing?: 'refuse' | 'skip'
  /** `shadow` counts and tells, sets no header and refuses nothing. Default `enforce`. */
  mode?: 'enforce' | 'shadow'
  /** Requests that are neither counted nor refused. */
  skip?: (ctx: RequestContext<State>) => boolean
}

/** One policy written flat, or several under `policies`. */
export type RateLimitOptions<State extends object = {}> = RateLimitBase<State> &
  (EitherNames<PolicyOptions<State>> | { policies: readonly EitherNames<PolicyOptions<State>>[] })

export interface RateLimitMiddleware<State extends object = {}> extends Middleware<State> {
  /** Changes a quota from the next request on; what was counted stays. @throws ConfigError */
  setLimit(policy: string, change: QuotaChange): void
  /**
   * Resets what all policies have counted for a key: the address of a client in any notation, a user or an API key where
   * the key function of this package counts by that, or what the key function returns.
   *
   * @throws TypeError for a text that no policy counts by, with what to pass instead
   */
  reset(key: string): MaybePromise<void>
}

/**
 * Refuses with 429 what exceeds a quota: floods, brute force, and clients that would use up what others need. All policies decide
 * together, and a refused request consumes nothing.
 *
 * Fails closed: a key, cost or limit function that throws is a 500, a request without the key that it is counted by is a 400. It counts
 * by what `key` says and cannot see two clients behind one address, nor one client behind many.
 *
 *     pipeline().use(rateLimit({ limit: 100, window: '1m' }))
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function rateLimit<State extends object = {}>(
  options: RateLimitOptions<State>,
): RateLimitMiddleware<State> {
  const limit = new RateLimit<State>(options)
  return bindMethods(limit, 'mountBehind', 'setup', 'onRequest', 'setLimit', 'reset', 'dispose')
}

class RateLimit<State extends object> implements RateLimitMiddleware<State> {
  readonly name = 'rate-limit'
  readonly onResponse?: (ctx: RequestContext<State>, outcome: Outcome) => void
  private readonly quotas: Quotas<RequestContext<State>, KeyedPolicy<State>>
  /** One that others may count in too. */
  private readonly store: LimitStore | undefined
  private readonly headers: LimitHeaders
  private readonly refusals: Refusals<State>
  private readonly resets: Resets
  private readonly onStoreFailure: OnStoreFailure
  private readonly isShadow: boolean
  /** Whether an admitted request may have to wait for its turn. */
  private readonly delays: boolean
  private readonly refusesKeyless: boolean
  private readonly remembers: boolean
  private readonly skip: ((ctx: RequestContext<State>) => boolean) | undefined
  private readonly receipts = new WeakMap<object, AnyReceipt>()
  private readonly queue = new WaitingRoom()

  constructor(options: RateLimitOptions<State>) {
    const owner = 'rateLimit'
    const { quotas, rest } = checkLimiterOptions(
      owner,
      options,
      { ...quotaShape, key: optional(keyFunction<State>()) },
      {
        store: optional(having<LimitStore>('a store, such as memoryStore()', 'open')),
        onStoreFailure,
        count: optional(oneOf('all', 'failures', 'successes'), 'all'),
        isFailure: optional(callback<(outcome: Outcome) => boolean>()),
        headers: optional(limitHeaderOptions),
        whenKeyMissing: optional(oneOf('refuse', 'skip'), 'refuse'),
        mode,
        skip: optional(callback<(ctx: RequestContext<State>) => boolean>()),
      },
    )
    if (rest.isFailure !== undefined && rest.count === 'all')
      refuse({ owner, option: 'isFailure' }, rest.isFailure, "with count: 'failures' or 'successes' only")
    const policies = quotas.map(({ policy, at }) => new KeyedPolicy<State>(policy, at, policy.key))
    checkNames(owner, policies)
    this.quotas = new Quotas(owner, policies, rest.store ?? memoryStore(), rest.onStoreFailure)
    this.onStoreFailure = rest.onStoreFailure
    this.store = rest.store
    this.headers = new LimitHeaders(policies, rest.headers ?? {})
    this.isShadow = rest.mode === 'shadow'
    this.delays = !this.isShadow && quotas.some(({ policy }) => policy.queue)
    this.refusals = new Refusals(policies, this.isShadow)
    this.resets = new Resets(policies)
    this.refusesKeyless = rest.whenKeyMissing === 'refuse'
    this.skip = rest.skip
    this.remembers = rest.count !== 'all'
    // Absent where nothing is given back, so that the end of such requests need not be watched.
    if (this.remembers)
      this.onResponse = this.giveBack(rest.count === 'failures', rest.isFailure ?? isFailure)
  }

  mountBehind(earlier: Middleware): void {
    if (earlier instanceof RateLimit) refuseSameNames(this.names, earlier.names)
  }

  private get names(): readonly string[] {
    return this.quotas.policies.map(({ name }) => name)
  }

  setup(services: Services): (() => void) | undefined {
    const { store } = this
    if (store !== undefined) {
      claimUnnamed('rateLimit', store, this.names, this)
      claimNames(services, store, this.names, this)
    }
    if (!this.isShadow) this.headers.join(services)
    this.resets.learn(services)
    return store && (() => releaseNames(services, store, this))
  }

  onRequest(ctx: RequestContext<State>): MaybePromise<Reply | undefined> {
    if (this.skip !== undefined && booleanResult('rateLimit: skip', this.skip(ctx))) return undefined
    const { sole } = this.quotas
    return sole === undefined ? this.decideAll(ctx) : this.decideSole(ctx, sole)
  }

  private decideSole(
    ctx: RequestContext<State>,
    sole: SoleQuota<RequestContext<State>>,
  ): MaybePromise<Reply | undefined> {
    const policy = this.quotas.policies[0] as KeyedPolicy<State>
    const found = policy.key(ctx)
    if (typeof found !== 'string' || found === '') {
      requireKeyless(found)
      return found !== false && this.refusesKeyless ? this.refuseKeyless(ctx, policy) : undefined
    }
    if (!sole.ask(ctx, undefined)) return undefined
    const key = boundedKey(found)
    const now = this.quotas.now(ctx.services.clock)
    const allowed = sole.decide(key, now)
    // Only a refusal and a receipt name it.
    if (!allowed || this.remembers) sole.tally.key = key
    return this.conclude(ctx, this.quotas.begin(), allowed, now)
  }

  private decideAll(ctx: RequestContext<State>): MaybePromise<Reply | undefined> {
    const { quotas } = this
    const { policies } = quotas
    const tallies = quotas.begin()
    let applies = false
    let lastKey: KeyFunction<State> | undefined
    let key: string | false | undefined | null
    for (let i = 0; i < policies.length; i++) {
      const policy = policies[i] as KeyedPolicy<State>
      const tally = tallies[i] as Tally
      if (policy.key !== lastKey) {
        lastKey = policy.key
        key = lastKey(ctx)
        if (typeof key === 'string' && key !== '') key = boundedKey(key)
        else {
          requireKeyless(key)
          if (key !== false && this.refusesKeyless) return this.refuseKeyless(ctx, policy)
        }
      }
      if (typeof key === 'string' && key !== '') quotas.ask(tally, policy, ctx, key, undefined)
      else tally.active = false
      if (tally.active) applies = true
    }
    if (!applies) return undefined
    const now = this.quotas.now(ctx.services.clock)
    const decided = quotas.decide(tallies, now, error => this.reportStore(ctx, error))
    return isPromise(decided)
      ? decided.then(allowed => this.conclude(ctx, tallies, allowed, now))
      : this.conclude(ctx, tallies, decided, now)
  }

  setLimit(policy: string, change: QuotaChange): void {
    this.quotas.setLimit(policy, change)
  }

  reset(key: string): MaybePromise<void> {
    return this.quotas.reset(this.resets.keysOf(key))
  }

  dispose(): void {
    this.queue.release()
    if (this.store !== undefined) releaseUnnamed(this.store, this)
  }

  private conclude(
    ctx: RequestContext<State>,
    tallies: readonly Tally[],
    allowed: boolean | undefined,
    now: number,
  ): MaybePromise<Reply | undefined> {
    if (allowed === undefined) return this.concludeWithoutStore(ctx, tallies)
    if (!this.isShadow) this.headers.write(ctx, tallies, allowed)
    if (!allowed) {
      const denial = this.refusals.of(ctx, tallies, now)
      return this.isShadow ? undefined : ctx.deny(denial)
    }
    if (this.remembers) this.remember(ctx, this.quotas.receiptOf(tallies))
    const delay = this.delays ? longestDelay(tallies) : 0
    return delay === 0 ? undefined : this.waitForTurn(ctx, delay)
  }

  private concludeWithoutStore(ctx: RequestContext<State>, tallies: readonly Tally[]): Reply | undefined {
    if (this.onStoreFailure === 'open' || this.isShadow) {
      if (this.remembers) this.remember(ctx, this.quotas.lateReceiptOf(tallies))
      return undefined
    }
    return ctx.deny({
      status: 503,
      code: 'SERVICE_UNAVAILABLE',
      message: 'The service is temporarily unavailable',
      reason: 'the store of the rate limit does not answer',
      by: this.name,
    })
  }

  /** As often as the store was really asked: an open breaker asks it rarely. */
  private reportStore(ctx: RequestContext<State>, error: unknown): void {
    const { events, logger } = ctx.services
    const policy = this.onStoreFailure
    logger.warn({ err: error, policy }, 'the store of a rate limit failed')
    if (events.has('ratelimit:store-error')) events.emit('ratelimit:store-error', { error, policy })
  }

  private async waitForTurn(ctx: RequestContext<State>, ms: number): Promise<Reply | undefined> {
    await this.queue.wait(ms, ctx.signal)
    // Nobody reads it, and the handler need not run for a client that left.
    return ctx.signal.aborted ? new Reply(503) : undefined
  }

  private remember(ctx: RequestContext<State>, receipt: AnyReceipt | undefined): void {
    if (receipt !== undefined) this.receipts.set(ctx, receipt)
  }

  private refuseKeyless(ctx: RequestContext<State>, { name }: KeyedPolicy<State>): Reply | undefined {
    if (this.isShadow) return undefined
    return ctx.deny({
      status: 400,
      code: 'BAD_REQUEST',
      message: 'The request lacks what its rate limit is counted by',
      reason: `the key function of policy "${name}" found no key`,
      by: this.name,
    })
  }

  private giveBack(countsFailures: boolean, failed: (outcome: Outcome) => boolean) {
    return (ctx: RequestContext<State>, outcome: Outcome) => {
      const receipt = this.receipts.get(ctx)
      if (receipt === undefined || outcome.aborted) return
      // A wrong result throws: the request stays counted, and the pipeline logs it.
      if (booleanResult('rateLimit: isFailure', failed(outcome)) === countsFailures) return
      const pending = receipt.redeem(this.quotas.now(ctx.services.clock))
      pending?.catch(error =>
        ctx.services.logger.warn({ err: error }, 'a rate limit could not be given back'),
      )
    }
  }
}

function isFailure({ status, error }: Outcome): boolean {
  return status === undefined || status >= 400 || error !== undefined
}
