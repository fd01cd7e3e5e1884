import type { KeyValueStore } from '@palisade/core/middleware'
import { Keyv } from 'keyv'
import { describe, expect, test, vi } from 'vitest'
import { BatchedCounters } from '../../src/api-key/stores/batched-counters.js'
import { BoundedStore } from '../../src/api-key/stores/bounded-store.js'
import { StoreLock } from '../../src/api-key/stores/store-lock.js'
import { apiKeys, keyValueKeys } from '../../src/index.js'
import { remoteStore } from '../support/failing-store.js'

const never = () => new Promise<never>(() => {})

describe('a Keyv instance', () => {
  // Keyv and its adapters answer "there is nothing" when their database is down, unless they are
  // told to throw.
  test.each([
    ['that swallows errors', { throwOnErrors: false, store: {} }],
    ['whose adapter swallows errors', { throwOnErrors: true, store: { throwOnErrors: false } }],
  ])('%s is a ConfigError that says what to set', (_, kind) => {
    const store = { get() {}, set() {}, delete() {}, ...kind }
    expect(() => keyValueKeys({ store: store as never })).toThrow('throwOnErrors')
  })

  test.each([
    ['in memory', () => new Keyv()],
    ['that throws', () => new Keyv({ store: new Map(), throwOnErrors: true })],
    ['over an adapter that throws', () => new Keyv({ store: adapter(), throwOnErrors: true })],
  ])('%s is a store of keys', async (_, make) => {
    const keys = apiKeys({ store: keyValueKeys({ store: make() }) })
    const { record } = await keys.create({ name: 'n', owner: 'o' })
    expect((await keys.list()).keys).toEqual([record])
    expect(await keys.revoke(record.id)).toBe(true)
  })

  test('over an adapter that fails is a 503, and not a store without keys', async () => {
    const broken = adapter(() => Promise.reject(new Error('gone')))
    const keys = apiKeys({ store: keyValueKeys({ store: new Keyv({ store: broken, throwOnErrors: true }) }) })
    await expect(keys.get('0000000000000000')).rejects.toMatchObject({ status: 503 })
  })

  const map = new Map<string, unknown>()
  function adapter(get = async (key: string) => map.get(key)) {
    return {
      throwOnErrors: true,
      opts: {},
      on: () => undefined,
      get,
      set: async (key: string, value: unknown) => void map.set(key, value),
      delete: async (key: string) => map.delete(key),
      clear: async () => map.clear(),
    } as never
  }
})

describe('a store that is bounded', () => {
  const bounded = (store: Partial<KeyValueStore>, timeoutMs = 20) =>
    new BoundedStore({ get() {}, set() {}, delete: () => true, ...store } as KeyValueStore, timeoutMs)

  test('that never answers is a 503 in time', async () => {
    const store = bounded({ get: never, set: never, delete: never })
    for (const call of [store.get('k'), store.set('k', 1), store.delete('k')])
      await expect(call).rejects.toMatchObject({ status: 503, message: expect.not.stringContaining('20 ms') })
  })

  test('that throws, rejects, or did not take what was set, is a 503 with the cause', async () => {
    const cause = new Error('ECONNREFUSED secret-host')
    const thrown = bounded({
      get: () => {
        throw cause
      },
    })
    const rejected = bounded({ get: () => Promise.reject(cause) })
    for (const store of [thrown, rejected])
      await expect(store.get('k')).rejects.toMatchObject({
        status: 503,
        cause,
        message: expect.not.stringContaining('secret'),
      })
    await expect(bounded({ set: async () => false }).set('k', 1)).rejects.toMatchObject({ status: 503 })
    for (const done of [true, undefined, 'OK', new Map()])
      await expect(bounded({ set: async () => done }).set('k', 1)).resolves.toBeUndefined()
  })

  test('has nothing where null stands', async () => {
    expect(await bounded({ get: async () => null }).get('k')).toBeUndefined()
  })

  test('lets a thousand wait, refuses the next without asking, and asks again when they are answered', async () => {
    const get = vi.fn(never)
    const answers: (() => void)[] = []
    get.mockImplementation(() => new Promise(resolve => answers.push(resolve as () => void)) as never)
    const store = bounded({ get }, 30_000)
    const waiting = Array.from({ length: 1000 }, () => store.get('k'))
    await expect(store.get('k')).rejects.toMatchObject({ status: 503 })
    expect(get).toHaveBeenCalledTimes(1000)
    for (const answer of answers) answer()
    await Promise.all(waiting)
    const more = store.get('k')
    answers.at(-1)?.()
    expect(await more).toBeUndefined()
  })
})

