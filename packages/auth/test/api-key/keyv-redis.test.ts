import { createKeyv, type default as KeyvRedis } from '@keyv/redis'
import { fakeClock } from '@palisade/core/testing'
import type { Keyv } from 'keyv'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  canStartRedis,
  type RedisServer,
  redisUrl,
  startRedis,
  uniqueNamespace,
} from '../../../../test/support/redis.js'
import { type ApiKeysOptions, apiKey, apiKeys, keyValueKeys, type NewApiKey } from '../../src/index.js'
import { edge } from '../support/edge.js'

const FIELDS: NewApiKey = { name: 'Mobile app', owner: 'u42', scopes: ['read'] }

/** As a process has it: a connection of its own. */
function connect(url: string, namespace: string, timeout = 5000, options: ApiKeysOptions = {}) {
  const keyv: Keyv = createKeyv(url, { namespace, throwOnErrors: true })
  keyv.on('error', () => {})
  const clock = fakeClock()
  const store = keyValueKeys({ store: keyv, timeout })
  const keys = apiKeys({ store, clock, ...options })
  const here = edge({ strategies: [apiKey({ keys })] }, clock)
  const status = async (key: string | undefined) =>
    (await here.send({ headers: { 'x-api-key': key ?? '' } })).status
  return {
    ...here,
    keys,
    keyv,
    store,
    status,
    close: async () => (keyv.store as KeyvRedis<unknown>).disconnect(true),
  }
}

