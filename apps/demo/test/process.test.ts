/**
 * How the demo starts and ends as a process. That a restart loses nothing is tested in
 * `story.test.ts`.
 */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { buildPrograms, launchProgram, startProgram } from './support/program.js'

describe('the demo as a process', { timeout: 60_000 }, () => {
  let programs: Awaited<ReturnType<typeof buildPrograms>>
  let temporary: string
  beforeAll(async () => {
    programs = await buildPrograms()
  }, 60_000)
  afterAll(() => programs.remove())
  beforeEach(() => {
    temporary = mkdtempSync(join(tmpdir(), 'palisade-demo-process-'))
  })
  afterEach(() => rmSync(temporary, { recursive: true }))

  const ofThisDemo = () => readdirSync(temporary).filter(name => name.startsWith('palisade-demo-'))

  it('given directories that nobody named, when SIGTERM, SIGINT and SIGHUP end their demos, then they go with them', async () => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
    const demos = await Promise.all(signals.map(() => startProgram(programs.main, { TMPDIR: temporary })))
    expect(ofThisDemo()).toHaveLength(3)
    for (const demo of demos)
      expect(ofThisDemo().map(name => `${join(temporary, name)}, until the demo ends`)).toContainEqual(
        /orders and bans are in +(.*ends)/.exec(demo.output())?.[1],
      )
    demos.forEach((demo, i) => {
      demo.signal(signals[i] as NodeJS.Signals)
    })
    expect(await Promise.all(demos.map(({ exited }) => exited))).toEqual([0, 0, 0])
    expect(ofThisDemo()).toEqual([])
  })

  it('given a demo that is starting, when SIGTERM ends it, then its directory goes with it', async () => {
    const demo = launchProgram(programs.main, { TMPDIR: temporary })
    await vi.waitFor(() => expect(ofThisDemo()).toHaveLength(1), { timeout: 15_000, interval: 5 })
    demo.signal('SIGTERM')
    expect(await demo.exited).toBe(143)
    expect(ofThisDemo()).toEqual([])
  })

  it('given a directory in use, when a second demo is started on it, then a sentence says so', async () => {
    const env = { DEMO_DATA: join(temporary, 'data') }
    const first = await startProgram(programs.main, env)
    const second = launchProgram(programs.main, env)
    expect(await second.exited).toBe(1)
    expect(lastLine(second.output())).toMatch(
      /^Orders and bans cannot be kept in .*\/data \(.*process \d+ has .*\); choose another directory with DEMO_DATA$/,
    )
    await first.stop()
  })

  it.each([
    ['a file', () => writeFileSync(join(temporary, 'data'), ''), 'EEXIST'],
    [
      'one with a database that is none',
      () => {
        mkdirSync(join(temporary, 'data'))
        writeFileSync(join(temporary, 'data', 'orders.db'), 'anything but SQLite')
      },
      'SQLITE_NOTADB',
    ],
  ] as const)(
    'given a directory that is %s, when a demo is started on it, then a sentence says so',
    async (_, prepare, reason) => {
      prepare()
      const demo = launchProgram(programs.main, { DEMO_DATA: join(temporary, 'data') })
      expect(await demo.exited).toBe(1)
      expect(demo.output()).toMatch(
        /^Orders and bans cannot be kept in [^\n]*; choose another directory with DEMO_DATA\n$/,
      )
      expect(demo.output()).toContain(`(${reason}: `)
    },
  )

  it('given a port in use, when a demo is started on it, then a sentence says so', async () => {
    const other = createServer().listen(0)
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const demo = launchProgram(programs.main, { PORT: String(port), TMPDIR: temporary })
    expect([await demo.exited, demo.output()]).toEqual([
      1,
      `port ${port} is in use; choose another with PORT, or PORT=0 for a free one\n`,
    ])
    expect(ofThisDemo()).toEqual([])
    other.close()
  })
})

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1)
