import { type Clock, RequestError } from '@palisade/core'
import { fromIoredis, fromNodeRedis, guardRedis, type RedisClient, redisKeys } from '@palisade/core/redis'
import { fakeClock } from '@palisade/core/testing'
import { createLimiter, type QuotaOptions, redisStore } from '@palisade/ratelimit'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisUrl, uniqueNamespace } from '../../../../test/support/redis.js'
import { ALGORITHM_NAMES } from '../../src/algorithms/index.js'
import { RedisStore } from '../../src/stores/redis/redis-store.js'
import { historyClock } from '../support/history-clock.js'
import { timeOf } from '../support/redis-time.js'
import { START, vectors } from '../vectors.js'

const url = redisUrl()

interface Connected {
  readonly client: RedisClient
  /** The same server, past the store. */
  readonly send: (...command: string[]) => Promise<unknown>
  readonly close: () => unknown
}

const clients = [
  {
    name: 'ioredis',
    async connect(): Promise<Connected> {
      const redis = new Redis(url as string, { lazyConnect: true })
      await redis.connect()
      const send = (...[name = '', ...args]: string[]) => redis.call(name, ...args)
      return { client: fromIoredis(redis), send, close: () => redis.disconnect() }
    },
  },
  {
    name: 'node-redis',
    async connect(): Promise<Connected> {
      const redis = createClient({ url: url as string })
      await redis.connect()
      return {
        client: fromNodeRedis(redis),
        send: (...command) => redis.sendCommand(command),
        close: () => redis.destroy(),
      }
    },
  },
]

