import {
  bindMethods,
  booleanResult,
  type Denial,
  isPromise,
  LimitHeaders,
  type MaybePromise,
  type Middleware,
  type Mode,
  type Outcome,
  Reply,
  type RequestContext,
  type Services,
  wrongResult,
} from '@palisade/core/middleware'
import type { Attempt } from './counting/attempt.js'
import type { KeyedPolicy } from './counting/keyed-policy.js'
import { claimNames, claimUnnamed, refuseSameNames, releaseNames, releaseUnnamed } from './counting/names.js'
import { checkCost, type QuotaChange } from './counting/policy.js'
import { type Attempts, longestDelay, type OnStoreFailure, Quotas } from './counting/quotas.js'
import { boundedKey } from './keys/bounded-key.js'
import { type KeyFunction, requireKeyless } from './keys/key-function.js'
import { Resets } from './keys/operator-keys.js'
import { checkRateLimit, type RateLimitOptions } from './options.js'
import type { AnyReceipt, RealCost } from './refunds/receipts.js'
import { Refusals } from './refusals.js'
import { memoryStore } from './stores/memory/memory-store.js'
import type { LimitStore } from './stores/store.js'
import { WaitingRoom } from './waiting/waiting-room.js'

export interface RateLimitMiddleware<State extends object = {}> extends Middleware<State> {
  /** Changes a quota from the next request on; what was counted stays. @throws ConfigError */
  setLimit(policy: string, change: QuotaChange): void
  /**
   * Resets what all policies have counted for a key: the address of a client in any notation, a
   * user or an API key where the key function of this package counts by that, or what the key
   * function returns.
   *
   * @throws TypeError for a text that no policy counts by, with what to pass instead
   */
  reset(key: string): MaybePromise<void>
}

