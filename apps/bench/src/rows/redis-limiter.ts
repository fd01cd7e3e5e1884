import { fromIoredis } from '@palisade/core/redis'
import { createLimiter, redisStore } from '@palisade/ratelimit'
import { Redis } from 'ioredis'
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible'
import { redisProgram, startRedis } from '../../../../test/support/redis-server.js'
import { addresses } from './random.js'
import type { Prepared, Row } from './row.js'

const KEYS = addresses(10_000, 9)
const keyAt = (i: number) => KEYS[i % KEYS.length] as string
const LIMIT = 1_000_000_000
/** Requests that wait for their answer at the same time. */
const IN_FLIGHT = 64

const POLICIES = [
  { name: 'second', algorithm: 'fixed-window', limit: LIMIT, window: '1s' },
  { name: 'minute', algorithm: 'fixed-window', limit: LIMIT, window: '1m' },
  { name: 'hour', algorithm: 'fixed-window', limit: LIMIT, window: '1h' },
] as const
const SECONDS = [1, 60, 3600]

/**
 * How long a decision takes when 64 are under way, the Redis server's part included: so not CPU of
 * this process, but time.
 */
const common = { clock: 'wall', skipped: () => (redisProgram() ? undefined : 'no redis-server') } as const

export const redisLimiter: Row = {
  ...common,
  title: 'fixed window in Redis, 64 under way',
  contestants: [
    {
      name: 'palisade redisStore',
      prepare: () => palisade({ algorithm: 'fixed-window', limit: LIMIT, window: '1m' }),
    },
    {
      name: 'palisade redisStore, sliding window (its default)',
      prepare: () => palisade({ limit: LIMIT, window: '1m' }),
    },
    {
      name: 'rate-limiter-flexible Redis',
      prepare: () =>
        withRedis(client => {
          const limiter = flexible(client, 60)
          return key => limiter.consume(key).then(({ remainingPoints }) => Math.sign(remainingPoints))
        }),
    },
  ],
}

export const redisPolicies: Row = {
  ...common,
  title: 'three fixed windows in Redis, 64 under way',
  contestants: [
    { name: 'palisade redisStore', prepare: () => palisade({ policies: POLICIES }) },
    {
      name: 'rate-limiter-flexible Redis, three in a chain',
      prepare: () =>
        withRedis(client => {
          const [second, minute, hour] = SECONDS.map(seconds => flexible(client, seconds)) as [
            RateLimiterRedis,
            RateLimiterRedis,
            RateLimiterRedis,
          ]
          return async key => {
            await second.consume(key)
            await minute.consume(key)
            return Math.sign((await hour.consume(key)).remainingPoints)
          }
        }),
    },
    {
      name: 'rate-limiter-flexible Redis, three at once (union)',
      prepare: () =>
        withRedis(client => {
          const union = new RateLimiterUnion(...SECONDS.map(seconds => flexible(client, seconds)))
          return key => union.consume(key).then(() => 1)
        }),
    },
  ],
}

type Decide = (key: string) => Promise<number>

type Quotas = { algorithm?: 'fixed-window'; limit: number; window: '1m' } | { policies: typeof POLICIES }

function palisade(quotas: Quotas): Promise<Prepared> {
  return withRedis(client => {
    // A decision that missed its deadline would be taken in this process, and look fast.
    const store = redisStore(fromIoredis(client), { namespace: 'bench', deadline: '30s' })
    const limiter = createLimiter({ ...quotas, store, onStoreFailure: 'closed' })
    return async key => ((await limiter.consume(key)).remaining > 0 ? 1 : Number.NaN)
  })
}

const flexible = (storeClient: Redis, duration: number) =>
  new RateLimiterRedis({ storeClient, points: LIMIT, duration, keyPrefix: `every${duration}` })

/** Each contestant has a Redis and a connection of its own. */
async function withRedis(prepare: (client: Redis) => Decide): Promise<Prepared> {
  const server = await startRedis()
  const client = new Redis(server.port, '127.0.0.1')
  const decide = prepare(client)
  return {
    async run(decisions) {
      let sum = 0
      let next = 0
      const ask = async () => {
        // Not `sum += await`, which would add to what the sum was before the wait.
        for (let i = next++; i < decisions; i = next++) {
          const decided = await decide(keyAt(i))
          sum += decided
        }
      }
      await Promise.all(Array.from({ length: IN_FLIGHT }, ask))
      return sum
    },
    async dispose() {
      client.disconnect()
      // The server's process does not hold this one, which would end here instead of waiting for
      // it.
      const hold = setInterval(() => {}, 1000)
      await server.stop()
      clearInterval(hold)
    },
  }
}