describe.skipIf(url === undefined).each(clients)('redisStore through $name', ({ connect }) => {
  let connected: Connected
  beforeAll(async () => {
    connected = await connect()
  })
  afterAll(() => connected?.close())

  /** A limiter whose Redis lives in the time of the clock. */
  function limiterAt(clock: Clock, policies: readonly QuotaOptions<string>[], namespace = uniqueNamespace()) {
    const guard = guardRedis(connected.client, { deadline: '20s' })
    const store = new RedisStore(guard, redisKeys(namespace, 'rl'), 0, timeOf(clock))
    return createLimiter({ policies, store, clock })
  }

  describe('the worked examples', () => {
    it.each(vectors)('$title', async ({ policies, steps }) => {
      const clock = historyClock(START)
      const limiter = limiterAt(clock, policies)
      for (const { at, cost, times = 1, allowed, remaining, reset, retry } of steps) {
        clock.set(START + at)
        for (let i = 1; i < times; i++)
          expect(await limiter.consume('k', cost)).toMatchObject({ allowed: true })
        expect(await limiter.consume('k', cost), `at ${at}`).toMatchObject({
          allowed,
          ...(remaining !== undefined && { remaining }),
          ...(reset !== undefined && { resetMs: reset }),
          ...(retry !== undefined && { retryAfterMs: retry }),
        })
      }
    })
  })

  it('agrees with memory on every step of any history, refunds, settled costs, changes of the limit and steps back of the clock included', async () => {
    const policy = fc.record({
      algorithm: fc.constantFrom(...ALGORITHM_NAMES),
      limit: fc.integer({ min: 0, max: 12 }),
      window: fc.integer({ min: 1, max: 100_000 }),
    })
    const step = fc.record({
      wait: fc.oneof(fc.constant(0), fc.double({ min: -0.3, max: 2.5, noNaN: true })),
      cost: fc.integer({ min: 0, max: 4 }),
      refund: fc.boolean(),
      real: fc.option(fc.integer({ min: 0, max: 15 }), { freq: 2 }),
      limit: fc.option(fc.integer({ min: 0, max: 12 }), { freq: 5 }),
    })
    const history = fc.record({
      policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
      steps: fc.array(step, { minLength: 1, maxLength: 25 }),
    })
    await fc.assert(
      fc.asyncProperty(history, async ({ policies, steps }) => {
        const named = policies.map((one, i) => ({ ...one, name: `p${i}` }))
        const clock = historyClock(START)
        const remote = limiterAt(clock, named)
        const local = createLimiter({ policies: named, clock })
        const longest = Math.max(...policies.map(({ window }) => window))
        const receipts: { remote: unknown; local: unknown }[] = []
        // Memory may still have what has run out or was given back, where Redis has forgotten it: a
        // clock that steps back behind that would bring it back. So a step back comes right after
        // all was written.
        let mayStepBack = false
        for (const { wait, cost, refund, real, limit } of steps) {
          clock.set(clock.now() + Math.round((mayStepBack ? wait : Math.abs(wait)) * longest))
          if (limit !== null) for (const one of [remote, local]) one.setLimit('p0', { limit })
          const { receipt: theirs, ...decision } = await remote.consume('k', cost)
          const { receipt: ours, ...expected } = local.consume('k', cost)
          expect(decision).toEqual(expected)
          expect(theirs === undefined).toBe(ours === undefined)
          if (ours !== undefined) receipts.push({ remote: theirs, local: ours })
          const old = refund ? receipts.shift() : undefined
          mayStepBack = decision.allowed && cost > 0 && old === undefined
          if (old === undefined) continue
          if (real === null) {
            await remote.refund(old.remote as never)
            local.refund(old.local as never)
          } else {
            await remote.settle(old.remote as never, real)
            local.settle(old.local as never, real)
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it('a slow refund of a bucket gives back only what has not flowed off by itself', async () => {
    const clock = fakeClock(START)
    const limiter = limiterAt(clock, [{ algorithm: 'token-bucket', limit: 10, window: 1000, burst: 2 }])
    const { receipt } = await limiter.consume('k')
    clock.advance(60)
    await limiter.consume('k')
    if (receipt !== undefined) await limiter.refund(receipt)
    // Of the first 100 ms, 60 had flowed off: 40 of the 140 that were owed are given back.
    expect(await limiter.consume('k', 0)).toMatchObject({ resetMs: 100, remaining: 1 })
  })

  it('two processes share one count', async () => {
    const namespace = uniqueNamespace()
    const policies = [{ limit: 2, window: '1m' }]
    const [one, two] = [
      limiterAt(fakeClock(START), policies, namespace),
      limiterAt(fakeClock(START), policies, namespace),
    ]
    await one.consume('k')
    expect(await two.consume('k')).toMatchObject({ allowed: true, remaining: 0 })
    expect(await one.consume('k')).toMatchObject({ allowed: false })
  })

  it('many at once admit exactly the limit', async () => {
    const store = redisStore(connected.client, { namespace: uniqueNamespace(), deadline: '20s' })
    const limiter = createLimiter({ algorithm: 'gcra', limit: 7, window: '1h', store })
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.consume('k')))
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(7)
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
    '%s: by the server’s time, and no key outlives its meaning or lives for ever',
    async algorithm => {
      const namespace = uniqueNamespace()
      const store = redisStore(connected.client, { namespace, deadline: '20s' })
      const limiter = createLimiter({ algorithm, limit: 10, window: '1h', store })
      const { resetMs } = await limiter.consume('k')
      const keys = (await connected.send('KEYS', `palisade:{${namespace}}:rl:*`)) as string[]
      expect(keys).toHaveLength(1)
      const life = (await connected.send('PTTL', keys[0] as string)) as number
      expect(life).toBeGreaterThan(0)
      expect(life).toBeLessThanOrEqual(resetMs)
      await limiter.reset('k')
      expect(await connected.send('EXISTS', keys[0] as string)).toBe(0)
    },
  )

  it('a sliding window keeps its count for two windows: a life of one would under-limit', async () => {
    const namespace = uniqueNamespace()
    const store = redisStore(connected.client, { namespace, deadline: '20s' })
    const limiter = createLimiter({ algorithm: 'sliding-window', limit: 10, window: '1h', store })
    await limiter.consume('k')
    const [key] = (await connected.send('KEYS', `palisade:{${namespace}}:rl:*`)) as string[]
    const hour = 3_600_000
    const [seconds = ''] = (await connected.send('TIME')) as string[]
    const left = 2 * hour - ((Number(seconds) * 1000) % hour)
    const life = (await connected.send('PTTL', key as string)) as number
    expect(Math.abs(life - left)).toBeLessThan(30_000)
  })

  it('given a key whose life says that the next window has begun, the count of the one before fades', async () => {
    const namespace = uniqueNamespace()
    const store = redisStore(connected.client, { namespace, deadline: '20s' })
    const limiter = createLimiter({ algorithm: 'sliding-window', limit: 10, window: '1h', store })
    await limiter.consume('k', 4)
    const [key = ''] = (await connected.send('KEYS', `palisade:{${namespace}}:rl:*`)) as string[]
    await connected.send('PEXPIRE', key, `${1_800_000 - 1}`)
    // Of the four, a little less than a half still weighs.
    expect(await limiter.consume('k')).toMatchObject({ allowed: true, remaining: 7 })
    const life = (await connected.send('PTTL', key)) as number
    expect(life).toBeGreaterThan(3_600_000)
    expect(life).toBeLessThanOrEqual(3_600_000 + 1_800_000)
  })

  it('given a policy that does not apply, the others decide, and it counts nothing', async () => {
    const namespace = uniqueNamespace()
    const store = redisStore(connected.client, { namespace, deadline: '20s' })
    const never = () => Number.POSITIVE_INFINITY
    const algorithms = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const
    const limiter = createLimiter({
      policies: [
        ...algorithms.map(algorithm => ({ name: algorithm, algorithm, limit: never, window: '1h' as const })),
        { name: 'applies', limit: 1, window: '1h' },
      ],
      store,
    })
    expect(await limiter.consume('k')).toMatchObject({ allowed: true, limit: 1, remaining: 0 })
    expect(await limiter.consume('k')).toMatchObject({ allowed: false, refusedBy: ['applies'] })
    const keys = (await connected.send('KEYS', `palisade:{${namespace}}:rl:*`)) as string[]
    expect(keys).toHaveLength(1)
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
    '%s: what is given back by the server’s time is given back once, and leaves no count',
    async algorithm => {
      const store = redisStore(connected.client, { namespace: uniqueNamespace(), deadline: '20s' })
      const limiter = createLimiter({ algorithm, limit: 10, window: '30d', store })
      await limiter.consume('k', 2)
      const { receipt, remaining } = await limiter.consume('k', 3)
      expect(remaining).toBe(5)
      if (receipt === undefined) throw new Error('allowed, so there is a receipt')
      await limiter.refund(receipt)
      await limiter.refund(receipt)
      expect(await limiter.consume('k', 0)).toMatchObject({ remaining: 8 })
    },
  )

  it.each(ALGORITHM_NAMES)('%s: a real cost is counted by the server’s time, once', async algorithm => {
    const store = redisStore(connected.client, { namespace: uniqueNamespace(), deadline: '20s' })
    const limiter = createLimiter({ algorithm, limit: 10, window: '30d', store })
    await limiter.consume('k', 2)
    const { receipt } = await limiter.consume('k', 3)
    if (receipt === undefined) throw new Error('allowed, so there is a receipt')
    await limiter.settle(receipt, 6)
    await limiter.settle(receipt, 10)
    expect(await limiter.consume('k', 0)).toMatchObject({ remaining: 2 })
  })

  it.each(ALGORITHM_NAMES)('%s: given many costs that are settled at once, none is lost', async algorithm => {
    const store = redisStore(connected.client, { namespace: uniqueNamespace(), deadline: '20s' })
    const limiter = createLimiter({ algorithm, limit: 100, window: '30d', store })
    const decisions = await Promise.all(Array.from({ length: 20 }, async () => limiter.consume('k', 2)))
    await Promise.all(
      decisions.map(async ({ receipt }, i) => limiter.settle(receipt as never, i % 2 === 0 ? 1 : 4)),
    )
    expect(await limiter.consume('k', 0)).toMatchObject({ remaining: 50 })
  })

  it('a state that has run out carries no old hits, also while its key is still there', async () => {
    const clock = fakeClock(START)
    const namespace = uniqueNamespace()
    const limiter = limiterAt(clock, [{ algorithm: 'fixed-window', limit: 5, window: 1000 }], namespace)
    await limiter.consume('k', 5)
    clock.advance(1000)
    expect(await connected.send('KEYS', `palisade:{${namespace}}:rl:*`)).toHaveLength(1)
    expect(await limiter.consume('k')).toMatchObject({ allowed: true, remaining: 4 })
  })

  it('a refused attempt of an unknown key leaves no key', async () => {
    const namespace = uniqueNamespace()
    const limiter = limiterAt(fakeClock(START), [{ limit: 1, window: '1m' }], namespace)
    await limiter.consume('k', 2)
    await limiter.consume('k', 0)
    expect(await connected.send('KEYS', `palisade:{${namespace}}:rl:*`)).toEqual([])
  })

  it('large numbers keep every digit', async () => {
    const clock = fakeClock(START)
    const limit = Math.ceil(2 ** 52 / 86_400_000) - 1
    const limiter = limiterAt(clock, [{ algorithm: 'token-bucket', limit, window: '1d' }])
    const expected = createLimiter({ algorithm: 'token-bucket', limit, window: '1d', clock })
    for (const cost of [limit - 1, 1, 1]) {
      const { receipt: _, ...decision } = expected.consume('k', cost)
      expect(await limiter.consume('k', cost)).toMatchObject(decision)
      clock.advance(1)
    }
  })

  it('sixteen policies of all kinds are one script that the server takes', async () => {
    const algorithms = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const
    const policies = Array.from({ length: 16 }, (_, i) => ({
      name: `p${i}`,
      algorithm: algorithms[i % 4] as (typeof algorithms)[number],
      limit: 3 + i,
      window: '1m' as const,
    }))
    const limiter = limiterAt(fakeClock(START), policies)
    for (let i = 0; i < 3; i++)
      expect(await limiter.consume('k')).toMatchObject({ allowed: true, remaining: 2 - i })
    expect(await limiter.consume('k')).toMatchObject({ allowed: false, refusedBy: ['p0'] })
  })

  it('a server that has forgotten the script is told again', async () => {
    const limiter = limiterAt(fakeClock(START), [{ limit: 3, window: '1m' }])
    await limiter.consume('k')
    await connected.send('SCRIPT', 'FLUSH')
    expect(await limiter.consume('k')).toMatchObject({ remaining: 1 })
  })

  it('one decision is one command, whatever the number of policies', async () => {
    const sent: string[] = []
    const spying: RedisClient = {
      send: (command, key) => {
        sent.push(command[0])
        return connected.client.send(command, key)
      },
      subscribe: (channel, listener) => connected.client.subscribe(channel, listener),
    }
    const store = redisStore(spying, { namespace: uniqueNamespace(), deadline: '20s' })
    const policies = ['a', 'b', 'c', 'd'].map(name => ({ name, limit: 2, window: '1m' }))
    const limiter = createLimiter({ policies, store })
    await limiter.consume('warm')
    sent.length = 0
    await limiter.consume('k')
    expect(sent).toEqual(['EVALSHA'])
  })

  it('who keeps knocking is refused without a round trip, until the time is up', async () => {
    let sent = 0
    const counting: RedisClient = {
      send: (command, key) => {
        sent++
        return connected.client.send(command, key)
      },
      subscribe: (channel, listener) => connected.client.subscribe(channel, listener),
    }
    const clock = fakeClock(START)
    const namespace = uniqueNamespace()
    const guard = guardRedis(counting, { deadline: '20s' })
    const store = new RedisStore(guard, redisKeys(namespace, 'rl'), 1000, timeOf(clock))
    const limiter = createLimiter({ algorithm: 'fixed-window', limit: 1, window: 3000, store, clock })
    await limiter.consume('k')
    await limiter.consume('k')
    sent = 0
    clock.advance(400)
    for (let i = 0; i < 50; i++)
      expect(await limiter.consume('k')).toMatchObject({
        allowed: false,
        retryAfterMs: 2600,
        resetMs: 2600,
        remaining: 0,
        refusedBy: ['default'],
      })
    expect(sent).toBe(0)
    // Another key, another cost and another limit are other questions.
    expect(await limiter.consume('other')).toMatchObject({ allowed: true })
    await limiter.consume('k', 0)
    expect(sent).toBe(2)
    limiter.setLimit('default', { limit: 2 })
    expect(await limiter.consume('k')).toMatchObject({ allowed: true })
    expect(await limiter.consume('k')).toMatchObject({ allowed: false })
    sent = 0
    clock.advance(1000)
    await limiter.consume('k')
    expect(sent).toBe(1)
    clock.advance(1600)
    expect(await limiter.consume('k')).toMatchObject({ allowed: true })
  })

  it('given a refund while a refusal is under way, the refusal is not repeated', async () => {
    const store = redisStore(connected.client, { namespace: uniqueNamespace(), deadline: '20s' })
    const limiter = createLimiter({ limit: 1, window: '1h', store })
    const { receipt } = await limiter.consume('k')
    if (receipt === undefined) throw new Error('no receipt')
    const refused = limiter.consume('k')
    const given = limiter.refund(receipt)
    expect(await refused).toMatchObject({ allowed: false })
    await given
    expect(await limiter.consume('k')).toMatchObject({ allowed: true })
  })

  it('given a reset, what was taken before is not given back of what was counted since', async () => {
    const store = redisStore(connected.client, { namespace: uniqueNamespace(), deadline: '20s' })
    const limiter = createLimiter({ algorithm: 'fixed-window', limit: 10, window: '1h', store })
    const { receipt } = await limiter.consume('k', 5)
    await limiter.reset('k')
    await limiter.consume('k', 7)
    if (receipt !== undefined) await limiter.refund(receipt)
    expect(await limiter.consume('k', 0)).toMatchObject({ remaining: 3 })
  })

  it('a value of another kind under the key is a failed store, not a refusal', async () => {
    const namespace = uniqueNamespace()
    const key = redisKeys(namespace, 'rl')('default', 'fixed60000', 'k')
    await connected.send('LPUSH', key, 'x')
    await connected.send('PEXPIRE', key, '60000')
    const store = redisStore(connected.client, { namespace, deadline: '20s' })
    const limiter = createLimiter({
      algorithm: 'fixed-window',
      limit: 1,
      window: '1m',
      store,
      onStoreFailure: 'closed',
    })
    await expect(limiter.consume('k')).rejects.toBeInstanceOf(RequestError)
    expect(await limiter.consume('other')).toMatchObject({ allowed: true })
  })
})
