import { pipeline, Reply } from '@palisade/core'
import { guardRedis, type RedisClient, redisKeys } from '@palisade/core/redis'
import { type FakeClock, fakeClock, inject } from '@palisade/core/testing'
import {
  type AlgorithmName,
  concurrencyLimit,
  createLimiter,
  type LimitStore,
  memoryStore,
  rateLimit,
} from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES } from '../src/algorithms/index.js'
import { RedisStore } from '../src/stores/redis/redis-store.js'

const HOUR = 3_600_000
const ALGORITHMS: readonly (AlgorithmName | undefined)[] = [undefined, ...ALGORITHM_NAMES]
/** What an operator or NTP does to the time of day. */
const STEPS = [
  { name: 'back by an hour', by: -HOUR },
  { name: 'forward by an hour', by: HOUR },
]

/** A client of a Redis that is gone, so that the limiter in the process decides. */
const gone: RedisClient = {
  send: () => Promise.reject(new Error('connect ECONNREFUSED')),
  subscribe: () => ({ ready: Promise.resolve(), close() {} }),
}

const stores: readonly { name: string; store: () => LimitStore }[] = [
  { name: 'memoryStore', store: () => memoryStore() },
  {
    name: 'the local fallback',
    store: () => new RedisStore(guardRedis(gone), redisKeys('steps', 'rl'), 1000),
  },
]

describe.each(STEPS)('a time of day that steps $name', ({ by }) => {
  const step = (clock: FakeClock) => clock.set(clock.now() + by)

  describe.each(stores)('with $name', ({ store }) => {
    it.each(ALGORITHMS)('%s: decides as if nothing had happened', async algorithm => {
      const options = { limit: 4, window: '1m', ...(algorithm && { algorithm }) } as const
      const [clock, still] = [fakeClock(), fakeClock()]
      const limiter = createLimiter({ ...options, store: store(), clock })
      const expected = createLimiter({ ...options, clock: still })
      for (let i = 0; i < 40; i++) {
        if (i % 5 === 3) step(clock)
        const { receipt, ...decision } = await limiter.consume('k')
        const { receipt: ours, ...wanted } = expected.consume('k')
        expect(decision, `attempt ${i}`).toEqual(wanted)
        if (i % 7 === 6 && receipt !== undefined && ours !== undefined) {
          step(clock)
          await limiter.refund(receipt)
          expected.refund(ours)
        }
        clock.advance(7000)
        still.advance(7000)
      }
    })
  })

  it.each(ALGORITHMS)(
    '%s: rateLimit refuses and admits by elapsed time, and the headers are true',
    async algorithm => {
      const clock = fakeClock()
      const limits = rateLimit({ limit: 2, window: '1m', ...(algorithm && { algorithm }) })
      const edge = pipeline({ clock }).use(limits)
      await inject(edge)
      step(clock)
      expect((await inject(edge)).status).toBe(200)
      const refused = await inject(edge)
      expect(refused.status).toBe(429)
      const wait = Number(refused.headers['retry-after'])
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(120)
      const reset = Number(refused.headers['x-ratelimit-reset']) - clock.now() / 1000
      expect(reset).toBeGreaterThan(0)
      expect(reset).toBeLessThanOrEqual(121)
      clock.advance(wait * 1000)
      expect((await inject(edge)).status).toBe(200)
    },
  )

  it.each(['failures', 'successes'] as const)('count: %s gives back what does not count', async count => {
    const clock = fakeClock()
    let isBad = false
    const edge = pipeline({ clock }).use(rateLimit({ limit: 1, window: '1m', count, isFailure: () => isBad }))
    const handler = () => {
      step(clock)
      return new Reply(200)
    }
    isBad = count === 'successes'
    for (let i = 0; i < 5; i++) expect((await inject(edge, { handler })).status).toBe(200)
  })

  it('a flood is a violation again in the next window, and not before', async () => {
    const clock = fakeClock()
    const edges = [
      pipeline({ clock }).use(rateLimit({ limit: 0, window: '1m' })),
      pipeline({ clock }).use(concurrencyLimit({ limit: 0, violation: true })),
    ]
    for (const edge of edges) {
      let violations = 0
      edge.events.on('security:violation', () => violations++)
      await inject(edge)
      step(clock)
      await inject(edge)
      expect(violations).toBe(1)
      clock.advance(60_000)
      await inject(edge)
      expect(violations).toBe(2)
    }
  })
})

it('the cache of refusals is asked in monotonic time', async () => {
  const clock = fakeClock()
  let asked = 0
  // Refuses: the count of the log is over the limit, and its oldest attempt ends in 10 s.
  const refusing: RedisClient = {
    ...gone,
    send: () => {
      asked++
      return Promise.resolve([0, 1, 50_000, 1, 1, 1])
    },
  }
  const store = new RedisStore(guardRedis(refusing), redisKeys('steps', 'rl'), 1000)
  const limiter = createLimiter({ limit: 1, window: '1m', store, clock })
  expect((await limiter.consume('k')).allowed).toBe(false)
  for (const by of [-HOUR, HOUR, HOUR]) {
    clock.set(clock.now() + by)
    expect((await limiter.consume('k')).allowed).toBe(false)
  }
  expect(asked).toBe(1)
  clock.advance(1000)
  await limiter.consume('k')
  expect(asked).toBe(2)
})