/**
 * Refuses with 429 what exceeds a quota: floods, brute force, and clients that would use up what
 * others need. All policies decide together, and a refused request consumes nothing.
 *
 * Fails closed: a key, cost or limit function that throws is a 500, a request without the key that
 * it is counted by is a 400. It counts by what `key` says and cannot see two clients behind one
 * address, nor one client behind many.
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
  readonly #quotas: Quotas<RequestContext<State>, KeyedPolicy<State>>
  /** One that others may count in too. */
  readonly #store: LimitStore | undefined
  readonly #headers: LimitHeaders
  readonly #refusals: Refusals<State>
  readonly #resets: Resets
  readonly #onStoreFailure: OnStoreFailure
  /** The name of the only policy. */
  readonly #sole: string | undefined
  readonly #mode: Mode
  readonly #isShadow: boolean
  /** Whether an admitted request may have to wait for its turn. */
  readonly #delays: boolean
  readonly #refusesKeyless: boolean
  readonly #skip: ((ctx: RequestContext<State>) => boolean) | undefined
  /** Whether an outcome is refunded. */
  readonly #isRefunded: ((outcome: Outcome) => boolean) | undefined
  readonly #receipts = new WeakMap<object, AnyReceipt>()
  readonly #queue = new WaitingRoom()

  constructor(given: RateLimitOptions<State>) {
    const { policies, options } = checkRateLimit<State>(given)
    this.#quotas = new Quotas('rateLimit', policies, options.store ?? memoryStore(), options.onStoreFailure)
    this.#onStoreFailure = options.onStoreFailure
    this.#store = options.store
    this.#headers = new LimitHeaders(policies, options.headers ?? {})
    this.#sole = policies.length === 1 ? policies[0]?.name : undefined
    this.#mode = options.mode
    this.#isShadow = options.mode === 'shadow'
    this.#delays = !this.#isShadow && policies.some(({ queues }) => queues)
    this.#refusals = new Refusals(policies, this.#isShadow)
    this.#resets = new Resets(policies)
    this.#refusesKeyless = options.whenKeyMissing === 'refuse'
    this.#skip = options.skip
    this.#isRefunded = refundOf(options.count, options.isFailure ?? isFailure)
    // Absent where no cost is corrected, so that the end of such requests need not be watched.
    if (this.#isRefunded !== undefined || policies.some(({ settle }) => settle !== undefined))
      this.onResponse = (ctx, outcome) => this.#settle(ctx, outcome)
  }

  mountBehind(earlier: Middleware): void {
    if (earlier instanceof RateLimit) refuseSameNames(this.#names, earlier.#names)
  }

  setup(services: Services): (() => void) | undefined {
    const store = this.#store
    if (store !== undefined) {
      claimUnnamed('rateLimit', store, this.#names, this)
      claimNames(services, store, this.#names, this)
    }
    if (!this.#isShadow) this.#headers.join(services)
    this.#resets.learn(services)
    return store && (() => releaseNames(services, store, this))
  }

  onRequest(ctx: RequestContext<State>): MaybePromise<Reply | undefined> {
    if (this.#skip !== undefined && booleanResult('rateLimit: skip', this.#skip(ctx))) return undefined
    const quotas = this.#quotas
    const attempts = quotas.begin()
    const keyless = this.#ask(ctx, attempts.each)
    if (keyless !== undefined) return this.#refuseKeyless(ctx, keyless)
    if (!applies(attempts.each)) return undefined
    const now = quotas.now(ctx.services.clock)
    const decided = quotas.decide(attempts, now, error => this.#reportStore(ctx, error))
    return isPromise(decided)
      ? decided.then(allowed => this.#conclude(ctx, attempts, allowed))
      : this.#conclude(ctx, attempts, decided)
  }

  setLimit(policy: string, change: QuotaChange): void {
    this.#quotas.setLimit(policy, change)
  }

  reset(key: string): MaybePromise<void> {
    return this.#quotas.reset(this.#resets.keysOf(key))
  }

  dispose(): void {
    this.#queue.release()
    if (this.#store !== undefined) releaseUnnamed(this.#store, this)
  }

  get #names(): readonly string[] {
    return this.#quotas.policies.map(({ name }) => name)
  }

  /**
   * Fills in what the request asks. Returns the policy whose key it lacks, if it is to be refused
   * for that.
   */
  #ask(ctx: RequestContext<State>, each: readonly Attempt[]): KeyedPolicy<State> | undefined {
    const { policies } = this.#quotas
    let keyOf: KeyFunction<State> | undefined
    let key: string | false | undefined
    for (let i = 0; i < policies.length; i++) {
      const policy = policies[i] as KeyedPolicy<State>
      const attempt = each[i] as Attempt
      if (policy.key !== keyOf) {
        keyOf = policy.key
        key = keyFor(ctx, keyOf)
        if (key === undefined && this.#refusesKeyless) return policy
      }
      if (typeof key === 'string') this.#quotas.ask(attempt, policy, ctx, key, undefined)
      else attempt.active = false
    }
    return undefined
  }

  #conclude(
    ctx: RequestContext<State>,
    attempts: Attempts,
    allowed: boolean | undefined,
  ): MaybePromise<Reply | undefined> {
    if (allowed === undefined) return this.#concludeWithoutStore(ctx, attempts)
    if (!this.#isShadow) this.#headers.write(ctx, attempts.each, allowed)
    if (!allowed) return ctx.deny(this.#refusals.of(ctx, attempts.each), this.#mode)
    ctx.allowed(this.name, this.#sole)
    if (this.onResponse !== undefined) this.#remember(ctx, this.#quotas.receiptOf(attempts))
    const delay = this.#delays ? longestDelay(attempts) : 0
    return delay === 0 ? undefined : this.#waitForTurn(ctx, delay)
  }

  #concludeWithoutStore(ctx: RequestContext<State>, { late }: Attempts): Reply | undefined {
    const isOpen = this.#onStoreFailure === 'open'
    if (this.onResponse !== undefined && (isOpen || this.#isShadow)) this.#remember(ctx, late)
    if (!isOpen) return ctx.deny(UNAVAILABLE, this.#mode)
    ctx.allowed(this.name, this.#sole)
    return undefined
  }

  /** As often as the store was really asked: an open breaker asks it rarely. */
  #reportStore(ctx: RequestContext<State>, error: unknown): void {
    const { events, logger } = ctx.services
    const policy = this.#onStoreFailure
    logger.warn({ err: error, policy }, 'the store of a rate limit failed')
    if (events.has('ratelimit:store-error')) events.emit('ratelimit:store-error', { error, policy })
  }

  async #waitForTurn(ctx: RequestContext<State>, ms: number): Promise<Reply | undefined> {
    await this.#queue.wait(ms, ctx.signal)
    // The client has left: it reads no answer, and the handler need not run.
    return ctx.signal.aborted ? new Reply(503) : undefined
  }

  #remember(ctx: RequestContext<State>, receipt: AnyReceipt | undefined): void {
    if (receipt !== undefined) this.#receipts.set(ctx, receipt)
  }

  #refuseKeyless(ctx: RequestContext<State>, { name }: KeyedPolicy<State>): Reply | undefined {
    const denial = {
      status: 400,
      code: 'BAD_REQUEST',
      message: 'The request lacks what its rate limit is counted by',
      reason: `the key function of policy "${name}" found no key`,
      by: this.name,
      rule: name,
    }
    return ctx.deny(denial, this.#mode)
  }

  /** A wrong result of a callback throws: the request stays counted, and the pipeline logs it. */
  #settle(ctx: RequestContext<State>, outcome: Outcome): void {
    const receipt = this.#receipts.get(ctx)
    if (receipt === undefined) return
    this.#receipts.delete(ctx)
    const cost = this.#isRefunded?.(outcome) ? 0 : this.#realCosts(ctx, outcome)
    receipt
      .settle(cost, this.#quotas.now(ctx.services.clock))
      ?.catch(error =>
        ctx.services.logger.warn({ err: error }, 'the cost of a request could not be corrected'),
      )
  }

  #realCosts(ctx: RequestContext<State>, outcome: Outcome): RealCost {
    const costs: Record<string, number> = {}
    for (const { name, settle } of this.#quotas.policies) {
      const cost = settle?.(ctx, outcome)
      if (cost === undefined) continue
      const what = `rateLimit: the result of settle of policy "${name}"`
      if (typeof cost !== 'number') throw wrongResult(what, cost, 'a whole number from 0, or undefined')
      costs[name] = checkCost(cost, what)
    }
    return costs
  }
}

/** The key of a request, `false` if it is not counted, `undefined` if it lacks its key. */
function keyFor<State extends object>(
  ctx: RequestContext<State>,
  keyOf: KeyFunction<State>,
): string | false | undefined {
  const found = keyOf(ctx)
  if (typeof found === 'string' && found !== '') return boundedKey(found)
  requireKeyless(found)
  return found === false ? false : undefined
}

function applies(each: readonly Attempt[]): boolean {
  for (let i = 0; i < each.length; i++) if ((each[i] as Attempt).active) return true
  return false
}

/** What `count` refunds: neither an aborted request nor one that counts. */
function refundOf(
  count: 'all' | 'failures' | 'successes',
  failed: (outcome: Outcome) => boolean,
): ((outcome: Outcome) => boolean) | undefined {
  if (count === 'all') return undefined
  const countsFailures = count === 'failures'
  return outcome =>
    !outcome.aborted && booleanResult('rateLimit: isFailure', failed(outcome)) !== countsFailures
}

const UNAVAILABLE: Denial = {
  status: 503,
  code: 'SERVICE_UNAVAILABLE',
  message: 'The service is temporarily unavailable',
  reason: 'the store of the rate limit does not answer',
  by: 'rate-limit',
}

function isFailure({ status, error }: Outcome): boolean {
  return status === undefined || status >= 400 || error !== undefined
}
