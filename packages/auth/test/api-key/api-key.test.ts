import type * as crypto from 'node:crypto'
import { fakeClock } from '@palisade/core/testing'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { formatKey } from '../../src/api-key/key-text.js'
import {
  type ApiKeyRecord,
  type ApiKeysOptions,
  apiKey,
  apiKeys,
  keyValueKeys,
  memoryKeys,
  type NewApiKey,
} from '../../src/index.js'
import { edge } from '../support/edge.js'
import { remoteStore } from '../support/failing-store.js'
import { fakeLimiter } from '../support/fake-limiter.js'

const work = vi.hoisted(() => ({ hashes: 0, compares: 0 }))
vi.mock('node:crypto', async load => {
  const real = await load<typeof crypto>()
  return {
    ...real,
    createHash: (...args: Parameters<typeof real.createHash>) => {
      work.hashes++
      return real.createHash(...args)
    },
    timingSafeEqual: (...args: Parameters<typeof real.timingSafeEqual>) => {
      work.compares++
      return real.timingSafeEqual(...args)
    },
  }
})

const CHALLENGE = 'ApiKey realm="api"'
const FIELDS: NewApiKey = { name: 'Mobile app', owner: 'u42', scopes: ['read', 'write'] }

function setUp(options: ApiKeysOptions = {}) {
  const clock = fakeClock()
  const keys = apiKeys({ clock, ...options })
  const here = edge({ strategies: [apiKey({ keys })] }, clock)
  const use = (key: string, more: object = {}) => here.send({ headers: { 'x-api-key': key }, ...more })
  return { ...here, keys, use }
}

/** What plain JavaScript may do to an `ApiKeyInfo`. */
type Writable = { quota: { limit: number }; windows: [{ to: string }]; scopes: string[] }
const attempt = (change: () => unknown) => {
  try {
    change()
  } catch {
    // It is frozen, which is as good.
  }
}

beforeEach(() => {
  work.hashes = 0
  work.compares = 0
})

