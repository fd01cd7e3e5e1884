import { type Clock, checkOptions, having, integer, optional, systemClock } from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import type { ApiKeyRecord } from '../record.js'
import type { ApiKeyStore } from './store.js'

export interface MemoryKeysOptions {
  /** Default 100,000. */
  maxKeys?: number
  clock?: Clock
}

/**
 * API keys in this process: for tests, and for a server that gets its keys from its configuration
 * at each start. Everything is synchronous. When it is full, keys can no longer be made; none is
 * ever dropped.
 */
export function memoryKeys(options: MemoryKeysOptions = {}): ApiKeyStore {
  const { maxKeys, clock } = checkOptions('memoryKeys', options, {
    maxKeys: optional(integer({ min: 1, max: 10_000_000 }), 100_000),
    clock: optional(having<Clock>('a clock', 'now', 'monotonic'), systemClock),
  })
  const records = new Map<string, ApiKeyRecord>()
  const used = new Map<string, number>()
  const counters = new LRUCache<string, { count: number; until: number }>({ max: maxKeys })

  return {
    get: id => records.get(id),
    add(record) {
      if (records.has(record.id)) return false
      if (records.size >= maxKeys) throw new RangeError(`memoryKeys: there are ${maxKeys} keys already`)
      records.set(record.id, record)
      return true
    },
    replace(record, version) {
      if (records.get(record.id)?.version !== version) return false
      records.set(record.id, record)
      return true
    },
    list({ limit, cursor = '', owner }) {
      const all = [...records.values()]
        .filter(record => record.id > cursor && (owner === undefined || record.owner === owner))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      const page = all.slice(0, limit)
      const last = page.at(-1)
      return last !== undefined && all.length > limit ? { records: page, next: last.id } : { records: page }
    },
    count(name, ttlMs, most) {
      const now = clock.monotonic()
      const counter = counters.get(name)
      if (counter !== undefined && counter.until > now)
        return counter.count < most ? ++counter.count : counter.count + 1
      counters.set(name, { count: 1, until: now + ttlMs })
      return 1
    },
    touch(id, at) {
      if (records.has(id)) used.set(id, at)
    },
    lastUsedAt: id => used.get(id),
  }
}
