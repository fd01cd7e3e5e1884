import { createKeyv, type default as KeyvRedis } from '@keyv/redis'
import type { KeyValueStore } from '@palisade/core/middleware'
import { Keyv } from 'keyv'
import { afterAll, describe, expect, it } from 'vitest'
import { redisUrl, uniqueNamespace } from '../../../../test/support/redis.js'
import { type ApiKeyStore, keyValueKeys, memoryKeys } from '../../src/index.js'
import { apiKeyStoreSuite, keyValueSuite } from '../../src/testing.js'

const inMemory = () => new Keyv({ throwOnErrors: true })

const opened: Keyv[] = []
const onRedis = () => {
  const keyv = createKeyv(redisUrl(), { namespace: uniqueNamespace('suite'), throwOnErrors: true })
  opened.push(keyv)
  return keyv
}
afterAll(async () => {
  for (const { store } of opened) await (store as KeyvRedis<unknown>).disconnect(true)
})

describe('given memoryKeys()', () => {
  it.each(apiKeyStoreSuite)('$name', ({ run }) => run(memoryKeys()))
})

describe('given Keyv in memory', () => {
  it.each(keyValueSuite)('$name', ({ run }) => run(inMemory()))
})

describe('given keyValueKeys() over Keyv in memory', () => {
  it.each(apiKeyStoreSuite)('$name', ({ run }) => run(keyValueKeys({ store: inMemory() })))
})

describe.skipIf(redisUrl() === undefined)('given Keyv on Redis', () => {
  it.each(keyValueSuite)('$name', ({ run }) => run(onRedis()))
})

describe.skipIf(redisUrl() === undefined)('given keyValueKeys() over Keyv on Redis', () => {
  it.each(apiKeyStoreSuite)('$name', ({ run }) => run(keyValueKeys({ store: onRedis() })))
})

describe('given a key-value store with a fault, then the suite finds it', () => {
  const spoilt: readonly (readonly [string, (store: KeyValueStore) => Partial<KeyValueStore>, string])[] = [
    [
      'it forgets the time to live',
      store => ({ set: (key, value) => store.set(key, value) }),
      'time to live',
    ],
    ['it never deletes', () => ({ delete: () => true }), 'deleted'],
    ['it folds names', store => ({ get: key => store.get(key.toLowerCase()) }), 'names that differ'],
    [
      'it makes text of values',
      store => ({ set: (key, value) => store.set(key, String(value)) }),
      'plain data',
    ],
    ['it keeps the first value', firstOnly, 'set again'],
  ]

  it.each(spoilt)(
    '%s',
    async (_fault, spoil, named) => {
      const store = inMemory()
      const bound: KeyValueStore = {
        get: key => store.get(key),
        set: (key, value, ttl) => store.set(key, value, ttl),
        delete: key => store.delete(key),
      }
      const test = keyValueSuite.find(({ name }) => name.includes(named))
      await expect(test?.run({ ...bound, ...spoil(bound) })).rejects.toThrow()
    },
    20_000,
  )

  function firstOnly(store: KeyValueStore): Partial<KeyValueStore> {
    return { set: async (key, value, ttl) => (await store.get(key)) ?? store.set(key, value, ttl) }
  }
})

describe('given an API key store with a fault, then the suite finds it', () => {
  const spoilt: readonly (readonly [string, (store: ApiKeyStore) => Partial<ApiKeyStore>, string])[] = [
    ['it adds over another record', overwriting, 'taken'],
    ['it replaces any version', anyVersion, 'the version that it has'],
    [
      'it lists no owner',
      store => ({ list: query => store.list({ ...query, owner: undefined }) }),
      'an owner',
    ],
    ['it has one page', store => ({ list: query => store.list({ ...query, limit: 100 }) }), 'page by page'],
    ['it counts past the most', pastMost, 'full'],
    ['it notes no use', () => ({ touch() {} }), 'a use'],
  ]

  it.each(spoilt)(
    '%s',
    async (_fault, spoil, named) => {
      const store = memoryKeys()
      const test = apiKeyStoreSuite.find(({ name }) => name.includes(named))
      await expect(test?.run({ ...store, ...spoil(store) })).rejects.toThrow()
    },
    20_000,
  )

  function overwriting(store: ApiKeyStore): Partial<ApiKeyStore> {
    return { add: async record => (await store.add(record)) || (await store.replace(record, record.version)) }
  }

  function anyVersion(store: ApiKeyStore): Partial<ApiKeyStore> {
    return {
      async replace(record) {
        const known = await store.get(record.id)
        return known !== undefined && store.replace(record, known.version)
      },
    }
  }

  function pastMost(store: ApiKeyStore): Partial<ApiKeyStore> {
    return { count: (name, ttlMs) => store.count(name, ttlMs, 1e9) }
  }
})
