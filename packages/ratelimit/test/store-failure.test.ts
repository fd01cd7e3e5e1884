import { setInterval } from 'node:timers/promises'
import { pipeline, RequestError } from '@palisade/core'
import { fromIoredis, type RedisClient } from '@palisade/core/redis'
import { fakeClock, inject } from '@palisade/core/testing'
import { createLimiter, type OnStoreFailure, rateLimit, redisStore } from '@palisade/ratelimit'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  canStartRedis,
  type RedisServer,
  redisUrl,
  startRedis,
  uniqueNamespace,
} from '../../../test/support/redis.js'

/** A Redis that never answers. */
const unreachable: RedisClient = {
  send: () => Promise.reject(new Error('connect ECONNREFUSED')),
  subscribe: () => ({ ready: Promise.resolve(), close() {} }),
}

const quiet = { debug() {}, info() {}, error() {} }

function edgeWith(
  rule: OnStoreFailure,
  client: RedisClient = unreachable,
  mode: 'enforce' | 'shadow' = 'enforce',
) {
  const warn = vi.fn()
  const edge = pipeline({ clock: fakeClock(), logger: { ...quiet, warn } }).use(
    rateLimit({
      algorithm: 'fixed-window',
      limit: 2,
      window: '1h',
      store: redisStore(client, { namespace: uniqueNamespace() }),
      onStoreFailure: rule,
      mode,
    }),
  )
  const errors = vi.fn()
  edge.events.on('ratelimit:store-error', errors)
  return { edge, errors, warn }
}

async function statuses(edge: ReturnType<typeof edgeWith>['edge'], count: number): Promise<number[]> {
  const all: number[] = []
  for (let i = 0; i < count; i++) all.push((await inject(edge)).status)
  return all
}

describe('a store that does not answer', () => {
  it('local: a limiter in this process decides, with headers', async () => {
    const { edge } = edgeWith('local')
    expect((await inject(edge)).headers).toMatchObject({ 'x-ratelimit-remaining': '1' })
    expect(await statuses(edge, 2)).toEqual([200, 429])
  })

  it('open: lets through, and says nothing that it does not know', async () => {
    const { edge } = edgeWith('open')
    expect(await statuses(edge, 9)).toEqual(Array(9).fill(200))
    const { headers } = await inject(edge)
    expect(Object.keys(headers).filter(name => name.includes('ratelimit'))).toEqual([])
  })

  it('closed: answers 503, never 429', async () => {
    const { edge } = edgeWith('closed')
    const answer = await inject(edge)
    expect(answer).toMatchObject({ status: 503, passed: false })
    expect(answer.json()).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE' } })
    expect(await statuses(edge, 8)).toEqual(Array(8).fill(503))
  })

  it('closed in shadow: lets through', async () => {
    expect(await statuses(edgeWith('closed', unreachable, 'shadow').edge, 3)).toEqual([200, 200, 200])
  })

  it.each(['local', 'open', 'closed'] as const)(
    '%s: it is told and logged while the store is asked, and not for every request of a long outage',
    async rule => {
      const { edge, errors, warn } = edgeWith(rule)
      await inject(edge)
      expect(errors).toHaveBeenCalledTimes(1)
      expect(errors.mock.calls[0]?.[0]).toMatchObject({ policy: rule, error: { code: 'REDIS_FAILED' } })
      await statuses(edge, 50)
      expect(errors.mock.calls.length).toBeLessThanOrEqual(6)
      expect(warn).toHaveBeenCalledTimes(errors.mock.calls.length)
    },
  )

  it('what was decided locally is given back locally', async () => {
    const store = redisStore(unreachable, { namespace: uniqueNamespace() })
    const limiter = createLimiter({ algorithm: 'gcra', limit: 1, window: '1h', store, clock: fakeClock() })
    for (let i = 0; i < 9; i++) {
      const { allowed, receipt } = await limiter.consume('k')
      expect(allowed).toBe(true)
      if (receipt !== undefined) await limiter.refund(receipt)
    }
  })

  it('createLimiter: tells and logs each call that failed, and a listener or a logger that throws harms nothing', async () => {
    const errors = vi.fn(async () => {
      throw new Error('of the listener')
    })
    const warn = vi.fn(() => {
      throw new Error('of the logger')
    })
    const limiter = createLimiter({
      limit: 9,
      window: '1h',
      store: redisStore(unreachable, { namespace: uniqueNamespace(), breaker: { failures: 2 } }),
      onStoreError: errors,
      logger: { ...quiet, warn },
    })
    for (let i = 0; i < 5; i++) expect(await limiter.consume('k')).toMatchObject({ allowed: true })
    // From the second on the breaker is open, and the store is not asked.
    expect(errors).toHaveBeenCalledTimes(2)
    expect(errors).toHaveBeenCalledWith(expect.objectContaining({ code: 'REDIS_FAILED' }))
    expect(warn).toHaveBeenCalledTimes(2)
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ policy: 'local' }),
      'the store of a limiter failed',
    )
  })

  it('what was counted locally is forgotten by a reset, whose own failure is told', async () => {
    const store = redisStore(unreachable, { namespace: uniqueNamespace() })
    const limiter = createLimiter({ limit: 1, window: '1h', store, clock: fakeClock() })
    const allowed = async () => (await limiter.consume('k')).allowed
    expect([await allowed(), await allowed()]).toEqual([true, false])
    await expect((async () => limiter.reset('k'))()).rejects.toThrow()
    expect([await allowed(), await allowed()]).toEqual([true, false])
  })

  it('createLimiter: open allows without a limit, closed rejects with a 503', async () => {
    const store = () => redisStore(unreachable, { namespace: uniqueNamespace() })
    const options = { limit: 1, window: '1h' }
    const open = createLimiter({ ...options, store: store(), onStoreFailure: 'open' })
    expect(await open.consume('k')).toMatchObject({ allowed: true, limit: Number.POSITIVE_INFINITY })
    const closed = createLimiter({ ...options, store: store(), onStoreFailure: 'closed' })
    for (let i = 0; i < 9; i++) {
      const attempt = (async () => closed.consume('k'))()
      await expect(attempt).rejects.toBeInstanceOf(RequestError)
      await expect(attempt).rejects.toMatchObject({ status: 503 })
    }
  })
})

