import { checkOptions, having, type KeyValueStore, optional, text } from '@palisade/core'
import type { ApiKeyRecord } from '../record.js'
import { Serial } from './serial.js'
import type { ApiKeyStore } from './store.js'

export interface KeyValueKeysOptions {
  store: KeyValueStore
  /** In front of every name. Default `api-keys:`. */
  prefix?: string
}

/** [id, owner] */
type IndexEntry = readonly [id: string, owner: string]

const BUCKETS = '0123456789abcdef'
const MOST_ENTRIES = 10_000

/**
 * API keys in any key-value store: a Keyv instance with Redis, SQLite, Postgres and so on behind it.
 *
 * Any number of processes may verify keys. Such a store has no compare-and-swap and no counter, so changes and quotas are
 * serialised within this process only: administer keys, and count quotas, in one process, or write an `ApiKeyStore` for the database.
 */
export function keyValueKeys(options: KeyValueKeysOptions): ApiKeyStore {
  const { store, prefix } = checkOptions('keyValueKeys', options, {
    store: having<KeyValueStore>('a key-value store', 'get', 'set', 'delete'),
    prefix: optional(text({ max: 100 }), 'api-keys:'),
  })
  const serial = new Serial()
  const nameOf = (id: string) => `${prefix}key:${id}`
  const bucketOf = (id: string) => `${prefix}index:${BUCKETS[id.charCodeAt(id.length - 1) % BUCKETS.length]}`

  return {
    get: read,

    add: record =>
      serial.run(record.id, async () => {
        if ((await read(record.id)) !== undefined) return false
        // First the index: an entry without a record is skipped, a record without an entry would be lost from the list.
        await index(record)
        await store.set(nameOf(record.id), record)
        return true
      }),

    replace: (record, version) =>
      serial.run(record.id, async () => {
        if ((await read(record.id))?.version !== version) return false
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
      const records = (await Promise.all(page.map(read))).filter(record => record !== undefined)
      const last = page.at(-1)
      return last !== undefined && ids.length > limit ? { records, next: last } : { records }
    },

    count: (name, ttlMs) =>
      serial.run(`count ${name}`, async () => {
        const before = await store.get(`${prefix}count:${name}`)
        const count = (typeof before === 'number' ? before : 0) + 1
        await store.set(`${prefix}count:${name}`, count, ttlMs)
        return count
      }),

    async touch(id, at) {
      await store.set(`${prefix}used:${id}`, at)
    },

    async lastUsedAt(id) {
      const at = await store.get(`${prefix}used:${id}`)
      return typeof at === 'number' ? at : undefined
    },
  }

  async function read(id: string): Promise<ApiKeyRecord | undefined> {
    const record = (await store.get(nameOf(id))) as ApiKeyRecord | undefined | null
    if (record === undefined || record === null) return undefined
    // A record that something else wrote must not be half a permission.
    const isRecord =
      record.id === id &&
      typeof record.hash === 'string' &&
      typeof record.owner === 'string' &&
      Array.isArray(record.scopes)
    if (!isRecord) throw new TypeError('the store holds something under an API key that is none')
    return record
  }

  function index({ id, owner }: ApiKeyRecord): Promise<void> {
    const bucket = bucketOf(id)
    return serial.run(bucket, async () => {
      const before = await entries(bucket)
      if (before.length >= MOST_ENTRIES) throw new RangeError('keyValueKeys: the index is full')
      await store.set(bucket, [...before, [id, owner]])
    })
  }

  async function entries(bucket: string): Promise<readonly IndexEntry[]> {
    const found = await store.get(bucket)
    return Array.isArray(found) ? (found as IndexEntry[]) : []
  }
}