describe.skipIf(redisUrl() === undefined)('API keys in Keyv on Redis, shared by two processes', () => {
  const namespace = uniqueNamespace('api-keys')
  const open: { close(): Promise<unknown> }[] = []
  const process = (options?: ApiKeysOptions, name = namespace) => {
    const one = connect(redisUrl() as string, name, undefined, options)
    open.push(one)
    return one
  }
  afterAll(async () => {
    for (const one of open) await one.close()
  })

  test('a key has its whole life in either of them', async () => {
    const [one, two] = [process(), process()]
    const { key, record } = await one.keys.create({
      ...FIELDS,
      allowedCidrs: ['203.0.113.0/24'],
      expiresAt: 2e12,
    })
    expect(await two.status(key)).toBe(200)
    expect(await two.keys.get(record.id)).toMatchObject({ ...FIELDS, allowedCidrs: ['203.0.113.0/24'] })
    await two.keys.update(record.id, { scopes: ['none'] })
    const { state } = await one.send({ headers: { 'x-api-key': key } })
    expect([...(state.identity?.scopes ?? [])]).toEqual(['none'])
    const rotated = await two.keys.rotate(record.id)
    expect([await one.status(key), await one.status(rotated?.key)]).toEqual([401, 200])
    expect(await one.keys.revoke(record.id)).toBe(true)
    expect([await two.status(rotated?.key), await two.keys.revoke(record.id)]).toEqual([401, false])
    expect((await two.keys.get(record.id))?.revokedAt).toBeTypeOf('number')
  })

  test('of 40 keys that both make at once none is missing from the list', async () => {
    const name = uniqueNamespace('many')
    const [one, two] = [process({}, name), process({}, name)]
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        (i % 2 === 0 ? one : two).keys.create({ ...FIELDS, name: `k${i}` }),
      ),
    )
    const listed = await one.keys.list({ limit: 200 })
    expect(listed.keys.map(({ id }) => id)).toEqual(made.map(({ record }) => record.id).sort())
    const pages: string[] = []
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await two.keys.list({ limit: 7, cursor })
      pages.push(...page.keys.map(({ id }) => id))
      cursor = page.next
    }
    expect(pages).toEqual(listed.keys.map(({ id }) => id))
  })

  test('of changes that both make at once none is lost', async () => {
    const [one, two] = [process(), process()]
    const { record } = await one.keys.create(FIELDS)
    await Promise.all([
      one.keys.update(record.id, { name: 'renamed' }),
      two.keys.update(record.id, { scopes: ['write'] }),
      one.keys.update(record.id, { roles: ['bot'] }),
      two.keys.update(record.id, { tenant: 't1' }),
    ])
    expect(await one.keys.get(record.id)).toMatchObject({
      name: 'renamed',
      scopes: ['write'],
      roles: ['bot'],
      tenant: 't1',
    })
  })

  test('a key that one revokes while the other changes and rotates it is revoked', async () => {
    const [one, two] = [process(), process()]
    for (let i = 0; i < 10; i++) {
      const { key, record } = await one.keys.create(FIELDS)
      const [, revoked, rotated] = await Promise.all([
        two.keys.update(record.id, { scopes: ['admin'] }),
        one.keys.revoke(record.id),
        two.keys.rotate(record.id, { overlap: '1h' }),
      ])
      expect(revoked).toBe(true)
      for (const each of [key, rotated?.key])
        expect([await one.status(each), await two.status(each)]).toEqual([401, 401])
    }
  })

  test('a revocation holds even if another process, which stood still meanwhile, writes what it had read before', async () => {
    const [one, two] = [process(), process()]
    const { key, record } = await one.keys.create(FIELDS)
    const before = await two.keyv.get(`api-keys:key:${record.id}`)
    await one.keys.revoke(record.id)
    await two.keyv.set(`api-keys:key:${record.id}`, before)
    expect([await one.status(key), await two.status(key)]).toEqual([401, 401])
    expect((await two.keys.get(record.id))?.revokedAt).toBeTypeOf('number')
    expect(await two.keys.update(record.id, { name: 'alive' })).toBeUndefined()
  })

  test('of two rotations at once one secret is good, and the one before is not', async () => {
    const [one, two] = [process(), process()]
    const first = await one.keys.create(FIELDS)
    const rotated = await Promise.all([one.keys.rotate(first.record.id), two.keys.rotate(first.record.id)])
    const statuses = await Promise.all(rotated.map(each => one.status(each?.key)))
    expect(statuses.sort()).toEqual([200, 401])
    expect(await two.status(first.key)).toBe(401)
  })

  test('the last use is that of either of them, and is no change of the key', async () => {
    const [one, two] = [process(), process()]
    const { key, record } = await one.keys.create(FIELDS)
    two.clock.advance(5000)
    await Promise.all([one.status(key), one.keys.update(record.id, { name: 'renamed' })])
    await two.status(key)
    await expect.poll(async () => (await one.keys.get(record.id))?.lastUsedAt).toBe(two.clock.now())
    expect((await two.keys.get(record.id))?.name).toBe('renamed')
  })

  test('a quota is exact in one process, however parallel, and ends with its period', async () => {
    const one = process()
    const { key } = await one.keys.create({ ...FIELDS, quota: { limit: 20, window: '1h' } })
    const statuses = await Promise.all(Array.from({ length: 50 }, () => one.status(key)))
    expect(statuses.filter(status => status === 200).length).toBe(20)
    one.clock.advance(3_600_000)
    expect(await one.status(key)).toBe(200)
  })

  test('a process that died while it changed something holds the others up until its lease ends', async () => {
    const name = uniqueNamespace('lease')
    const one = process({}, name)
    await one.keyv.set('api-keys:lock', 'a dead process', 150)
    const { key } = await one.keys.create(FIELDS)
    expect(await one.status(key)).toBe(200)
  })
})

describe.skipIf(!canStartRedis())('API keys in Keyv on a Redis that fails', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  test('that does not answer are a 503 in time, no violation, and good again when it does', async () => {
    const here = connect(redis.url, 'frozen', 150)
    const { key } = await here.keys.create(FIELDS)
    expect(await here.status(key)).toBe(200)
    redis.freeze()
    try {
      expect(await here.status(key)).toBe(503)
      await expect(here.keys.create(FIELDS)).rejects.toMatchObject({ status: 503 })
    } finally {
      redis.thaw()
    }
    await expect.poll(() => here.status(key)).toBe(200)
    expect(here.violations).toEqual([])
    await here.close()
  })

  test('that is gone are a 503 in time and no violation', async () => {
    const here = connect(redis.url, 'gone', 150)
    const { key } = await here.keys.create(FIELDS)
    await redis.kill()
    for (let i = 0; i < 3; i++) expect(await here.status(key)).toBe(503)
    expect(here.violations).toEqual([])
    const never = connect(redis.url, 'never', 150)
    expect(await never.status(key)).toBe(503)
    await Promise.all([here.close(), never.close()])
    await redis.restart()
  })
})