describe('a lock in a store', () => {
  const locks = (mostWaitMs?: number) => {
    const { store, values } = remoteStore()
    return { values, lock: () => new StoreLock(new BoundedStore(store, 1000), 'lock', mostWaitMs) }
  }

  test('lets one of many processes in at a time, each in the end, and is gone afterwards', async () => {
    const { lock, values } = locks()
    let inside = 0
    let most = 0
    const task = async () => {
      most = Math.max(most, ++inside)
      for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
      inside--
    }
    await Promise.all(Array.from({ length: 12 }, () => lock().run(task)))
    expect([most, inside, values.has('lock')]).toEqual([1, 0, false])
  })

  test('ends by itself, should its process die', async () => {
    const { store } = remoteStore()
    const set = vi.spyOn(store, 'set')
    await new StoreLock(new BoundedStore(store, 1000), 'lock').run(async () => {})
    expect(set).toHaveBeenCalledWith('lock', expect.any(String), 10_000)
  })

  test('is let go of when the task fails', async () => {
    const { lock, values } = locks()
    await expect(lock().run(() => Promise.reject(new Error('x')))).rejects.toThrow('x')
    expect(values.has('lock')).toBe(false)
  })

  test('that is another’s is not taken, and a 503 in the end', async () => {
    const { lock, values } = locks(30)
    values.set('lock', '"another"')
    await expect(lock().run(async () => 1)).rejects.toMatchObject({ status: 503 })
    expect(values.get('lock')).toBe('"another"')
  })

  test('that was overrun is left to whoever has it then', async () => {
    const { lock, values } = locks()
    await lock().run(async () => void values.set('lock', '"another"'))
    expect(values.get('lock')).toBe('"another"')
  })

  test('has no more than a thousand of one process waiting', async () => {
    const { store, state } = remoteStore()
    state.isDown = true
    const lock = new StoreLock(new BoundedStore(store, 1000), 'lock')
    const all = Array.from({ length: 1000 }, () => lock.run(async () => {}))
    const one = lock.run(async () => {})
    expect(state.reads).toBe(0)
    await expect(one).rejects.toThrow('by others')
    expect(new Set((await Promise.allSettled(all)).map(({ status }) => status))).toEqual(
      new Set(['rejected']),
    )
    state.isDown = false
    expect(await lock.run(async () => 1)).toBe(1)
  })
})

test('a page of 200 keys asks for a few at a time', async () => {
  const { store } = remoteStore()
  const keys = apiKeys({ store: keyValueKeys({ store }) })
  const made = await Promise.all(
    Array.from({ length: 60 }, (_, i) => keys.create({ name: `k${i}`, owner: 'o' })),
  )
  let waiting = 0
  let most = 0
  const get = store.get
  store.get = async key => {
    most = Math.max(most, ++waiting)
    const value = await get(key)
    waiting--
    return value
  }
  expect((await keys.list({ limit: 200 })).keys.length).toBe(made.length)
  expect(most).toBeLessThanOrEqual(40)
})

describe('a counter in a store that cannot count', () => {
  test('gives each its own number, and asks once for all that come at once', async () => {
    const { store, state } = remoteStore()
    const counters = new BatchedCounters(new BoundedStore(store, 1000))
    const first = await Promise.all(Array.from({ length: 100 }, () => counters.count('a', 1000, 200)))
    expect(first).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(state.reads).toBe(1)
    expect(await Promise.all([counters.count('a', 1000, 200), counters.count('b', 1000, 200)])).toEqual([
      101, 1,
    ])
  })

  test('counts what comes while it is asked', async () => {
    const { store } = remoteStore()
    const counters = new BatchedCounters(new BoundedStore(store, 1000))
    const numbers: Promise<number>[] = []
    for (let i = 0; i < 30; i++) {
      numbers.push(counters.count('a', 1000, 200))
      if (i % 3 === 0) await undefined
    }
    expect((await Promise.all(numbers)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, i) => i + 1),
    )
  })

  test('that fails fails for all who wait, and counts again afterwards', async () => {
    const { store, state } = remoteStore()
    const counters = new BatchedCounters(new BoundedStore(store, 1000))
    state.isDown = true
    const waiting = await Promise.allSettled([counters.count('a', 1000, 200), counters.count('a', 1000, 200)])
    expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    state.isDown = false
    expect(await counters.count('a', 1000, 200)).toBe(1)
  })
})
