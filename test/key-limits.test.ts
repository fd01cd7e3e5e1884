import { apiKey, apiKeys, authenticate } from '@palisade/auth'
import { pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { rateLimit } from '@palisade/ratelimit'
import { describe, expect, test } from 'vitest'
import { fakeLimiter } from '../packages/auth/test/support/fake-limiter.js'
import { FIELDS, setUp } from './support/limited-keys.js'

const HOUR = 3_600_000
const NAMES = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']

const legacy = (headers: Readonly<Record<string, unknown>>) => NAMES.map(name => headers[name])
const draft = (headers: Readonly<Record<string, unknown>>) => [
  headers['ratelimit-policy'],
  headers['ratelimit'],
]

describe("a key's own limit", () => {
  test('is told in the headers of each answer', async () => {
    const { clock, keys, use } = setUp()
    const { key } = await keys.create({ ...FIELDS, rateLimit: { limit: 2, window: '1h' } })
    const { status, headers } = await use(key)
    expect(status).toBe(200)
    const reset = Math.ceil((clock.now() + HOUR) / 1000)
    expect(legacy(headers)).toEqual(['2', '1', String(reset)])
    expect(draft(headers)).toEqual(['"api-key";q=2;w=3600', '"api-key";r=1;t=3600'])
  })

  test('is told on a refusal, with Retry-After', async () => {
    const { keys, use } = setUp()
    const { key } = await keys.create({ ...FIELDS, rateLimit: { limit: 1, window: '1h' } })
    await use(key)
    const { status, headers } = await use(key)
    expect(status).toBe(429)
    expect(legacy(headers).slice(0, 2)).toEqual(['1', '0'])
    expect(draft(headers)).toEqual([
      '"api-key";q=1;w=3600',
      expect.stringMatching(new RegExp(`^"api-key";r=0;t=${headers['retry-after']}$`)),
    ])
  })

  test('says what rateLimit() says of the same limit', async () => {
    const { clock, keys, use } = setUp()
    const { key } = await keys.create({ ...FIELDS, rateLimit: { limit: 2, window: '1h' } })
    const limit = rateLimit({ name: 'api-key', algorithm: 'fixed-window', limit: 2, window: '1h' })
    const other = pipeline({ clock, production: true }).use(limit)
    for (let i = 0; i < 3; i++) {
      const mine = (await use(key)).headers
      const its = (await inject(other)).headers
      expect([...legacy(mine), ...draft(mine), mine['retry-after']]).toEqual([
        ...legacy(its),
        ...draft(its),
        its['retry-after'],
      ])
    }
  })

  test('speaks with rateLimit(), in front of it and behind', async () => {
    for (const isFirst of [true, false]) {
      const { clock, keys, auth, use } = setUp()
      const wide = rateLimit({ name: 'all', algorithm: 'fixed-window', limit: 100, window: '1h' })
      const base = pipeline({ clock, production: true })
      const built = isFirst ? base.use(wide).use(auth) : base.use(auth).use(wide)
      const { key } = await keys.create({ ...FIELDS, rateLimit: { limit: 2, window: '1h' } })
      const passed = await use(key, built)
      expect(legacy(passed.headers).slice(0, 2)).toEqual(['2', '1'])
      const policies = isFirst
        ? '"all";q=100;w=3600,"api-key";q=2;w=3600'
        : '"api-key";q=2;w=3600,"all";q=100;w=3600'
      expect(passed.headers['ratelimit-policy']).toBe(policies)
      expect(passed.headers['ratelimit']).toMatch(/"api-key";r=1/)
      expect(passed.headers['ratelimit']).toMatch(/"all";r=99/)
      await use(key, built)
      const refused = await use(key, built)
      expect(refused.status).toBe(429)
      expect(legacy(refused.headers).slice(0, 2)).toEqual(['2', '0'])
      expect(refused.headers['ratelimit']).toMatch(/^"api-key";r=0;t=\d+$/)
    }
  })

  test('speaks of a quota too: the nearer one in the legacy fields, on a refusal who refuses', async () => {
    const { keys, use } = setUp()
    const limits = { rateLimit: { limit: 9, window: '1h' }, quota: { limit: 1, window: '1d' } } as const
    const { key } = await keys.create({ ...FIELDS, ...limits })
    const passed = (await use(key)).headers
    expect(legacy(passed).slice(0, 2)).toEqual(['1', '0'])
    expect(passed['ratelimit-policy']).toBe('"api-key";q=9;w=3600,"api-key-quota";q=1;w=86400')
    expect(passed['ratelimit']).toMatch(/^"api-key";r=8;t=\d+,"api-key-quota";r=0;t=\d+$/)
    const { status, headers } = await use(key)
    expect(status).toBe(429)
    expect(headers['ratelimit']).toBe(`"api-key-quota";r=0;t=${headers['retry-after']}`)
  })

  test('of one key is not told of another', async () => {
    const { keys, use } = setUp()
    const one = await keys.create({ ...FIELDS, rateLimit: { limit: 5, window: '1h' } })
    const two = await keys.create({ ...FIELDS, rateLimit: { limit: 7, window: '2h' } })
    for (const [{ key }, policy] of [
      [one, '"api-key";q=5;w=3600'],
      [two, '"api-key";q=7;w=7200'],
      [one, '"api-key";q=5;w=3600'],
    ] as const)
      expect((await use(key)).headers['ratelimit-policy']).toBe(policy)
  })

  test.each([
    [{ legacy: false }, [undefined, '"api-key";q=5;w=3600']],
    [{ draft: false }, ['5', undefined]],
    [{ legacy: false, draft: false }, [undefined, undefined]],
  ])('is told only in the headers that are wanted: %j', async (headers, expected) => {
    const { keys, use } = setUp({ headers })
    const { key } = await keys.create({ ...FIELDS, rateLimit: { limit: 5, window: '1h' } })
    const got = (await use(key)).headers
    expect([got['x-ratelimit-limit'], got['ratelimit-policy']]).toEqual(expected)
  })

  test('is told by no header in shadow mode', async () => {
    const { keys, use } = setUp({}, 'shadow')
    const { key } = await keys.create({ ...FIELDS, rateLimit: { limit: 1, window: '1h' } })
    for (const answer of [await use(key), await use(key)]) {
      expect(answer.status).toBe(200)
      expect([...legacy(answer.headers), ...draft(answer.headers)].every(value => value === undefined)).toBe(
        true,
      )
    }
  })

  test('is told by no header where the limiter knows no quota, and of a limiter that answers later', async () => {
    const open = { ...fakeLimiter(0) }
    const unlimited = {
      allowed: true,
      limit: Number.POSITIVE_INFINITY,
      remaining: Number.POSITIVE_INFINITY,
      resetMs: 0,
      retryAfterMs: 0,
      refusedBy: [],
      receipt: undefined,
    }
    const failing = setUp({ limiter: () => ({ ...open, consume: () => unlimited }) })
    const one = await failing.keys.create(FIELDS)
    const passed = await failing.use(one.key)
    expect([passed.status, ...legacy(passed.headers), ...draft(passed.headers)]).toEqual([
      200,
      ...Array(5).fill(undefined),
    ])
    const late = setUp({ limiter: () => fakeLimiter(3, true) })
    const two = await late.keys.create(FIELDS)
    expect(legacy((await late.use(two.key)).headers).slice(0, 2)).toEqual(['3', '2'])
  })

  test.each([undefined, null, {}, { allowed: 'yes' }, { allowed: 1 }])(
    'given a limiter that answers %j, then nobody passes',
    async answer => {
      const { keys, use } = setUp({
        limiter: () => ({ consume: () => answer as never, refund() {} }),
      })
      const { key } = await keys.create(FIELDS)
      expect((await use(key)).status).toBeGreaterThanOrEqual(400)
    },
  )
})

describe('the default limit', () => {
  test('is 1,000 an hour for each key', async () => {
    const { keys, use } = setUp()
    const one = await keys.create(FIELDS)
    const two = await keys.create(FIELDS)
    const statuses = []
    for (let i = 0; i < 1001; i++) statuses.push((await use(one.key)).status)
    expect(statuses.filter(status => status === 200)).toHaveLength(1000)
    expect(statuses.at(-1)).toBe(429)
    const { status, headers } = await use(two.key)
    expect([status, ...legacy(headers).slice(0, 2)]).toEqual([200, '1000', '999'])
  })

  test.each([false, null] as const)('can be %j: then keys without one have none', async none => {
    const { keys, use } = setUp({ defaultRateLimit: none })
    const free = await keys.create(FIELDS)
    const own = await keys.create({ ...FIELDS, rateLimit: { limit: 3, window: '1h' } })
    expect((await use(free.key)).headers['x-ratelimit-limit']).toBeUndefined()
    expect((await use(own.key)).headers['x-ratelimit-limit']).toBe('3')
  })

  test("gives way to a key's own, higher, lower or none, and comes back with null", async () => {
    const { keys, use } = setUp({ defaultRateLimit: { limit: 5, window: '1m' } })
    const { key, record } = await keys.create({ ...FIELDS, rateLimit: { limit: 9, window: '1h' } })
    const limitNow = async () => (await use(key)).headers['x-ratelimit-limit']
    expect(await limitNow()).toBe('9')
    await keys.update(record.id, { rateLimit: { limit: 2, window: '1h' } })
    expect(await limitNow()).toBe('2')
    await keys.update(record.id, { rateLimit: false })
    expect(await limitNow()).toBeUndefined()
    await keys.update(record.id, { rateLimit: null })
    expect(await limitNow()).toBe('5')
  })

  test('needs a limiter: without one there is no default, and asking for one is a ConfigError', async () => {
    expect(() => apiKeys({ defaultRateLimit: { limit: 5, window: '1h' } })).toThrow(/defaultRateLimit/)
    for (const none of [false, null] as const) expect(() => apiKeys({ defaultRateLimit: none })).not.toThrow()
    const clock = fakeClock()
    const keys = apiKeys({ clock })
    const { key } = await keys.create({ ...FIELDS, rateLimit: false })
    const edge = pipeline({ clock }).use(authenticate({ strategies: [apiKey({ keys })] }))
    const { status, headers } = await inject(edge, { headers: { 'x-api-key': key } })
    expect([status, headers['x-ratelimit-limit']]).toEqual([200, undefined])
  })

  test.each([
    true,
    0,
    1000,
    '1000',
    {},
    { limit: 0, window: '1h' },
    { limit: 5 },
    { limit: 5, window: '1ms' },
    { limit: 5, window: '1h', extra: 1 },
  ])('cannot be %j', value => {
    expect(() => apiKeys({ limiter: () => fakeLimiter(1), defaultRateLimit: value as never })).toThrow(
      /defaultRateLimit/,
    )
  })
})
