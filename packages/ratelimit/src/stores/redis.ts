import { ConfigError, checkOptions, type Duration, duration, optional, orFalse, text } from '@palisade/core'
import {
  type GuardedRedis,
  guardRedis,
  type RedisClient,
  type RedisGuardOptions,
  type RedisKeys,
  redisKeys,
} from '@palisade/core/redis'
import { type Algorithm, answerNever, Book, type Taken, type Tally } from '../algorithms/algorithm.js'
import { slidingLog } from '../algorithms/sliding-log.js'
import { consume, type Found, refund } from './redis-scripts.js'
import { RefusalCache } from './refusal-cache.js'
import type { Engine, LimitStore, PolicyKind } from './store.js'

export interface RedisStoreOptions {
  /** What two applications on one Redis differ by. Limiters of one namespace share the counts of policies of one name. */
  namespace: string
  /** How long a decision may wait for Redis. Default 100 ms. */
  deadline?: Duration
  /** When Redis is not asked for a while, see `guardRedis` of `@palisade/core/redis`. */
  breaker?: RedisGuardOptions['breaker']
  /**
   * For how long a refusal may be repeated without asking Redis, at most until the key would be allowed again. What is given back or
   * reset elsewhere meanwhile is seen that much later. Default `'1s'`; `false` asks each time.
   */
  cacheRefusals?: Duration | false
}

/**
 * Counts in Redis or Valkey (one node, Sentinel or a Cluster), exact over all processes: every decision is one script and one round
 * trip, whatever the number of policies, by the server's time. Every key expires with the state that it holds.
 *
 * Fails by the limiter's `onStoreFailure` when Redis does not answer within the deadline, and does not wait at all while the breaker is
 * open. A call that missed its deadline may still be counted.
 *
 *     rateLimit({ limit: 100, window: '1m', store: redisStore(fromIoredis(client), { namespace: 'api' }) })
 *
 * @throws ConfigError for a client or an option that is wrong
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions): LimitStore {
  const { deadline, breaker, namespace, cacheRefusals } = checkOptions('redisStore', options, {
    namespace: text({ max: 64 }),
    deadline: optional(duration({ max: '1m' })),
    breaker: value => value as RedisGuardOptions['breaker'],
    cacheRefusals: optional(orFalse(duration({ max: '1m' }))),
  })
  const guard = ownRefusal(() =>
    guardRedis(client, {
      ...(deadline !== undefined && { deadline }),
      ...(breaker !== undefined && { breaker }),
    }),
  )
  return new RedisStore(
    guard,
    ownRefusal(() => redisKeys(namespace, 'rl')),
    cacheRefusals === false ? 0 : (cacheRefusals ?? 1000),
  )
}

/** What the parts refuse was given to `redisStore`, and is told by that name. */
function ownRefusal<T>(build: () => T): T {
  try {
    return build()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { option, value, allowed } = error
    throw new ConfigError({ owner: 'redisStore', option, value, allowed })
  }
}

export class RedisStore implements LimitStore {
  private readonly guard: GuardedRedis
  private readonly keys: RedisKeys
  private readonly cacheMs: number
  private readonly testTime: (() => number) | undefined

  /** @param testTime replaces the server's time, for tests that compare stores step by step */
  constructor(guard: GuardedRedis, keys: RedisKeys, cacheMs: number, testTime?: () => number) {
    this.guard = guard
    this.keys = keys
    this.cacheMs = cacheMs
    this.testTime = testTime
  }

  open(_owner: string, policies: readonly PolicyKind[]): Engine {
    return new RedisEngine(this.guard, this.keys, policies, new RefusalCache(this.cacheMs), this.testTime)
  }

  dispose(): void {
    this.guard.dispose()
  }
}

class RedisEngine implements Engine {
  readonly immediate = false
  private readonly guard: GuardedRedis
  private readonly keys: RedisKeys
  private readonly policies: readonly PolicyKind[]
  /** What makes the state of a policy readable to another: the way of counting and the window. A change of either begins anew. */
  private readonly layouts: readonly string[]
  private readonly cache: RefusalCache
  /** Where the algorithms may write; what counts is in Redis. */
  private readonly scratch = new Book(3)
  private readonly testTime: (() => number) | undefined

