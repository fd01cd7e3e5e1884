import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Changes, unnamedIn, WorkspaceCopy } from './support/exercise.js'

const STORE = `import { bindMethods, checkOptions, having } from '@palisade/core/middleware'
import type { BanRecord } from '../bans/ban.js'
import type { BanStore } from './store.js'

type Kept = Map<string, BanRecord>

export interface MapBansOptions {
  readonly map: Kept
}

/** Bans in a map that outlives the store. */
export function mapBans(options: MapBansOptions): BanStore {
  const { map } = checkOptions('mapBans', options, { map: having<Kept>('a Map', 'set', 'delete', 'values') })
  return bindMethods(new MapBans(map), 'open', 'save', 'remove')
}

class MapBans implements BanStore {
  readonly #kept: Kept

  constructor(kept: Kept) {
    this.#kept = kept
  }

  open(): Iterable<BanRecord> {
    return [...this.#kept.values()]
  }

  save(record: BanRecord): void {
    this.#kept.set(\`\${record.ip} \${record.jail}\`, record)
  }

  remove(ip: string): void {
    for (const [key, record] of this.#kept) if (record.ip === ip) this.#kept.delete(key)
  }
}
`

const TEST = `import { describe, it } from 'vitest'
import { mapBans } from '../../src/index.js'
import { banStoreSuite } from '../../src/testing.js'

describe('mapBans()', () => {
  it.each(banStoreSuite)('$name', async ({ run }) => {
    const map = new Map()
    await run(() => mapBans({ map }))
  })
})
`

const behind = (line: string, added: string) => (text: string) => text.replace(line, `${line}\n${added}`)

/** Everything that an author of `mapBans()` writes. */
const CHANGES: Changes = {
  'packages/failban/src/stores/map.ts': () => STORE,
  'packages/failban/src/index.ts': text => `${text}export { mapBans } from './stores/map.js'\n`,
  'packages/failban/test/stores/map.test.ts': () => TEST,
  'test/factories.ts': behind(
    'export const factories: readonly Factory[] = [',
    "  factory('mapBans', failban.mapBans, { map: new Map() }),",
  ),
  'test/methods.ts': text =>
    behind(
      "  row('memoryBans', memoryBans, {",
      `    open: open => open({} as never),
    save: save => save({} as never),
    remove: remove => remove('203.0.113.9'),
    sweep: sweep => sweep(),
    close: close => close(),
  }),
  row('mapBans', () => mapBans({ map: new Map() }), {`,
    )(text.replace('memoryBans }', 'memoryBans, mapBans }')),
}

const TABLE_TESTS = ['test/config-errors.test.ts', 'test/detached.test.ts']
/** The tests that a new store has: those with its name, and of the completeness of the tables. */
const PATTERN = 'mapBans|what failban exports'

let copy: WorkspaceCopy

beforeAll(async () => {
  copy = await WorkspaceCopy.make()
  await copy.change(CHANGES)
}, 60_000)

afterAll(() => copy.remove(), 60_000)

it('given a new ban store then the architecture names each file that changes', async () => {
  expect(await unnamedIn('A store', Object.keys(CHANGES))).toEqual([])
})

it('given a new ban store with its rows then its suite and the tables over all packages pass', async () => {
  const { output, passes } = await copy.test(
    PATTERN,
    ...TABLE_TESTS,
    'packages/failban/test/stores/map.test.ts',
  )
  expect(passes, output).toBe(true)
}, 240_000)
