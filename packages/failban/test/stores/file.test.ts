import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFile,
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ConfigError, type Logger, pipeline } from '@palisade/core'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { workspaceSources } from '../../../../test/support/workspace-sources.js'
import type { BanRecord } from '../../src/bans/ban.js'
import { type BanStore, type FailbanOptions, failban, fileBans, type ProcessBans } from '../../src/index.js'
import { Pulse } from '../../src/stores/pulse.js'

/** Paths that cannot be opened for the moment. */
const unopenable = vi.hoisted(() => new Set<string>())
/** The handle that was opened last at each path. */
const handles = vi.hoisted(() => new Map<string, FileHandle>())
vi.mock('node:fs/promises', async original => {
  const real = await original<typeof import('node:fs/promises')>()
  const open: typeof real.open = async (path, ...how) => {
    if (unopenable.has(String(path))) throw new Error('too many open files')
    const handle = await real.open(path, ...how)
    handles.set(String(path), handle)
    return handle
  }
  return { ...real, open }
})

let folder: string
let path: string
const open: BanStore[] = []

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'bans-')))
  path = join(folder, 'bans.jsonl')
})

afterEach(async () => {
  unopenable.clear()
  handles.clear()
  for (const store of open.splice(0)) await store.close?.()
  await rm(folder, { recursive: true, force: true })
})

const ban = (ip: string, more: Partial<BanRecord> = {}): BanRecord => ({
  ip,
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
  ...more,
})

/** A process's bans, as far as a store asks for them. */
function processBans() {
  const kept = new Map<string, BanRecord>()
  const warnings: string[] = []
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (_, message) => warnings.push(message ?? ''),
    error: (_, message) => warnings.push(message ?? ''),
  }
  const as: ProcessBans = { records: () => kept.values(), logger }
  return { kept, warnings, as }
}

async function opened(at = path) {
  const store = fileBans(at)
  const own = processBans()
  const records = [...(await store.open(own.as))]
  open.push(store)
  for (const record of records) own.kept.set(record.ip, record)
  const save = (record: BanRecord) => {
    own.kept.set(record.ip, record)
    return Promise.resolve(store.save(record))
  }
  const remove = (ip: string) => {
    own.kept.delete(ip)
    return Promise.resolve(store.remove(ip))
  }
  return { store, records, ...own, save, remove }
}

/** A pipeline with bans, and what its log says: the message and what the error tells at its end. */
function logging(options: FailbanOptions) {
  const lines: string[] = []
  const note = (level: string) => (fields: object, message?: string) => {
    const { err } = fields as { err?: Error }
    lines.push(`${level}: ${message}: ${err?.message.replace(/^.*(?=process \d)/, '')}`)
  }
  const logger = { debug() {}, info() {}, warn: note('warn'), error: note('error') }
  const bans = failban(options)
  const edge = pipeline({ logger }).use(bans)
  edge.compile()
  return { bans, edge, lines }
}

/** Without sockets, which some systems have beside a lock. */
const filesBeside = async () =>
  (await readdir(folder)).filter(name => name !== 'bans.jsonl' && !name.endsWith('.sock'))

const reopened = async () => {
  for (const store of open.splice(0)) await store.close?.()
  return opened()
}

