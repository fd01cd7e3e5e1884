import type { BanRecord } from '../../src/bans/ban.js'
import type { BanStore } from '../../src/index.js'

type Spoil = (store: BanStore) => BanStore

const reading =
  (change: (records: readonly BanRecord[]) => readonly BanRecord[]): Spoil =>
  store => ({ ...bound(store), open: async bans => change([...(await store.open(bans))]) })

const bound = (store: BanStore): BanStore => ({
  open: bans => store.open(bans),
  save: record => store.save(record),
  remove: ip => store.remove(ip),
  sweep: () => store.sweep?.(),
  close: () => store.close?.(),
})

/** A fault, a store that has it, and a test of the suite that finds it. */
export const faultyStores: readonly (readonly [fault: string, spoil: Spoil, named: string])[] = [
  [
    'it is not empty at first',
    reading(records => (records.length > 0 ? records : [{ ip: '192.0.2.9', jail: 'x' } as BanRecord])),
    'given a new place then it has no bans',
  ],
  [
    'it drops bans that are over',
    reading(records => records.filter(({ expiresAt }) => expiresAt === null || expiresAt > 10_000)),
    'given a ban that is over then it comes back, since it lengthens the next',
  ],
  [
    'it loses a field',
    reading(records => records.map(record => ({ ...record, earlier: [] }))),
    'given bans of all forms then each comes back as it was',
  ],
  [
    'it keeps one ban of an address',
    reading(records => [...new Map(records.map(record => [record.ip, record])).values()]),
    'given one address in two jails then both bans come back',
  ],
  [
    'it removes nothing',
    store => ({ ...bound(store), remove() {} }),
    'given a removed address then no ban of it comes back, and others do',
  ],
  [
    'it fails to remove what is not there',
    store => ({ ...bound(store), remove: () => Promise.reject(new Error('no such ban')) }),
    'given an address without a ban then removing it settles',
  ],
  [
    'it keeps the first ban',
    store => {
      const saved = new Set<string>()
      const save = (record: BanRecord) => {
        const key = `${record.ip} ${record.jail}`
        if (saved.has(key)) return undefined
        saved.add(key)
        return store.save(record)
      }
      return { ...bound(store), save }
    },
    'given several bans of one address and jail then the last one comes back',
  ],
  [
    'it acknowledges a ban before it is kept',
    store => {
      const late: BanRecord[] = []
      return { ...bound(store), save: record => void late.push(record) }
    },
    'given a failban() in front of it then the next process has its bans in force',
  ],
]