describe('a key', () => {
  test('that was issued becomes its owner, with what it was given', async () => {
    const { keys, use, successes } = setUp()
    const { key, record } = await keys.create({
      ...FIELDS,
      tenant: 't1',
      roles: ['bot'],
      permissions: ['orders:read'],
    })
    const { status, state } = await use(key)
    expect(status).toBe(200)
    expect(state.identity).toMatchObject({
      subject: 'u42',
      method: 'api-key',
      tenant: 't1',
      permissions: ['orders:read'],
      claims: { keyId: record.id, name: 'Mobile app' },
    })
    expect([...(state.identity?.scopes ?? [])]).toEqual(['read', 'write'])
    expect(successes).toEqual(['u42'])
  })

  test('is synchronous with keys in memory', async () => {
    const { keys, use } = setUp()
    const { key } = await keys.create(FIELDS)
    const { ctx } = await use(key)
    const { client, signal } = ctx
    const verified = keys.verifier.verify(key, {
      now: 0,
      monotonic: 0,
      client,
      isThrottled: false,
      signal,
      tellLimits() {},
    })
    expect(verified).toMatchObject({ outcome: 'authenticated' })
  })

  test('stores no secret, with a pepper or without', async () => {
    for (const pepper of [undefined, 'p'.repeat(32)]) {
      const { store, values } = remoteStore()
      const keys = apiKeys({ store: keyValueKeys({ store }), ...(pepper && { pepper }) })
      const { key } = await keys.create(FIELDS)
      const secret = key.split('_')[2] as string
      const stored = [...values.values()].join('\n')
      expect(stored).not.toContain(secret.slice(0, 43))
      expect(stored).toContain(pepper === undefined ? '"sha256:' : '"hmac-sha256:')
    }
  })

  test.each([
    ['of nobody', (key: string) => withId(key, '0000000000000000')],
    [
      'with a typing error',
      (key: string) => `${key.slice(0, 30)}${key[30] === 'x' ? 'y' : 'x'}${key.slice(31)}`,
    ],
    ['that is empty', () => ''],
    ['sent twice', (key: string) => [key, key]],
    ['that is a megabyte', () => 'x'.repeat(1_000_000)],
    ['of another prefix', (key: string) => key.replace('pk_', 'sk_')],
  ])('%s is a 401', async (_, change) => {
    const { keys, use, violations } = setUp()
    const { key } = await keys.create(FIELDS)
    const { status, headers } = await use(change(key) as string)
    expect([status, headers['www-authenticate'], violations.length]).toEqual([401, CHALLENGE, 1])
  })

  test('that is unknown, wrong, revoked, disabled, expired or early gets the same answer, for the same work', async () => {
    const { keys, use, clock, failures } = setUp()
    const bodies = new Set<string>()
    const costs = new Set<string>()
    const attempt = async (key: string) => {
      work.hashes = 0
      work.compares = 0
      const { status, headers, body } = await use(key)
      costs.add(`${work.hashes} hash, ${work.compares} comparisons`)
      bodies.add(
        [status, headers['www-authenticate'], body.replace(/"(timestamp|request_id)":"[^"]*"/g, '')].join(),
      )
    }
    const { key: good } = await keys.create(FIELDS)
    const other = await keys.create(FIELDS)
    const wrong = withSecretOf(good, other.key)
    const unknown = withId(good, '0000000000000000')
    const revoked = await keys.create(FIELDS)
    await keys.revoke(revoked.record.id)
    const disabled = await keys.create(FIELDS)
    await keys.update(disabled.record.id, { disabled: true })
    const early = await keys.create({ ...FIELDS, notBefore: clock.now() + 1000 })
    const late = await keys.create({ ...FIELDS, expiresAt: clock.now() + 500 })
    clock.advance(500)
    for (const key of [unknown, wrong, revoked.key, disabled.key, early.key, late.key]) await attempt(key)
    expect(bodies.size).toBe(1)
    expect([...costs]).toEqual(['1 hash, 2 comparisons'])
    expect(failures.map(({ reason }) => reason)).toEqual([
      'unknown key',
      'wrong secret',
      'revoked',
      'disabled',
      'not yet valid',
      'expired',
    ])
    clock.advance(500)
    expect((await use(early.key)).status).toBe(200)
  })

  test('is hashed under the new pepper, and one of the old pepper is still good', async () => {
    const { store } = remoteStore()
    const kept = keyValueKeys({ store })
    const { key } = await apiKeys({ store: kept, pepper: 'old'.repeat(11) }).create(FIELDS)
    expect((await setUp({ store: kept, pepper: ['new'.repeat(11), 'old'.repeat(11)] }).use(key)).status).toBe(
      200,
    )
    expect((await setUp({ store: kept, pepper: 'new'.repeat(11) }).use(key)).status).toBe(401)
    expect((await setUp({ store: kept }).use(key)).status).toBe(401)
  })
})

describe('restrictions', () => {
  test.each([
    [['192.168.1.0/24'], '192.168.1.77', 200],
    [['192.168.1.0/24'], '192.168.2.1', 403],
    [['192.168.1.0/24'], '::ffff:192.168.1.77', 200],
    [['192.168.1.100', '10.0.0.0/16'], '10.0.255.1', 200],
    [['2001:db8::/32'], '2001:db8::1', 200],
    [['2001:db8::/32'], '203.0.113.9', 403],
    [['0.0.0.0/0'], null, 403],
  ])('given the networks %j, then %s is answered %i', async (allowedCidrs, peer, status) => {
    const { keys, use, violations } = setUp()
    const { key } = await keys.create({ ...FIELDS, allowedCidrs })
    const response = await use(key, { peer })
    expect(response.status).toBe(status)
    expect(violations.length).toBe(status === 403 && peer !== null ? 1 : 0)
    if (status === 403) expect(response.headers['www-authenticate']).toBeUndefined()
  })

  // 2023-11-14 22:13:20 UTC, a Tuesday, is where the fake clock begins; in Berlin it is 23:13.
  test.each([
    [{ from: '22:00', to: '22:14' }, 200],
    [{ from: '22:00', to: '22:13' }, 403],
    [{ from: '22:13', to: '24:00' }, 200],
    [{ from: '23:00', to: '23:30', zone: 'Europe/Berlin' }, 200],
    [{ from: '22:00', to: '22:30', zone: 'Europe/Berlin' }, 403],
    [{ from: '22:00', to: '06:00' }, 200],
    [{ from: '22:00', to: '06:00', days: ['tue' as const] }, 200],
    [{ from: '22:00', to: '06:00', days: ['mon' as const] }, 403],
    [{ from: '23:00', to: '22:30', days: ['mon' as const] }, 200],
    [{ from: '07:00', to: '07:30', zone: 'Asia/Tokyo', days: ['wed' as const] }, 200],
    [{ from: '07:00', to: '07:30', zone: 'Asia/Tokyo', days: ['tue' as const] }, 403],
  ])('given the hours %j, then it is answered %i', async (window, status) => {
    const { keys, use, violations } = setUp()
    const { key } = await keys.create({ ...FIELDS, windows: [window] })
    expect((await use(key)).status).toBe(status)
    expect(violations).toEqual([])
  })

  test('given a quota, then exactly so many uses pass in a period, however parallel', async () => {
    const { keys, use, clock, violations } = setUp()
    const { key } = await keys.create({ ...FIELDS, quota: { limit: 5, window: '1h' } })
    const first = await Promise.all(Array.from({ length: 12 }, () => use(key)))
    expect(first.filter(({ status }) => status === 200).length).toBe(5)
    const refused = first.find(({ status }) => status === 429)
    // 22:13:20 until 23:00:00
    expect(refused?.headers['retry-after']).toBe(String(46 * 60 + 40))
    expect(violations).toEqual([])
    clock.advance((46 * 60 + 40) * 1000)
    expect((await use(key)).status).toBe(200)
  })

  test('given a quota and a store far away, then the count is exact too', async () => {
    const { store } = remoteStore()
    const { keys, use } = setUp({ store: keyValueKeys({ store }) })
    const { key } = await keys.create({ ...FIELDS, quota: { limit: 5, window: '1h' } })
    const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await use(key)).status))
    expect(statuses.filter(status => status === 200).length).toBe(5)
  })

  test('given a rate limit, then the limiter of that rate decides by key', async () => {
    const made: object[] = []
    const limiter = fakeLimiter(2)
    const { keys, use } = setUp({
      limiter: rate => {
        made.push(rate)
        return limiter
      },
    })
    const one = await keys.create({ ...FIELDS, rateLimit: { limit: 2, window: '1h' } })
    const two = await keys.create({ ...FIELDS, rateLimit: { limit: 2, window: '1h' } })
    expect([(await use(one.key)).status, (await use(one.key)).status]).toEqual([200, 200])
    const { status, headers } = await use(one.key)
    expect([status, headers['retry-after']]).toEqual([429, '2'])
    expect((await use(two.key)).status).toBe(200)
    expect(made).toEqual([{ limit: 2, window: 3_600_000 }])
    expect([...limiter.used.keys()]).toEqual([one.record.id, two.record.id])
  })

  test('given a rate limit and no limiter, then the key cannot be made, and one from a store is refused', async () => {
    const { store } = remoteStore()
    const kept = keyValueKeys({ store })
    await expect(
      apiKeys({ store: kept }).create({ ...FIELDS, rateLimit: { limit: 1, window: '1h' } }),
    ).rejects.toThrow('not valid')
    const { key } = await apiKeys({ store: kept, limiter: () => fakeLimiter(9) }).create({
      ...FIELDS,
      rateLimit: { limit: 1, window: '1h' },
    })
    expect((await setUp({ store: kept }).use(key)).status).toBe(503)
  })
})