describe('given a file of bans', () => {
  it('when it is opened again, then what was saved and not removed is there, the last of an address and jail', async () => {
    const { save, remove, records } = await opened()
    expect(records).toEqual([])
    await save(ban('192.0.2.1'))
    await save(ban('192.0.2.2'))
    await save(ban('192.0.2.2', { jail: 'scan' }))
    await save(ban('192.0.2.1', { banCount: 2, earlier: [1000], expiresAt: null, permanent: true }))
    await remove('192.0.2.3')
    await save(ban('2001:db8::/64'))
    await remove('2001:db8::/64')
    expect((await reopened()).records).toEqual([
      ban('192.0.2.1', { banCount: 2, earlier: [1000], expiresAt: null, permanent: true }),
      ban('192.0.2.2'),
      ban('192.0.2.2', { jail: 'scan' }),
    ])
  })

  it('when bans are saved before it is open, then they wait for it', async () => {
    const store = fileBans(path)
    open.push(store)
    const saved = store.save(ban('192.0.2.1'))
    await store.open(processBans().as)
    await saved
    expect((await reopened()).records).toHaveLength(1)
  })

  it('when its folder is missing, then it is made, for the owner only', async () => {
    const { save } = await opened(join(folder, 'deep', 'down', 'bans.jsonl'))
    await save(ban('192.0.2.1'))
    expect((await stat(join(folder, 'deep', 'down', 'bans.jsonl'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'deep'))).mode & 0o777).toBe(0o700)
  })

  it('when its last line is torn, then that is skipped with a warning, and what follows is whole', async () => {
    const { save } = await opened()
    await save(ban('192.0.2.1'))
    await appendFile(path, '{"ban":{"ip":"192.0.2.')
    const again = await reopened()
    expect(again.records).toEqual([ban('192.0.2.1')])
    expect(again.warnings).toEqual([expect.stringContaining('torn')])
    await again.save(ban('192.0.2.2'))
    const last = await reopened()
    expect(last.records.map(({ ip }) => ip)).toEqual(['192.0.2.1', '192.0.2.2'])
    expect(last.warnings).toEqual([])
  })

  it('when the very first write was cut short, then it begins anew', async () => {
    await writeFile(path, '{"palisade":"ba')
    const { save, records } = await opened()
    expect(records).toEqual([])
    await save(ban('192.0.2.1'))
    expect((await reopened()).records).toHaveLength(1)
  })

  it.each([
    ['no JSON', 'nonsense'],
    ['another thing', '{"what":1}'],
    ['null', 'null'],
    ['an address in another notation', JSON.stringify({ ban: ban('::ffff:192.0.2.9') })],
    ['no address', JSON.stringify({ ban: ban('somebody') })],
    ['a ban without an end', JSON.stringify({ ban: { ...ban('192.0.2.9'), expiresAt: null } })],
    ['a time that is none', JSON.stringify({ ban: { ...ban('192.0.2.9'), bannedAt: '1000' } })],
    ['too long a history', JSON.stringify({ ban: { ...ban('192.0.2.9'), earlier: Array(21).fill(1) } })],
  ])('when a line is %s, then it alone is skipped, with a warning', async (_what, line) => {
    const { save } = await opened()
    await save(ban('192.0.2.1'))
    await appendFile(path, `${line}\n`)
    await appendFile(path, `${JSON.stringify({ ban: ban('192.0.2.2') })}\n`)
    const { records, warnings } = await reopened()
    expect(records.map(({ ip }) => ip)).toEqual(['192.0.2.1', '192.0.2.2'])
    expect(warnings).toHaveLength(1)
  })

  it.each([
    ['of something else', 'Dear diary,\n'],
    ['of a later version', '{"palisade":"bans","version":2}\n'],
    ['of one line', 'precious'],
  ])('when it is a file %s, then it is refused and left as it is', async (_what, content) => {
    await writeFile(path, content)
    await expect(fileBans(path).open(processBans().as)).rejects.toThrow(ConfigError)
    expect(await readFile(path, 'utf8')).toBe(content)
    expect(await readdir(folder)).toEqual(['bans.jsonl'])
  })

  it('when most of it is past, then it is rewritten with what counts', async () => {
    const { save, remove } = await opened()
    await save(ban('192.0.2.1'))
    const busy: Promise<void>[] = []
    for (let i = 0; i < 2000; i++) {
      busy.push(save(ban(`198.51.${i >> 8}.${i & 255}`)), remove(`198.51.${i >> 8}.${i & 255}`))
      if (i % 100 === 0) await Promise.all(busy.splice(0))
    }
    await Promise.all(busy)
    await save(ban('192.0.2.2'))
    expect((await readFile(path, 'utf8')).split('\n').length).toBeLessThan(1500)
    expect(await filesBeside()).toEqual([expect.stringMatching(/^bans\.jsonl\.lock-/)])
    expect((await reopened()).records.map(({ ip }) => ip)).toEqual(['192.0.2.1', '192.0.2.2'])
  })

  it('when it is rewritten while bans come and go, then none is lost and none comes back', async () => {
    const { save, remove, kept } = await opened()
    for (let i = 0; i < 3000; i++) kept.set(`10.0.${i >> 8}.${i & 255}`, ban(`10.0.${i >> 8}.${i & 255}`))
    for (let round = 0; round < 40; round++) {
      const steps: Promise<void>[] = []
      for (let i = 0; i < 100; i++) {
        const ip = `10.0.${round % 8}.${i}`
        steps.push((i + round) % 3 === 0 ? remove(ip) : save(ban(ip, { violations: round })))
        if (i % 10 === 0) await Promise.race(steps)
      }
      await Promise.all(steps)
    }
    const { records } = await reopened()
    const byAddress = (a: BanRecord, b: BanRecord) => (a.ip < b.ip ? -1 : 1)
    expect(records.sort(byAddress)).toEqual([...kept.values()].sort(byAddress))
  })

  it('when the disk fails in the middle of a line, then it is told, and the next ban that can be written heals the file', async () => {
    const { save } = await opened()
    await save(ban('192.0.2.1'))
    const file = handles.get(path) as FileHandle
    const append = file.appendFile.bind(file)
    file.appendFile = async text => {
      await append(String(text).slice(0, 20))
      throw new Error('no space left')
    }
    await expect(save(ban('192.0.2.2'))).rejects.toThrow('no space left')
    await save(ban('192.0.2.3'))
    const { records, warnings } = await reopened()
    expect(records.map(({ ip }) => ip)).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    expect(warnings).toEqual([])
  })

  it('when a rewrite has replaced it and fails then, then nothing is written to the old one, and it is rewritten again', async () => {
    const { save, remove, warnings } = await opened()
    await save(ban('192.0.2.1'))
    unopenable.add(folder)
    await Promise.all(Array.from({ length: 1000 }, () => save(ban('192.0.2.2'))))
    expect(warnings).toEqual(['the file of bans could not be compacted'])
    await expect(save(ban('192.0.2.3'))).rejects.toThrow('too many open files')
    unopenable.clear()
    await save(ban('192.0.2.4'))
    await remove('192.0.2.1')
    const { records } = await reopened()
    expect(records.map(({ ip }) => ip)).toEqual(['192.0.2.2', '192.0.2.3', '192.0.2.4'])
  })

  it.each([
    ['it is swept', async (store: BanStore) => store.sweep?.()],
    ['it is closed', async (store: BanStore) => store.close?.()],
  ])('when a ban could not be written and %s, then it is written after all', async (_what, act) => {
    const { store, save } = await opened()
    unopenable.add(`${path}.tmp`)
    await rename(path, `${path}.1`)
    store.sweep?.()
    await expect(save(ban('192.0.2.1'))).rejects.toThrow('too many open files')
    unopenable.clear()
    await act(store)
    await expect.poll(() => readFile(path, 'utf8').catch(() => '')).toContain('192.0.2.1')
  })

  it('when it cannot be written to the end, then the log says that something is lost', async () => {
    const { store, save, warnings } = await opened()
    unopenable.add(`${path}.tmp`)
    await rename(path, `${path}.1`)
    await save(ban('192.0.2.1'))
    await store.close?.()
    expect(warnings).toEqual(['the file of bans could not be mended: what it lacks is lost'])
  })

  it('when it is renamed or deleted by another program, then a sweep writes it anew with all bans', async () => {
    const { store, save } = await opened()
    await save(ban('192.0.2.1'))
    await rename(path, `${path}.1`)
    await save(ban('192.0.2.2'))
    store.sweep?.()
    await save(ban('192.0.2.3'))
    expect((await reopened()).records).toHaveLength(3)
    await rm(path)
    expect((await reopened()).records).toHaveLength(3)
  })

  it('when it is closed, then what waits is written first, and nothing afterwards', async () => {
    const { save, store } = await opened()
    const saved = Array.from({ length: 50 }, (_, i) => save(ban(`192.0.2.${i}`)))
    await store.close?.()
    await Promise.all(saved)
    await expect(save(ban('192.0.2.99'))).rejects.toThrow('closed')
    expect((await reopened()).records).toHaveLength(50)
  })
})

