import { deepStrictEqual } from 'node:assert/strict'
import type { Logger } from '@palisade/core/middleware'
import type { BanRecord } from '../bans/ban.js'
import type { BanStore } from '../stores/store.js'

export const A = '203.0.113.9'
export const B = '198.51.100.7'

/** A ban as failban() saves them. */
export const recordOf = (ip: string, more: Partial<BanRecord> = {}): BanRecord => ({
  ip,
  jail: 'auth',
  reason: '5 violations',
  violations: 5,
  banCount: 1,
  bannedAt: 1_700_000_000_000,
  expiresAt: 1_700_003_600_000,
  permanent: false,
  source: 'auth',
  shadow: false,
  earlier: [],
  ...more,
})

/** Bans with the extremes of each field. */
export const ALL_FORMS: readonly BanRecord[] = [
  recordOf(A),
  recordOf('2001:db8::/64', { expiresAt: null, permanent: true }),
  recordOf('198.51.100.0/24', { jail: 'manual', source: 'manual', violations: 0 }),
  recordOf('192.0.2.1', { reason: `"\\u2028, \u00e9 \u{1f512} ${'x'.repeat(480)}`, shadow: true }),
  recordOf('192.0.2.2', { banCount: 21, earlier: Array.from({ length: 20 }, (_, i) => i) }),
  recordOf('192.0.2.3', { jail: `a${'_.:-'.repeat(15)}`, expiresAt: 8.64e15, violations: 20_000 }),
]

export const MANY: readonly BanRecord[] = Array.from({ length: 200 }, (_, i) => recordOf(`192.0.2.${i}`))

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** An open store, for a process that holds what it saves, as failban() does. */
export async function opened(store: BanStore) {
  const held = new Map<string, BanRecord>()
  const keyOf = ({ ip, jail }: BanRecord) => `${ip} ${jail}`
  const records = [...(await store.open({ records: () => held.values(), logger: silent }))]
  for (const record of records) held.set(keyOf(record), record)
  return {
    records,
    async save(record: BanRecord) {
      held.set(keyOf(record), record)
      await store.save(record)
    },
    async remove(ip: string) {
      for (const [key, record] of held) if (record.ip === ip) held.delete(key)
      await store.remove(ip)
    },
    close: async () => store.close?.(),
  }
}

/** @throws AssertionError where the next process finds other bans than these; in any order */
export async function comesBack(make: () => BanStore, expected: readonly BanRecord[]): Promise<void> {
  const { records, close } = await opened(make())
  await close()
  deepStrictEqual(sorted(records), sorted(expected))
}

const sorted = (records: readonly BanRecord[]) =>
  records.map(record => JSON.stringify([record.ip, record.jail, Object.entries(record).sort()])).sort()
