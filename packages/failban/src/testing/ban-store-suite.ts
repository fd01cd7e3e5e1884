import { deepStrictEqual, ok } from 'node:assert/strict'
import type { BanRecord } from '../bans/ban.js'
import { failban } from '../failban.js'
import type { BanStore } from '../stores/store.js'
import { A, ALL_FORMS, B, comesBack, MANY, opened, recordOf } from './one-place.js'

type Run = (make: () => BanStore) => Promise<void>

/** One behaviour of a ban store. */
export interface BanStoreTest {
  readonly name: string
  /**
   * Whether it holds only where bans outlive the process. A store in memory has no such behaviour.
   */
  readonly durable: boolean
  /**
   * Runs it, in any test runner.
   *
   * @param make makes a store of one place, which is empty at first. A test closes a store before
   * it makes the next one, as one process after another does.
   * @throws Error that says what differs
   */
  readonly run: Run
}

const ALWAYS: Readonly<Record<string, Run>> = {
  'given a new place then it has no bans': make => comesBack(make, []),

  async 'given steps in front of the opening then they settle behind it'(make) {
    const store = make()
    const steps = [store.save(recordOf(A)), store.remove(B)]
    const [{ close }] = await Promise.all([opened(store), ...steps])
    await close()
  },

  async 'given an address without a ban then removing it settles'(make) {
    const { remove, close } = await opened(make())
    await remove(A)
    await close()
  },

  async 'given a store that was never opened then it closes, and closes again'(make) {
    const store = make()
    await store.close?.()
    await store.close?.()
  },

  async 'given a sweep at any time then it throws nothing'(make) {
    const store = make()
    store.sweep?.()
    const { close } = await opened(store)
    store.sweep?.()
    await close()
    store.sweep?.()
  },
}

const DURABLE: Readonly<Record<string, Run>> = {
  'given bans of all forms then each comes back as it was': make => keeps(make, ALL_FORMS),

  'given a ban that is over then it comes back, since it lengthens the next': make =>
    keeps(make, [recordOf(A, { bannedAt: 1000, expiresAt: 2000 })]),

  'given one address in two jails then both bans come back': make =>
    keeps(make, [recordOf(A, { jail: 'auth' }), recordOf(A, { jail: 'scan' })]),

  async 'given several bans of one address and jail then the last one comes back'(make) {
    const last = recordOf(A, { banCount: 2, earlier: [1000] })
    const { save, close } = await opened(make())
    await save(recordOf(A))
    await save(last)
    await close()
    await comesBack(make, [last])
  },

  async 'given a removed address then no ban of it comes back, and others do'(make) {
    const { save, remove, close } = await opened(make())
    for (const record of [recordOf(A), recordOf(A, { jail: 'scan' }), recordOf(B)]) await save(record)
    await remove(A)
    await close()
    await comesBack(make, [recordOf(B)])
  },

  async 'given a ban behind a removal then it alone comes back'(make) {
    const again = recordOf(A, { jail: 'scan' })
    const { save, remove, close } = await opened(make())
    await save(recordOf(A))
    await remove(A)
    await save(again)
    await close()
    await comesBack(make, [again])
  },

  async 'given a removal in a later process then the ban does not come back'(make) {
    await keeps(make, [recordOf(A)])
    const { remove, close } = await opened(make())
    await remove(A)
    await close()
    await comesBack(make, [])
  },

  async 'given many steps at once then they are kept in their order'(make) {
    const last = MANY.map(record => ({ ...record, jail: 'scan' }))
    const { save, remove, close } = await opened(make())
    await Promise.all([...MANY.map(save), ...MANY.map(({ ip }) => remove(ip)), ...last.map(save)])
    await close()
    await comesBack(make, last)
  },

  async 'given steps that nothing waits for then closing keeps them'(make) {
    const { save, close } = await opened(make())
    const saving = MANY.map(save)
    await close()
    await Promise.all(saving)
    await comesBack(make, MANY)
  },

  async 'given a failban() in front of it then the next process has its bans in force'(make) {
    const first = failban({ store: make() })
    await first.ready()
    const banned = await first.ban(A, { reason: 'by hand' })
    await first.ban(B)
    await first.unban(B)
    await first.dispose?.()
    const second = failban({ store: make() })
    ok(await second.ready(), 'the bans were not read in time')
    const found = second.list()
    await second.dispose?.()
    deepStrictEqual(found, [banned])
  },
}

/** Saves bans one by one, and finds them again. */
async function keeps(make: () => BanStore, records: readonly BanRecord[]): Promise<void> {
  const { save, close } = await opened(make())
  for (const record of records) await save(record)
  await close()
  await comesBack(make, records)
}

/** Closes what a failed test has left open, so that its file or connection does not outlast it. */
const closing =
  (run: Run): Run =>
  async make => {
    const made: BanStore[] = []
    const remembered = () => {
      const store = make()
      made.push(store)
      return store
    }
    try {
      await run(remembered)
    } finally {
      for (const store of made) await store.close?.()
    }
  }

const rowsOf = (behaviours: Readonly<Record<string, Run>>, durable: boolean): readonly BanStoreTest[] =>
  Object.entries(behaviours).map(([name, run]) => ({ name, durable, run: closing(run) }))

/**
 * The behaviours of every `BanStore`, independent of a test runner.
 *
 * ```ts
 * for (const { name, run } of banStoreSuite)
 *   test(name, async () => {
 *     const folder = await mkdtemp(join(tmpdir(), 'bans-'))
 *     await run(() => fileBans(join(folder, 'bans.jsonl')))
 *   })
 * ```
 */
export const banStoreSuite: readonly BanStoreTest[] = [...rowsOf(ALWAYS, false), ...rowsOf(DURABLE, true)]
