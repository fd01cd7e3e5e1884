import { guardRedis, type RedisClient, redisKeys } from '@palisade/core/redis'
import { createLimiter, type RateLimiter } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { RedisStore } from '../src/stores/redis/redis-store.js'

const client: RedisClient = {
  send: () => Promise.reject(new Error('connect ECONNREFUSED')),
  subscribe: () => ({ ready: Promise.resolve(), close() {} }),
}
const guard = () => guardRedis(client, { breaker: { failures: 1, backoff: '1h' } })

async function withOpenBreaker(options: object): Promise<RateLimiter> {
  const store = new RedisStore(guard(), redisKeys('awaited', 'rl'), 0)
  const limiter = createLimiter({ limit: 3, window: '1m', store, ...options })
  await Promise.resolve(limiter.consume('first')).then(
    () => {},
    () => {},
  )
  return limiter
}

/** What a caller may do with a limiter over a distributed store, whatever state the store is in. */
const CALLS: readonly { name: string; call: (limiter: RateLimiter) => unknown }[] = [
  { name: 'consume', call: limiter => limiter.consume('k') },
  { name: 'consume of a wrong key', call: limiter => limiter.consume('') },
  { name: 'consume of a wrong cost', call: limiter => limiter.consume('k', -1) },
  { name: 'consume that no policy applies to', call: limiter => limiter.consume('unlimited') },
  { name: 'consume with a limit function that throws', call: limiter => limiter.consume('fault') },
  { name: 'refund of a foreign receipt', call: limiter => limiter.refund({ key: 'k' }) },
  { name: 'reset', call: limiter => limiter.reset('k') },
  { name: 'reset of a wrong key', call: limiter => limiter.reset('') },
]

describe.each(['local', 'open', 'closed'] as const)(
  'onStoreFailure: %s, while the breaker is open',
  onStoreFailure => {
    const limit = (key: string) => {
      if (key === 'fault') throw new Error('a fault of the team')
      return key === 'unlimited' ? Number.POSITIVE_INFINITY : 3
    }
    for (const queue of [false, true]) {
      it.each(CALLS)(`queue: ${queue}, $name is a promise, and never throws`, async ({ call }) => {
        const algorithm = queue ? 'leaky-bucket' : 'fixed-window'
        const limiter = await withOpenBreaker({ onStoreFailure, limit, queue, algorithm })
        const answer = call(limiter)
        expect(answer).toBeInstanceOf(Promise)
        await (answer as Promise<unknown>).catch(() => {})
      })
    }

    it('a receipt is refunded by a promise too', async () => {
      const limiter = await withOpenBreaker({ onStoreFailure })
      const { receipt } = await Promise.resolve(limiter.consume('k')).catch(() => ({ receipt: undefined }))
      if (receipt !== undefined) expect(limiter.refund(receipt)).toBeInstanceOf(Promise)
      expect(receipt === undefined).toBe(onStoreFailure !== 'local')
    })
  },
)