describe('given a path that leads elsewhere', () => {
  it.each([
    ['a file', true],
    ['nothing yet', false],
  ])(
    'when it is a link to %s, then the file behind it is locked, written and rewritten',
    async (_what, exists) => {
      const target = join(folder, 'shared', 'bans.jsonl')
      await mkdir(dirname(target))
      if (exists) await writeFile(target, '')
      await symlink(join('shared', 'bans.jsonl'), path)
      const { store, save } = await opened()
      await expect(fileBans(target).open(processBans().as)).rejects.toThrow('this process has')
      await save(ban('192.0.2.1'))
      await rename(target, `${target}.1`)
      await store.close?.()
      expect((await lstat(path)).isSymbolicLink()).toBe(true)
      expect((await opened(target)).records).toEqual([ban('192.0.2.1')])
    },
  )

  it.runIf(process.platform === 'linux')(
    'when a file is mounted by itself, then it is refused, since no rewrite can replace it',
    async () => {
      const mount = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')[0]?.split(' ')[4] ?? ''
      await expect(fileBans(mount).open(processBans().as)).rejects.toThrow('mounted by itself')
    },
  )
})

describe('given two that want one file', () => {
  it('when the second opens it, in this process or another, then it is refused with the holder', async () => {
    await opened()
    await expect(fileBans(path).open(processBans().as)).rejects.toThrow(
      `a file that nobody else has open: this process has ${JSON.stringify(path)} already`,
    )
    const store = fileBans(join(folder, 'other.jsonl'))
    expect([...(await store.open(processBans().as))]).toEqual([])
    expect(() => store.open(processBans().as)).toThrow(ConfigError)
    await store.close?.()
  })

  it('when a living process has it, then that and the whole path are told, however long', async () => {
    const deep = join(folder, 'x'.repeat(100), 'bans.jsonl')
    await mkdir(dirname(deep))
    const lock = { pid: process.ppid, host: hostname(), mark: null }
    await writeFile(`${deep}.lock-x`, JSON.stringify(lock))
    const { bans, edge, lines } = logging({ maxViolations: 1, store: fileBans(deep) })
    const told = `process ${process.ppid} has ${JSON.stringify(deep)}`
    await expect(bans.ready()).rejects.toThrow(told)
    expect(lines).toEqual([
      `error: the kept bans could not be read and are not in force in this process: ${told}`,
    ])
    for (const key of ['203.0.113.9', '203.0.113.10', '203.0.113.11'])
      edge.events.emit('security:violation', { source: 'auth', weight: 1, key, bannable: true })
    await expect(bans.ban('192.0.2.1')).rejects.toMatchObject({ status: 503 })
    expect(lines.slice(1)).toEqual([
      `error: a ban could not be kept: it is in force in this process, and lost at its end: ${told}`,
    ])
    expect(bans.list()).toHaveLength(4)
    await edge.dispose()
  })

  it('when the first has closed it, then the second may', async () => {
    await opened()
    expect((await reopened()).records).toEqual([])
  })

  const gone = { pid: 2 ** 22 + 1, host: hostname(), mark: 'gone' }
  it.each([
    ['of a process that is gone', JSON.stringify(gone)],
    ['of an earlier process with our number', JSON.stringify({ ...gone, pid: process.pid })],
    ['of an earlier process with the number of a living one', JSON.stringify({ ...gone, pid: process.ppid })],
    ['that says nothing', ''],
  ])('when there is a lock %s, then it is taken', async (_what, lock) => {
    await writeFile(`${path}.lock-x`, lock)
    expect((await opened()).records).toEqual([])
    const locks = await filesBeside()
    expect(locks).toHaveLength(1)
    expect(JSON.parse(await readFile(join(folder, locks[0] ?? ''), 'utf8'))).toMatchObject({
      pid: process.pid,
    })
  })

  it('when there is a lock of another host, then it is believed', async () => {
    await writeFile(`${path}.lock-x`, JSON.stringify({ ...gone, host: 'elsewhere.example' }))
    await expect(fileBans(path).open(processBans().as)).rejects.toThrow('elsewhere.example')
  })

  describe.runIf(process.platform === 'linux')('and one is in another container of this machine', () => {
    /** What a container of the same host name has written. */
    const elsewhere = async () => ({
      pid: process.pid,
      host: hostname(),
      mark: `${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}:1`,
      pidNamespace: 'pid:[1]',
    })

    it('when its process lives, then the second is refused, and told what to do if that is wrong', async () => {
      await writeFile(`${path}.lock-x`, JSON.stringify(await elsewhere()))
      const pulse = createServer().listen(`${path}.lock-x.sock`)
      await once(pulse, 'listening')
      const refused = fileBans(path).open(processBans().as)
      await expect(refused).rejects.toThrow(
        `another container on ${hostname()} has ${JSON.stringify(path)} (if that container is gone, remove ${JSON.stringify(`${path}.lock-x`)})`,
      )
      pulse.close()
    })

    it('when its process cannot be asked, then it is believed', async () => {
      await writeFile(`${path}.lock-x`, JSON.stringify(await elsewhere()))
      await expect(fileBans(path).open(processBans().as)).rejects.toThrow('another container')
    })

    it('when its process is gone, then the file is taken, and nothing is left of it', async () => {
      await writeFile(`${path}.lock-x`, JSON.stringify(await elsewhere()))
      const pulse = createServer().listen(`${path}.sock`)
      await once(pulse, 'listening')
      await rename(`${path}.sock`, `${path}.lock-x.sock`)
      pulse.close()
      await once(pulse, 'close')
      expect((await opened()).records).toEqual([])
      expect((await readdir(folder)).filter(name => name.includes('lock-x'))).toEqual([])
    })

    it('when the machine was started anew since, then the file is taken', async () => {
      await writeFile(`${path}.lock-x`, JSON.stringify({ ...(await elsewhere()), mark: 'earlier:1' }))
      expect((await opened()).records).toEqual([])
    })

    it('when this process has it, then its pulse is felt until it is closed, however long the path', async () => {
      const deep = join(folder, 'x'.repeat(200), 'bans.jsonl')
      const { store } = await opened(deep)
      const socket = (await readdir(dirname(deep))).find(name => name.endsWith('.sock')) ?? ''
      expect(await Pulse.hasStopped(join(dirname(deep), socket))).toBe(false)
      await store.close?.()
      expect(await readdir(dirname(deep))).toEqual(['bans.jsonl'])
    })
  })

  it('when many race for it, then never do two get it, and it is free afterwards', async () => {
    await writeFile(`${path}.lock-x`, JSON.stringify(gone))
    const stores = Array.from({ length: 20 }, () => fileBans(path))
    const results = await Promise.allSettled(stores.map(store => store.open(processBans().as)))
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1)
    await Promise.all(stores.map(store => store.close?.()))
    const left = (await readdir(folder)).filter(name => name.includes('lock') && !name.endsWith('lock-x'))
    expect(left).toEqual([])
    expect((await opened()).records).toEqual([])
  })
})

describe('given a process that is killed while it bans', () => {
  it('when the file is opened again, then no ban that was acknowledged is missing, and no unban is undone', async () => {
    const script = join(folder, 'child.mjs')
    await build({
      entryPoints: [fileURLToPath(new URL('../support/banning-process.ts', import.meta.url))],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      plugins: [workspaceSources],
    })
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
      const banned = new Set<string>()
      const unbanned = new Set<string>()
      for await (const line of createInterface({ input: child.stdout })) {
        const [what, ip = ''] = line.split(' ')
        if (what === 'unban?') banned.delete(ip)
        else if (what === 'unbanned') unbanned.add(ip)
        else banned.add(ip)
        if (banned.size === 700 + 400 * round) child.kill('SIGKILL')
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')
      const { records, store } = await reopened()
      const found = new Set(records.map(({ ip }) => ip))
      expect([...banned].filter(ip => !found.has(ip))).toEqual([])
      expect([...unbanned].filter(ip => found.has(ip))).toEqual([])
      await store.close?.()
      await rm(path)
    }
  })
})