  constructor(
    guard: GuardedRedis,
    keys: RedisKeys,
    policies: readonly PolicyKind[],
    cache: RefusalCache,
    testTime: (() => number) | undefined,
  ) {
    this.guard = guard
    this.keys = keys
    this.policies = policies
    this.layouts = policies.map(policy => `${kindOf(policy)}${policy.window}`)
    this.cache = cache
    this.testTime = testTime
  }

  get available(): boolean {
    return this.guard.available
  }

  decide(tallies: readonly Tally[], now: number): boolean | Promise<boolean> {
    const keys = tallies.map((tally, i) => (tally.active ? this.keyOf(i, tally.key) : ''))
    if (this.isKnownRefusal(tallies, keys, now)) return false
    const args = [this.time()]
    for (let i = 0; i < tallies.length; i++) {
      const { active, limit, capacity, cost } = tallies[i] as Tally
      const policy = this.policies[i] as PolicyKind
      if (active) args.push(kindOf(policy), `${limit}`, `${capacity}`, `${policy.window}`, `${cost}`)
    }
    const asked = keys.filter(key => key !== '')
    return this.guard.run(consume, asked, args).then(found => this.conclude(tallies, keys, found, now))
  }

  refund(policy: number, key: string, taken: Taken): Promise<void> {
    const { window } = this.policies[policy] as PolicyKind
    const { cost, limit, mark, depth } = taken
    this.cache.forget(this.keyOf(policy, key))
    const numbers = [window, cost, limit, mark, depth].map(String)
    const args = [this.time(), kindOf(this.policies[policy] as PolicyKind), ...numbers]
    return this.guard.run(refund, [this.keyOf(policy, key)], args).then(() => undefined)
  }

  async reset(key: string): Promise<void> {
    const keys = this.policies.map((_, i) => this.keyOf(i, key))
    for (const one of keys) this.cache.forget(one)
    await this.guard.send(['DEL', ...keys], keys[0])
  }

  /** Fills the answers with the functions that also answer in memory, from the states that the script found. */
  private conclude(
    tallies: readonly Tally[],
    keys: readonly string[],
    found: readonly Found[],
    now: number,
  ): boolean {
    const allowed = found.every(({ fits }) => fits)
    let next = 0
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      if (!tally.active) continue
      const state = found[next++]
      if (state === undefined) throw new TypeError('ratelimit.consume answered for fewer policies')
      this.answer(tally, (this.policies[i] as PolicyKind).counting, state, allowed && tally.cost > 0)
      if (!tally.fits) this.cache.remember(keys[i] as string, tally, now)
    }
    return allowed
  }

  private answer(tally: Tally, counting: Algorithm, found: Found, takes: boolean): void {
    Object.assign(tally, found)
    tally.delayMs = 0
    if (tally.limit === 0) answerNever(tally)
    else if (counting === slidingLog) answerLog(tally, found, takes)
    else if (takes) counting.take(this.scratch, 0, tally)
    else counting.report(this.scratch, 0, tally)
    if (tally.fits) tally.retryMs = 0
    else if (tally.limit === 0 || tally.cost > tally.capacity) tally.retryMs = Number.POSITIVE_INFINITY
  }

  private isKnownRefusal(tallies: readonly Tally[], keys: readonly string[], now: number): boolean {
    let isKnown = false
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      tally.fits = true
      if (tally.active && this.cache.answers(keys[i] as string, tally, now)) isKnown = true
    }
    return isKnown
  }

  private keyOf(policy: number, key: string): string {
    return this.keys((this.policies[policy] as PolicyKind).name, this.layouts[policy] as string, key)
  }

  private time(): string {
    return this.testTime === undefined ? '' : String(this.testTime())
  }
}

function kindOf({ algorithm }: PolicyKind): string {
  switch (algorithm) {
    case 'fixed-window':
      return 'f'
    case 'sliding-window':
      return 's'
    case 'sliding-log':
      return 'l'
    default:
      return 'd'
  }
}

/** A log stays in Redis but for three of its times: `a` the one whose end makes room, `e` the newest, `f` the one in the way of this cost. */
function answerLog(tally: Tally, { a, b: count, c: now, e, f }: Found, takes: boolean): void {
  const until = (time: number) => (time === 0 ? 0 : time + tally.window - now)
  tally.b = takes ? count + tally.cost : count
  tally.remaining = Math.max(0, tally.limit - tally.b)
  tally.mark = now
  tally.resetMs = takes ? tally.window : until(e)
  tally.nextMs = takes && count === 0 ? tally.window : until(a)
  tally.retryMs = takes ? 0 : until(f)
}
