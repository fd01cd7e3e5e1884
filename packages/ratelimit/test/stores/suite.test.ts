import { readFileSync } from 'node:fs'
import { fromIoredis, fromNodeRedis, type RedisClient } from '@palisade/core/redis'
import { type LimitStore, memoryStore, redisStore } from '@palisade/ratelimit'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisUrl, uniqueNamespace } from '../../../../test/support/redis.js'
import { limitStoreSuite } from '../../src/testing.js'
import { MapStore } from '../support/map-store.js'

const here = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

describe('given memoryStore()', () => {
  it.each(limitStoreSuite)('$name', ({ run }) => run(memoryStore()))
})

describe('given the store of the README', () => {
  it.each(limitStoreSuite)('$name', ({ run }) => run(new MapStore()))

  it('given the README then it shows what is tested', () => {
    expect(here('../../README.md')).toContain(here('../support/map-store.ts').trim())
  })
})

const url = redisUrl()

const clients = [
  {
    name: 'ioredis',
    async connect(): Promise<[RedisClient, () => unknown]> {
      const redis = new Redis(url as string, { lazyConnect: true })
      await redis.connect()
      return [fromIoredis(redis), () => redis.disconnect()]
    },
  },
  {
    name: 'node-redis',
    async connect(): Promise<[RedisClient, () => unknown]> {
      const redis = createClient({ url: url as string })
      await redis.connect()
      return [fromNodeRedis(redis), () => redis.destroy()]
    },
  },
]

describe.skipIf(url === undefined).each(clients)('given redisStore() through $name', ({ connect }) => {
  let client: RedisClient
  let close = (): unknown => undefined
  beforeAll(async () => {
    ;[client, close] = await connect()
  })
  afterAll(() => close())

  it.each(limitStoreSuite.filter(({ timed }) => !timed))('$name', async ({ run }) => {
    const store = redisStore(client, { namespace: uniqueNamespace(), deadline: '20s' })
    await run(store)
    await store.dispose?.()
  })
})

type Instead = (call: (...args: never[]) => unknown, ...args: never[]) => unknown

const nothing = () => undefined
const twice: Instead = (call, ...args) => {
  call(...args)
  return call(...args)
}
const always: Instead = (call, ...args) => {
  call(...args)
  return true
}

/** Stores with one fault each, and a test of the suite that finds it. */
const FAULTS: readonly [string, (store: LimitStore) => LimitStore, string][] = [
  ['refunds twice', faulty('settle', twice), 'given a refund'],
  ['does not settle', faulty('settle', nothing), 'given a real cost then'],
  ['does not reset', faulty('reset', nothing), 'given a reset then'],
  ['lets all pass', faulty('decide', always), 'given many attempts'],
]

function faulty(method: 'settle' | 'reset' | 'decide', instead: Instead) {
  return (store: LimitStore): LimitStore => ({
    open(owner, policies) {
      const engine = store.open(owner, policies)
      const call = engine[method].bind(engine) as (...args: never[]) => unknown
      const spoilt = (...args: never[]) => instead(call, ...args)
      return Object.assign(Object.create(engine), { [method]: spoilt })
    },
  })
}

describe('given a store with a fault, then the suite finds it', () => {
  it.each(FAULTS)('%s', async (_fault, spoil, named) => {
    const found = limitStoreSuite.filter(({ name }) => name.startsWith(`fixed-window: ${named}`))
    expect(found.length).toBeGreaterThan(0)
    for (const { run } of found) await expect(run(spoil(memoryStore()))).rejects.toThrow()
  })
})
