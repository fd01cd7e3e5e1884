import { deepStrictEqual, ok } from 'node:assert/strict'
import type { ApiKeyRecord } from '../api-key/record.js'
import type { ApiKeyStore } from '../api-key/stores/store.js'
import { until } from './until.js'

/** One behaviour of an API key store. */
export interface ApiKeyStoreTest {
  readonly name: string
  /**
   * Runs it, in any test runner.
   *
   * @param store an empty store
   * @throws Error that says what differs
   */
  readonly run: (store: ApiKeyStore) => Promise<void>
}

const [A, B, C] = ['000000000000000A', '000000000000000B', '000000000000000C'] as const
const HOUR = 3_600_000

const recordOf = (id: string, changes: Partial<ApiKeyRecord> = {}): ApiKeyRecord =>
  Object.freeze({
    id,
    version: 1,
    hash: `sha256:${id}`,
    name: 'Mobile app',
    owner: 'ada',
    scopes: ['read'],
    roles: [],
    permissions: [],
    createdAt: 1_900_000_000_000,
    updatedAt: 1_900_000_000_000,
    ...changes,
  })

/** All that a record may have. */
const FULL = recordOf(A, {
  previous: { hash: 'sha256:before', until: 1_900_000_001_000 },
  description: 'Ω "quoted"',
  tenant: 'shop',
  roles: ['bot'],
  permissions: ['orders:read'],
  allowedCidrs: ['203.0.113.0/24', '2001:db8::/32'],
  windows: [{ days: ['mon'], from: '08:00', to: '18:00', zone: 'Europe/Berlin' }],
  notBefore: 1,
  expiresAt: 2_000_000_000_000,
  quota: { limit: 5, window: HOUR },
  rateLimit: false,
  disabled: true,
})

const RECORDS: Readonly<Record<string, ApiKeyStoreTest['run']>> = {
  async 'given an id that was never added then there is no record, no use and no page'(store) {
    deepStrictEqual(await store.get(A), undefined)
    deepStrictEqual(await store.lastUsedAt(A), undefined)
    deepStrictEqual(await store.list({ limit: 10 }), { records: [] })
  },

  async 'given a record with all fields then it comes back as it was'(store) {
    deepStrictEqual(await store.add(FULL), true)
    deepStrictEqual(await store.get(A), FULL)
  },

  async 'given an id that is taken then the first record stays'(store) {
    await store.add(recordOf(A))
    deepStrictEqual(await store.add(recordOf(A, { owner: 'eve' })), false)
    deepStrictEqual(await store.get(A), recordOf(A))
  },

  async 'given the version that it has then a record is replaced, and otherwise not'(store) {
    const changed = recordOf(A, { version: 2, scopes: ['write'] })
    await store.add(recordOf(A))
    deepStrictEqual(await store.replace(changed, 1), true)
    deepStrictEqual(await store.replace(recordOf(A, { version: 2, scopes: ['admin'] }), 1), false)
    deepStrictEqual(await store.get(A), changed)
  },

  async 'given an id that was never added then replacing it adds nothing'(store) {
    deepStrictEqual(await store.replace(recordOf(A, { version: 2 }), 1), false)
    deepStrictEqual(await store.get(A), undefined)
  },

  async 'given two changes of one version at once then one of them counts'(store) {
    await store.add(recordOf(A))
    const changes = ['one', 'two'].map(name => recordOf(A, { version: 2, name }))
    const done = await Promise.all(changes.map(async change => store.replace(change, 1)))
    deepStrictEqual(done.filter(each => each).length, 1)
    deepStrictEqual(await store.get(A), changes[done.indexOf(true)])
  },

  async 'given a revoked record then a change of the version before does not undo it'(store) {
    const revoked = recordOf(A, { version: 2, revokedAt: 1_900_000_002_000 })
    await store.add(recordOf(A))
    await store.replace(revoked, 1)
    deepStrictEqual(await store.replace(recordOf(A, { version: 2 }), 1), false)
    deepStrictEqual(await store.get(A), revoked)
  },
}