describe('a life', () => {
  test('when a key is rotated with an overlap, then both secrets are good until it ends', async () => {
    const { keys, use, clock } = setUp()
    const first = await keys.create(FIELDS)
    const second = await keys.rotate(first.record.id, { overlap: '1h' })
    expect(second?.record.previousUntil).toBe(clock.now() + 3_600_000)
    expect([(await use(first.key)).status, (await use(second?.key as string)).status]).toEqual([200, 200])
    clock.advance(3_600_000)
    expect([(await use(first.key)).status, (await use(second?.key as string)).status]).toEqual([401, 200])
  })

  test('when it is rotated without one, then the old secret is gone at once, also one in overlap', async () => {
    const { keys, use } = setUp()
    const first = await keys.create(FIELDS)
    const second = await keys.rotate(first.record.id, { overlap: '1h' })
    const third = await keys.rotate(first.record.id)
    expect(
      await Promise.all([first, second, third].map(async each => (await use(each?.key as string)).status)),
    ).toEqual([401, 401, 200])
  })

  test('when it is revoked, then it can no longer be changed, rotated or revoked', async () => {
    const { keys } = setUp()
    const { record } = await keys.create(FIELDS)
    expect(await keys.revoke(record.id)).toBe(true)
    expect([
      await keys.revoke(record.id),
      await keys.update(record.id, { name: 'x' }),
      await keys.rotate(record.id),
    ]).toEqual([false, undefined, undefined])
    expect((await keys.get(record.id))?.revokedAt).toBeTypeOf('number')
  })

  test('when it is changed while it is revoked, then the revocation stays', async () => {
    const { store } = remoteStore()
    const { keys, use } = setUp({ store: keyValueKeys({ store }) })
    const { key, record } = await keys.create(FIELDS)
    await Promise.all([
      keys.update(record.id, { name: 'a' }),
      keys.revoke(record.id),
      keys.update(record.id, { scopes: ['admin'] }),
    ])
    expect((await use(key)).status).toBe(401)
  })

  test('when its scopes are changed, then the next request has the new ones', async () => {
    const { keys, use } = setUp()
    const { key, record } = await keys.create({ ...FIELDS, allowedCidrs: ['10.0.0.0/8'] })
    expect((await use(key)).status).toBe(403)
    await keys.update(record.id, { scopes: ['none'], allowedCidrs: null })
    const { status, state } = await use(key)
    expect([status, [...(state.identity?.scopes ?? [])]]).toEqual([200, ['none']])
  })

  test('when its record is restored and changed again to the same version, then the next request has the new restrictions', async () => {
    const store = memoryKeys()
    const { keys, use, clock } = setUp({ store })
    const { key, record } = await keys.create(FIELDS)
    const backup = (await store.get(record.id)) as ApiKeyRecord
    await keys.update(record.id, { scopes: ['read', 'admin'] })
    expect([...((await use(key)).state.identity?.scopes ?? [])]).toEqual(['read', 'admin'])
    await store.replace(backup, 2)
    clock.advance(1)
    await keys.update(record.id, { scopes: ['read'], allowedCidrs: ['10.0.0.0/8'] })
    expect((await use(key)).status).toBe(403)
    expect([...((await use(key, { peer: '10.0.0.1' })).state.identity?.scopes ?? [])]).toEqual(['read'])
  })

  test('when what is shown of it is changed, then the key is not', async () => {
    const { keys, use } = setUp()
    const { key, record } = await keys.create({
      ...FIELDS,
      quota: { limit: 1, window: '1h' },
      windows: [{ from: '00:00', to: '24:00' }],
    })
    const listed = (await keys.list()).keys[0]
    const changed = await keys.update(record.id, { name: 'other' })
    for (const shown of [record, await keys.get(record.id), listed, changed] as unknown[] as Writable[]) {
      shown.quota.limit = 1e9
      shown.windows[0].to = '00:01'
      attempt(() => shown.scopes.push('admin'))
    }
    const first = await use(key)
    expect([first.status, first.state.identity?.scopes.has('admin')]).toEqual([200, false])
    expect((await use(key)).status).toBe(429)
  })

  test('when it is used often, then its last use is written once a minute', async () => {
    const { keys, use, clock } = setUp()
    const { key, record } = await keys.create(FIELDS)
    const begin = clock.now()
    await use(key)
    clock.advance(59_999)
    await use(key)
    expect((await keys.get(record.id))?.lastUsedAt).toBe(begin)
    clock.advance(1)
    await use(key)
    expect((await keys.get(record.id))?.lastUsedAt).toBe(begin + 60_000)
  })

  test.each(['memory', 'far away'])(
    'when keys are listed (%s), then they come in pages, by owner, and without anything secret',
    async where => {
      const { store } = remoteStore()
      const { keys, clock } = setUp(where === 'memory' ? {} : { store: keyValueKeys({ store }) })
      for (let i = 0; i < 7; i++) {
        clock.advance(1)
        await keys.create({ ...FIELDS, name: `k${i}`, owner: i % 2 === 0 ? 'even' : 'odd' })
      }
      const first = await keys.list({ limit: 3, owner: 'even' })
      const rest = await keys.list({ limit: 3, owner: 'even', cursor: first.next })
      expect([...first.keys, ...rest.keys].map(({ name }) => name)).toEqual(['k0', 'k2', 'k4', 'k6'])
      expect(rest.next).toBeUndefined()
      expect(JSON.stringify(await keys.list())).not.toMatch(/sha256|hash/)
    },
  )
})