describe.skipIf(redisUrl() === undefined)('a Redis that counts in time and answers too late', () => {
  const redis = new Redis(redisUrl() as string, { lazyConnect: true })
  beforeAll(() => redis.connect())
  afterAll(() => redis.disconnect())

  /** Redis does what it is told at once; its answers come when the test says so. */
  function slowRedis() {
    const { send, subscribe } = fromIoredis(redis)
    let answers: Promise<void> | undefined
    let release = () => {}
    const client: RedisClient = {
      subscribe,
      async send(command, key) {
        const reply = await send(command, key)
        await answers
        return reply
      },
    }
    return {
      client,
      slow() {
        answers = new Promise(resolve => {
          release = () => {
            answers = undefined
            resolve()
          }
        })
      },
      well: () => release(),
    }
  }

  it.each([
    ['that stays closed', { failures: 1000 }],
    ['that opens before the answers come', { failures: 2, backoff: 1 }],
  ])('count failures, with a breaker %s: who never failed is not counted', async (_, breaker) => {
    const { client, slow, well } = slowRedis()
    const store = redisStore(client, { namespace: uniqueNamespace(), deadline: 20, breaker })
    const edge = pipeline({ logger: { ...quiet, warn() {} } }).use(
      rateLimit({ algorithm: 'fixed-window', limit: 3, window: '1h', count: 'failures', store }),
    )
    await inject(edge)
    slow()
    for (let i = 0; i < 3; i++) expect(await inject(edge)).toMatchObject({ status: 200 })
    well()
    await vi.waitFor(async () => {
      const { headers } = await inject(edge)
      expect(headers).toMatchObject({ 'x-ratelimit-remaining': '2' })
    })
    await edge.dispose()
  })

  it.each(['local', 'open'] as const)(
    '%s: a receipt gives back what the late answer says, before and after it has come',
    async rule => {
      const { client, slow, well } = slowRedis()
      const options = {
        algorithm: 'fixed-window',
        limit: 9,
        window: '1h',
        store: redisStore(client, { namespace: uniqueNamespace(), deadline: 20 }),
        onStoreFailure: rule,
      } as const
      const limiter = createLimiter(options)
      slow()
      const [before, after, kept] = await Promise.all([1, 2, 3].map(cost => limiter.consume('k', cost)))
      if (before?.receipt === undefined || after?.receipt === undefined) throw new Error('no receipt')
      expect(kept?.allowed).toBe(true)
      await limiter.refund(before.receipt)
      well()
      await vi.waitFor(async () => expect(await limiter.consume('k', 0)).toMatchObject({ remaining: 9 - 5 }))
      await limiter.refund(after.receipt)
      await limiter.refund(after.receipt)
      await vi.waitFor(async () => expect(await limiter.consume('k', 0)).toMatchObject({ remaining: 9 - 3 }))
    },
  )

  it('closed: what was refused with 503 is not counted', async () => {
    const { client, slow, well } = slowRedis()
    const limiter = createLimiter({
      algorithm: 'fixed-window',
      limit: 9,
      window: '1h',
      store: redisStore(client, { namespace: uniqueNamespace(), deadline: 20 }),
      onStoreFailure: 'closed',
    })
    slow()
    await expect((async () => limiter.consume('k'))()).rejects.toMatchObject({ status: 503 })
    well()
    await vi.waitFor(async () => expect(await limiter.consume('k', 0)).toMatchObject({ remaining: 9 }))
  })
})

