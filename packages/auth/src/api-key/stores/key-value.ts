import {
  checkOptions,
  type Duration,
  duration,
  type KeyValueStore,
  optional,
  text,
} from '@palisade/core/middleware'
import { inBatches } from '../in-batches.js'
import type { ApiKeyRecord } from '../record.js'
import { BatchedCounters } from './batched-counters.js'
import { BoundedStore, keyValueStore } from './bounded-store.js'
import type { ApiKeyStore } from './store.js'
import { StoreLock } from './store-lock.js'

export interface KeyValueKeysOptions {
  /**
   * A Keyv instance that throws when it fails (`throwOnErrors: true`), or anything that has `get`,
   * `set` and `delete`.
   */
  store: KeyValueStore
  /** In front of every name. Default `api-keys:`. */
  prefix?: string
  /** How long one answer of the store may take. Default 2 seconds. */
  timeout?: Duration
}

/** [id, owner] */
type IndexEntry = readonly [id: string, owner: string]

const BUCKETS = '0123456789abcdef'
const MOST_ENTRIES = 10_000

/**
 * API keys in any key-value store: a Keyv instance with Redis, SQLite, Postgres and so on behind
 * it.
 *
 * Any number of processes may share it, verify keys and change them: changes wait for each other.
 * Such a store has no compare-and-swap, so that this rests on a lock which a process that stops at
 * the wrong moment can overrun, and of two changes one is lost then. A revocation does not depend
 * on it: it is an entry of its own that nothing writes over. Nor has the store a counter: a quota
 * is exact where one process counts it, and otherwise may be exceeded by what others count in the
 * same moment. Where that matters, write an `ApiKeyStore` for the database.
 *
 * Fails closed: a store that throws, or does not answer in time, is a 503.
 *
 *     const options = { namespace: 'shop', throwOnErrors: true }
 *     keyValueKeys({ store: createKeyv('redis://cache:6379', options) })
 *
 * @throws ConfigError for a wrong option, and for a Keyv that swallows its errors
 */
export function keyValueKeys(options: KeyValueKeysOptions): ApiKeyStore {
  const {
    store: given,
    prefix,
    timeout,
  } = checkOptions('keyValueKeys', options, {
    store: keyValueStore,
    prefix: optional(text({ max: 100 }), 'api-keys:'),
    timeout: optional(duration({ min: '10ms', max: '30s' })),
  })
  const store = new BoundedStore(given, timeout ?? 2000)
  const lock = new StoreLock(store, `${prefix}lock`)
  const counters = new BatchedCounters(store)
  const nameOf = (id: string) => `${prefix}key:${id}`
  const revocationOf = (id: string) => `${prefix}revoked:${id}`
  const bucketOf = (id: string) => `${prefix}index:${BUCKETS[id.charCodeAt(id.length - 1) % BUCKETS.length]}`

  return {
    get: read,

    add: record =>
      lock.run(async () => {
        if ((await read(record.id)) !== undefined) return false
        // First the index: an entry without a record is skipped, a record without an entry would be
        // lost from the list.
        await index(record)
        await store.set(nameOf(record.id), record)
        return true
      }),

    replace: (record, version) =>
      lock.run(async () => {
        if ((await read(record.id))?.version !== version) return false
        if (record.revokedAt !== undefined) await store.set(revocationOf(record.id), record.revokedAt)
        await store.set(nameOf(record.id), record)
        return true
      }),

    async list({ limit, cursor = '', owner }) {
      const buckets = await Promise.all([...BUCKETS].map(bucket => entries(`${prefix}index:${bucket}`)))
      const ids = buckets
        .flat()
        .filter(([id, whose]) => id > cursor && (owner === undefined || whose === owner))
        .map(([id]) => id)
        .sort()
      const page = ids.slice(0, limit)
      const records = (await inBatches(page, read)).filter(record => record !== undefined)
      const last = page.at(-1)
      return last !== undefined && ids.length > limit ? { records, next: last } : { records }
    },

    count: (name, ttlMs, most) => counters.count(`${prefix}count:${name}`, ttlMs, most),

    async touch(id, at) {
      await store.set(`${prefix}used:${id}`, at)
    },

    async lastUsedAt(id) {
      const at = await store.get(`${prefix}used:${id}`)
      return typeof at === 'number' ? at : undefined
    },
  }

  async function read(id: string): Promise<ApiKeyRecord | undefined> {
    const [found, revokedAt] = await Promise.all([store.get(nameOf(id)), store.get(revocationOf(id))])
    if (found === undefined) return undefined
    const record = found as ApiKeyRecord
    // A record that something else wrote must not be half a permission.
    const isRecord =
      record.id === id &&
      typeof record.hash === 'string' &&
      typeof record.owner === 'string' &&
      Array.isArray(record.scopes)
    if (!isRecord || !(revokedAt === undefined || typeof revokedAt === 'number'))
      throw new TypeError('the store holds something under an API key that is none')
    return revokedAt === undefined ? record : { ...record, revokedAt }
  }

  async function index({ id, owner }: ApiKeyRecord): Promise<void> {
    const bucket = bucketOf(id)
    const before = await entries(bucket)
    if (before.length >= MOST_ENTRIES) throw new RangeError('keyValueKeys: the index is full')
    await store.set(bucket, [...before, [id, owner]])
  }

  async function entries(bucket: string): Promise<readonly IndexEntry[]> {
    const found = await store.get(bucket)
    return Array.isArray(found) ? (found as IndexEntry[]) : []
  }
}