describe('a store that is down', () => {
  test('is a 503 that says nothing of it, and no violation', async () => {
    const { store, state } = remoteStore()
    const { keys, use, violations, logs } = setUp({ store: keyValueKeys({ store }) })
    const { key } = await keys.create(FIELDS)
    expect((await use(key)).status).toBe(200)
    state.isDown = true
    const { status, body } = await use(key)
    expect([status, body.includes('secret-host'), violations.length]).toEqual([503, false, 0])
    expect(logs.at(-1)?.message).toBe('authentication is not available')
  })

  test('that cannot note the last use harms nobody', async () => {
    const { store } = remoteStore()
    const kept = { ...keyValueKeys({ store }), touch: () => Promise.reject(new Error('disk full')) }
    const { keys, use, logs } = setUp({ store: kept })
    const { key } = await keys.create(FIELDS)
    expect((await use(key)).status).toBe(200)
    expect(logs.map(({ message }) => message)).toEqual(['the last use of an API key could not be noted'])
  })

  test('that holds something else under a key is a 503', async () => {
    const { store, values } = remoteStore()
    const { keys, use } = setUp({ store: keyValueKeys({ store }) })
    const { key, record } = await keys.create(FIELDS)
    values.set(`api-keys:key:${record.id}`, '{"owner":"root"}')
    expect((await use(key)).status).toBe(503)
  })
})

