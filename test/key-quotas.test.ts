import { keyValueKeys, memoryKeys } from '@palisade/auth'
import type { KeyValueStore } from '@palisade/core/middleware'
import { fakeClock } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { fakeLimiter } from '../packages/auth/test/support/fake-limiter.js'
import { FIELDS, setUp } from './support/limited-keys.js'

describe('a refusal by quota', () => {
  const TEN_MINUTES = 600_000
  const LIMITS = { rateLimit: { limit: 3, window: '1h' }, quota: { limit: 1, window: '10m' } } as const

  async function useTimes(use: (key: string) => Promise<{ status: number }>, key: string, times: number) {
    const statuses: number[] = []
    for (let i = 0; i < times; i++) statuses.push((await use(key)).status)
    return statuses
  }

  test('refunds the rate limit of the key: the next period has it', async () => {
    const { clock, keys, use } = setUp()
    const { key } = await keys.create({ ...FIELDS, ...LIMITS })
    expect(await useTimes(use, key, 6)).toEqual([200, 429, 429, 429, 429, 429])
    clock.advance(TEN_MINUTES)
    const { status, headers } = await use(key)
    expect([status, headers['ratelimit']]).toEqual([200, expect.stringMatching(/^"api-key";r=1;/)])
  })

  test('and one by the rate limit takes nothing of the quota', async () => {
    const { clock, keys, use } = setUp()
    const rateLimit = { limit: 1, window: '1m' } as const
    const { key } = await keys.create({ ...FIELDS, rateLimit, quota: { limit: 2, window: '1d' } })
    expect(await useTimes(use, key, 4)).toEqual([200, 429, 429, 429])
    clock.advance(60_000)
    expect(await useTimes(use, key, 1)).toEqual([200])
  })

  const later = () => {
    const map = new Map<string, unknown>()
    return keyValueKeys({
      store: {
        get: async name => map.get(name),
        set: async (name, value) => void map.set(name, value),
        delete: async name => map.delete(name),
      } as KeyValueStore,
    })
  }

  test.each([
    ['in memory', undefined],
    ['in a store', later],
  ])('takes nothing of a quota that is raised later (%s)', async (_, store) => {
    const { keys, use } = setUp(store === undefined ? {} : { store: store() })
    const { key, record } = await keys.create({ ...FIELDS, quota: { limit: 1, window: '1d' } })
    expect(await useTimes(use, key, 4)).toEqual([200, 429, 429, 429])
    await keys.update(record.id, { quota: { limit: 3, window: '1d' } })
    expect(await useTimes(use, key, 3)).toEqual([200, 200, 429])
  })

  test('says when the period ends, by periods that follow each other in UTC', async () => {
    const { clock, keys, use } = setUp()
    const { key } = await keys.create({ ...FIELDS, quota: { limit: 1, window: '1d' } })
    await use(key)
    const { status, headers, json } = await use(key)
    const midnight = Date.UTC(2023, 10, 15)
    expect([status, headers['retry-after']]).toEqual([429, String((midnight - clock.now()) / 1000)])
    expect(json()).toMatchObject({
      error: { code: 'RATE_LIMITED', message: 'This key has been used too often' },
    })
    clock.advance(midnight - clock.now())
    expect(await useTimes(use, key, 2)).toEqual([200, 429])
  })

  test('begins a new count with another window', async () => {
    const { keys, use } = setUp()
    const { key, record } = await keys.create({ ...FIELDS, quota: { limit: 1, window: '1d' } })
    expect(await useTimes(use, key, 2)).toEqual([200, 429])
    await keys.update(record.id, { quota: { limit: 1, window: '2d' } })
    expect(await useTimes(use, key, 2)).toEqual([200, 429])
  })

  test.each([false, true])('refunds a limiter that answers later: %s', async isLate => {
    const limiter = fakeLimiter(3, isLate)
    const { keys, use } = setUp({ limiter: () => limiter })
    const { key, record } = await keys.create({ ...FIELDS, ...LIMITS })
    await useTimes(use, key, 4)
    expect(limiter.used.get(record.id)).toBe(1)
  })

  test('is refunded too where the quota cannot be counted: a 503 consumes nothing', async () => {
    const limiter = fakeLimiter(3)
    const store = memoryKeys({ clock: fakeClock(1_700_000_000_000) })
    const fails = () => Promise.reject(new Error('down'))
    const { keys, use } = setUp({ limiter: () => limiter, store: { ...store, count: fails } })
    const { key, record } = await keys.create({ ...FIELDS, ...LIMITS })
    expect(await useTimes(use, key, 2)).toEqual([503, 503])
    expect(limiter.used.get(record.id)).toBe(0)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
  ])('is the same 429 when the refund %s', async (_, refund) => {
    const limiter = { ...fakeLimiter(3), refund: refund as () => void }
    const { keys, use } = setUp({ limiter: () => limiter })
    const { key } = await keys.create({ ...FIELDS, ...LIMITS })
    expect(await useTimes(use, key, 2)).toEqual([200, 429])
  })

  test('needs a limiter that refunds: of any other, no key passes', async () => {
    const { consume } = fakeLimiter(3)
    const { keys, use } = setUp({ limiter: () => ({ consume }) as never })
    const { key } = await keys.create({ ...FIELDS, ...LIMITS })
    expect((await use(key)).status).toBe(503)
  })
})
