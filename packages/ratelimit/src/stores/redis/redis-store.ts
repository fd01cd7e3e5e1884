import {
  bindMethods,
  ConfigError,
  checkOptions,
  type Duration,
  duration,
  optional,
  orFalse,
  text,
} from '@palisade/core/middleware'
import {
  type GuardedRedis,
  guardRedis,
  type RedisClient,
  type RedisGuardOptions,
  type RedisKeys,
  redisKeys,
} from '@palisade/core/redis'
import { requireAlgorithm } from '../../algorithms/index.js'
import { OwedRefunds } from '../../refunds/owed-refunds.js'
import type { LimitEngine, LimitStore, PolicyKind } from '../store.js'
import { RedisEngine } from './redis-engine.js'
import { SERVER, type ServerTime } from './redis-scripts.js'
import { RefusalCache } from './refusal-cache.js'

export interface RedisStoreOptions {
  /**
   * What two applications on one Redis differ by. Limiters of one namespace share the counts of
   * policies of one name.
   */
  namespace: string
  /** How long a decision may wait for Redis. Default 100 ms. */
  deadline?: Duration
  /** When Redis is not asked for a while, see `guardRedis` of `@palisade/core/redis`. */
  breaker?: RedisGuardOptions['breaker']
  /**
   * Maximum time for which a refusal is repeated without asking Redis, at most until the key would
   * be allowed again. A refund or reset in another process is seen that much later. Default `'1s'`;
   * `false` asks each time.
   */
  cacheRefusals?: Duration | false
}

/**
 * Counts in Redis or Valkey (one node, Sentinel or a Cluster), exact over all processes: every
 * decision is one script and one round trip, whatever the number of policies, by the server's time.
 * Every key expires with the state that it holds.
 *
 * Fails by the limiter's `onStoreFailure` when Redis does not answer within the deadline, and does
 * not wait at all while the breaker is open. A call that missed its deadline may still be counted;
 * what is to be given back of it is sent when the late answer comes.
 *
 *     const store = redisStore(fromIoredis(client), { namespace: 'api' })
 *     rateLimit({ limit: 100, window: '1m', store })
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
  const store = new RedisStore(
    guard,
    ownRefusal(() => redisKeys(namespace, 'rl')),
    cacheRefusals === false ? 0 : (cacheRefusals ?? 1000),
  )
  return bindMethods(store, 'open', 'dispose')
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
  private readonly time: ServerTime
  private readonly owed = new OwedRefunds()

  constructor(guard: GuardedRedis, keys: RedisKeys, cacheMs: number, time: ServerTime = { server: SERVER }) {
    this.guard = guard
    this.keys = keys
    this.cacheMs = cacheMs
    this.time = time
  }

  open(owner: string, policies: readonly PolicyKind[]): LimitEngine {
    for (const { algorithm } of policies) requireAlgorithm(owner, algorithm)
    const cache = new RefusalCache(this.cacheMs)
    return new RedisEngine(this.guard, this.keys, policies, cache, this.owed, this.time)
  }

  dispose(): void {
    this.guard.dispose()
    this.owed.close()
  }
}