test('in the Authorization header a key is told from the tokens of others', async () => {
  const keys = apiKeys()
  const { send } = edge({ strategies: [apiKey({ keys, header: 'authorization' })] })
  const { key } = await keys.create(FIELDS)
  const status = async (authorization: string) => (await send({ headers: { authorization } })).status
  expect(await status(`Bearer ${key}`)).toBe(200)
  expect(await status(`bearer ${key}`)).toBe(200)
  expect(await status('Bearer pk_wrong')).toBe(401)
  expect((await send({ headers: { authorization: 'Bearer a.b.c' } })).status).toBe(401)
})

test.each([
  ['Bearer', {}],
  ['Token', { scheme: 'Token' }],
])(
  'given keys in the Authorization header as %s, when none or a wrong one is there, then that scheme is asked for',
  async (scheme, more) => {
    const { send } = edge({ strategies: [apiKey({ keys: apiKeys(), header: 'authorization', ...more })] })
    for (const headers of [{}, { authorization: `${scheme} pk_wrong` }])
      expect((await send({ headers })).headers['www-authenticate']).toBe(`${scheme} realm="api"`)
  },
)

function withId(key: string, id: string): string {
  const [prefix, , rest] = key.split('_') as [string, string, string]
  return formatKey(prefix, { id, secret: rest.slice(0, 43) })
}

function withSecretOf(key: string, other: string): string {
  const [prefix, id] = key.split('_') as [string, string]
  return formatKey(prefix, { id, secret: (other.split('_')[2] as string).slice(0, 43) })
}
