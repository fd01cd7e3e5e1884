import { chmod, type FileHandle, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, type Logger } from '@palisade/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type BanStore, fileBans } from '../../src/index.js'

const HEADER = '{"palisade":"bans","version":1}\n'
const LINE = `${JSON.stringify({
  ban: {
    ip: '203.0.113.9',
    jail: 'auth',
    reason: 'x',
    violations: 5,
    banCount: 1,
    bannedAt: 1000,
    expiresAt: 2000,
    permanent: false,
    source: 'auth',
    shadow: false,
    earlier: [],
  },
})}\n`

let folder: string
let path: string
let store: BanStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bans-'))
  path = join(folder, 'bans.jsonl')
  store = fileBans(path)
})

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.resolve(store.close?.()).catch(() => {})
  await rm(folder, { recursive: true, force: true })
})

async function openWith(mode: number, content = HEADER + LINE) {
  await writeFile(path, content)
  await chmod(path, mode)
  const warnings: string[] = []
  const warn: Logger['warn'] = (_, message) => warnings.push(message ?? '')
  const logger: Logger = { debug() {}, info() {}, warn, error: warn }
  const records = await store.open({ records: () => [], logger })
  return { records: [...records], warnings, mode: (await stat(path)).mode & 0o777 }
}

describe.skipIf(process.platform === 'win32')('given a file of bans', () => {
  it.each([0o666, 0o777, 0o660, 0o620, 0o602])(
    'that others could write (%o), then it is repaired with a warning, and read',
    async before => {
      const { records, warnings, mode } = await openWith(before)
      expect([mode, records.length]).toEqual([0o600, 1])
      expect(warnings).toEqual([expect.stringContaining('could write')])
    },
  )

  it.each([0o644, 0o640, 0o604])(
    'that others could read (%o), then it is repaired with a warning',
    async before => {
      const { records, warnings, mode } = await openWith(before)
      expect([mode, records.length]).toEqual([0o600, 1])
      expect(warnings).toEqual([expect.stringContaining('could read')])
    },
  )

  it('of its owner alone, then nothing is said', async () => {
    expect(await openWith(0o600)).toMatchObject({ mode: 0o600, warnings: [] })
  })

  it('that is new and empty, then others may not read it either', async () => {
    expect(await openWith(0o666, '')).toMatchObject({ mode: 0o600, records: [] })
  })

  describe('whose mode cannot be changed', () => {
    beforeEach(async () => {
      const handle: FileHandle = await open(join(folder, 'other'), 'w')
      vi.spyOn(Object.getPrototypeOf(handle), 'chmod').mockRejectedValue(new Error('EPERM'))
      await handle.close()
    })

    it('when others may write it then it is refused, and left as it was', async () => {
      const refused = openWith(0o666)
      await expect(refused).rejects.toThrow(ConfigError)
      await expect(refused).rejects.toThrow('its mode is 0666')
      expect(await readFile(path, 'utf8')).toBe(HEADER + LINE)
    })

    it('when others may read it then it is read, with a warning', async () => {
      expect(await openWith(0o644)).toMatchObject({ mode: 0o644, warnings: [expect.any(String)] })
    })
  })
})