const LISTS: Readonly<Record<string, ApiKeyStoreTest['run']>> = {
  async 'given several records then they are listed by their ids, page by page'(store) {
    for (const id of [B, A, C]) await store.add(recordOf(id))
    const first = await store.list({ limit: 2 })
    deepStrictEqual(first, { records: [recordOf(A), recordOf(B)], next: B })
    deepStrictEqual(await store.list({ limit: 2, cursor: first.next }), { records: [recordOf(C)] })
    deepStrictEqual(await store.list({ limit: 3 }), { records: [A, B, C].map(id => recordOf(id)) })
  },

  async 'given an owner then only records of the owner are listed'(store) {
    for (const id of [A, B, C]) await store.add(recordOf(id, id === B ? { owner: 'eve' } : {}))
    deepStrictEqual(await store.list({ limit: 10, owner: 'ada' }), { records: [recordOf(A), recordOf(C)] })
    deepStrictEqual(await store.list({ limit: 1, owner: 'ada' }), { records: [recordOf(A)], next: A })
    deepStrictEqual(await store.list({ limit: 10, owner: 'bob' }), { records: [] })
  },

  async 'given many records that are added at once then none is missing'(store) {
    const ids = Array.from({ length: 20 }, (_, index) => String(index).padStart(16, '0'))
    await Promise.all(ids.map(async id => store.add(recordOf(id))))
    const { records } = await store.list({ limit: 100 })
    deepStrictEqual(
      records.map(({ id }) => id),
      ids,
    )
  },

  async 'given a use then it is noted beside the record'(store) {
    await store.add(recordOf(A))
    await store.touch(A, 1_900_000_003_000)
    await store.touch(A, 1_900_000_004_000)
    deepStrictEqual(await store.lastUsedAt(A), 1_900_000_004_000)
    deepStrictEqual(await store.get(A), recordOf(A))
  },
}

const COUNTERS: Readonly<Record<string, ApiKeyStoreTest['run']>> = {
  async 'given a counter then it begins at 1, apart from others'(store) {
    deepStrictEqual(await store.count('one', HOUR, 10), 1)
    deepStrictEqual(await store.count('one', HOUR, 10), 2)
    deepStrictEqual(await store.count('two', HOUR, 10), 1)
  },

  async 'given many uses at once then each is counted once'(store) {
    const uses = Array.from({ length: 20 }, async () => store.count('one', HOUR, 100))
    const counts = (await Promise.all(uses)).sort((one, other) => one - other)
    deepStrictEqual(
      counts,
      counts.map((_, index) => index + 1),
    )
  },

  async 'given a counter that is full then uses are refused, and do not count when it may grow'(store) {
    for (let use = 0; use < 2; use++) await store.count('one', HOUR, 2)
    for (let use = 0; use < 3; use++)
      ok((await store.count('one', HOUR, 2)) > 2, 'a use over the most passed')
    deepStrictEqual(await store.count('one', HOUR, 5), 3)
  },

  async 'given the end of its time then a counter begins again'(store) {
    await store.count('other', HOUR, 1)
    deepStrictEqual(await store.count('one', 5, 1), 1)
    await until(async () => (await store.count('one', 5, 1)) === 1, 'a counter of 5 ms begins again')
    ok((await store.count('other', HOUR, 1)) > 1, 'a counter of an hour began again')
  },
}

/**
 * What `apiKeys({ store })` needs of a store.
 *
 *     for (const { name, run } of apiKeyStoreSuite) test(name, () => run(myStore()))
 */
export const apiKeyStoreSuite: readonly ApiKeyStoreTest[] = Object.freeze(
  Object.entries({ ...RECORDS, ...LISTS, ...COUNTERS }).map(([name, run]) => Object.freeze({ name, run })),
)