describe.skipIf(!canStartRedis())('a real Redis that is harmed', () => {
  let server: RedisServer
  let redis: Redis
  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.url, { retryStrategy: () => 20 })
    redis.on('error', () => {})
  })
  afterEach(async () => {
    await server.restart()
    await vi.waitFor(() => redis.ping(), { timeout: 10_000 })
  })
  afterAll(async () => {
    redis?.disconnect()
    await server?.stop()
  })

  it('frozen: a request waits for the deadline at most, and the local limiter decides', async () => {
    const { edge, errors } = edgeWith('local', fromIoredis(redis))
    server.freeze()
    expect(await statuses(edge, 3)).toEqual([200, 200, 429])
    expect(errors.mock.calls[0]?.[0]).toMatchObject({ error: { code: 'REDIS_DEADLINE' } })
    server.thaw()
  })

  it.each([
    ['as it is by default', undefined],
    ['that never opens, so that every request waits', { failures: 10_000 }],
  ])(
    'frozen under load, with a breaker %s: none waits for 50 ms over the deadline',
    async (_title, breaker) => {
      const deadline = 100
      const limiter = createLimiter({
        algorithm: 'fixed-window',
        limit: 70,
        window: '1h',
        store: redisStore(fromIoredis(redis), {
          namespace: uniqueNamespace(),
          deadline,
          ...(breaker && { breaker }),
        }),
      })
      await limiter.consume('warm')
      server.freeze()
      let late = 0
      // A timer of our own is no measurement: on a machine that stands still for a second, it fires
      // as late as what it is compared with.
      const watched = async () => {
        let pending = true
        const timer = setTimeout(
          () => setImmediate(() => setImmediate(() => (late += pending ? 1 : 0))),
          deadline + 50,
        )
        const decision = await limiter.consume('k')
        pending = false
        return { decision, timer }
      }
      const requests: ReturnType<typeof watched>[] = []
      for await (const _ of setInterval(5)) {
        for (let i = 0; i < 10; i++) requests.push(watched())
        if (requests.length === 600) break
      }
      const answered = await Promise.all(requests)
      for (const { timer } of answered) clearTimeout(timer)
      server.thaw()
      expect(late).toBe(0)
      // The limiter of this process decided, and exactly.
      expect(answered.filter(({ decision }) => decision.allowed)).toHaveLength(70)
    },
  )

  it('killed, and started again: the shared count decides again', async () => {
    const store = redisStore(fromIoredis(redis), {
      namespace: uniqueNamespace(),
      breaker: { failures: 1, backoff: 1 },
      cacheRefusals: false,
    })
    const limiter = createLimiter({
      algorithm: 'fixed-window',
      limit: 5,
      window: '1h',
      store,
      onStoreFailure: 'open',
    })
    expect(await limiter.consume('k')).toMatchObject({ remaining: 4 })
    await server.kill()
    expect(await limiter.consume('k')).toMatchObject({ allowed: true, limit: Number.POSITIVE_INFINITY })
    await server.restart()
    const decision = await vi.waitFor(
      async () => {
        const again = await limiter.consume('k')
        expect(again.limit).toBe(5)
        return again
      },
      { timeout: 10_000 },
    )
    expect(decision.allowed).toBe(true)
  })
})
