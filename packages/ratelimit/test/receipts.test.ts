import util from 'node:util'
import type { LimitDecision } from '@palisade/core/middleware'
import { guardRedis, type RedisClient, redisKeys } from '@palisade/core/redis'
import { fakeClock } from '@palisade/core/testing'
import { type AlgorithmName, createLimiter, memoryStore } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { RedisStore } from '../src/stores/redis/redis-store.js'

const ALGORITHMS: readonly AlgorithmName[] = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket']
const deep = (value: unknown) =>
  util.inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true })

/** A decision of a limiter that has counted for others: what a log would write of it. */
function shown(decision: LimitDecision): readonly string[] {
  const { receipt } = decision
  return [
    JSON.stringify(decision),
    JSON.stringify(receipt),
    deep(decision),
    deep(receipt),
    util.format('%o', decision),
    deep(structuredClone({ ...receipt })),
    deep(Object.entries(receipt ?? {})),
  ]
}

describe('what a log shows of a decision', () => {
  it.each(ALGORITHMS)('%s: its own key, and of the store nothing', algorithm => {
    const limiter = createLimiter({
      policies: [
        { name: 'a', algorithm, limit: 9, window: '1m' },
        { name: 'b', limit: 9, window: '1h' },
      ],
      store: memoryStore(),
      clock: fakeClock(),
    })
    for (let i = 0; i < 300; i++) limiter.consume(`another client ${i}`)
    const decision = limiter.consume('mine')
    for (const text of shown(decision)) {
      expect(text).toContain('mine')
      expect(text).not.toContain('another client')
      expect(text).not.toMatch(/secret|engine|counter|ledger/i)
      expect(text.length).toBeLessThan(2000)
    }
    expect(JSON.parse(JSON.stringify(decision.receipt))).toEqual({ key: 'mine' })
  })

  it.each(['local', 'open'] as const)('over Redis, onStoreFailure: %s: the same', async onStoreFailure => {
    const client: RedisClient = {
      send: () => new Promise(() => {}),
      subscribe: () => ({ ready: Promise.resolve(), close() {} }),
    }
    const store = new RedisStore(guardRedis(client, { deadline: 1 }), redisKeys('a-namespace', 'rl'), 0)
    const limiter = createLimiter({ limit: 9, window: '1m', store, onStoreFailure })
    await Promise.all(Array.from({ length: 3 }, (_, i) => limiter.consume(`another client ${i}`)))
    const decision = await limiter.consume('mine')
    for (const text of shown(decision)) {
      expect(text).not.toContain('another client')
      expect(text).not.toMatch(/namespace|engine|guard/i)
    }
  })

  it('a limiter and its store show no key of a client in JSON, and the receipt still works', () => {
    const store = memoryStore()
    const limiter = createLimiter({ limit: 2, window: '1m', store, clock: fakeClock() })
    const { receipt } = limiter.consume('a client')
    expect(JSON.stringify([limiter, store])).not.toContain('a client')
    if (receipt !== undefined) limiter.refund(receipt)
    expect(limiter.consume('a client', 0).remaining).toBe(2)
  })
})
