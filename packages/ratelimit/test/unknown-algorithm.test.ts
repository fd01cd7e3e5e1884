import { ConfigError } from '@palisade/core'
import { guardRedis, type RedisClient, redisKeys } from '@palisade/core/redis'
import { createLimiter, type LimitStore, memoryStore, rateLimit } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { RedisStore } from '../src/stores/redis/redis-store.js'

const client: RedisClient = {
  send: () => Promise.resolve([]),
  subscribe: () => ({ ready: Promise.resolve(), close() {} }),
}
const stores: readonly { name: string; store: () => LimitStore }[] = [
  { name: 'memory', store: () => memoryStore() },
  { name: 'Redis', store: () => new RedisStore(guardRedis(client), redisKeys('unknown', 'rl'), 0) },
]
const UNKNOWN = ['bucket', 'Fixed-Window', 'constructor', '__proto__', 'toString', '', 1, null, {}]

describe.each(stores)('an algorithm without an implementation, in $name', ({ store }) => {
  it.each(UNKNOWN)('%j is a ConfigError, in the options and in the store', algorithm => {
    const options = { limit: 1, window: '1m', store: store(), algorithm } as never
    expect(() => createLimiter(options)).toThrow(ConfigError)
    expect(() => rateLimit(options)).toThrow(ConfigError)
    const kind = { name: 'a', algorithm, counting: undefined, window: 1000 } as never
    expect(() => store().open('a test', [kind])).toThrow(ConfigError)
  })
})
