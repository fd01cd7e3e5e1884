/**
 * What `npm run demo:traffic` plays, and its table. The parts are played on every host, embedded
 * and with Redis, in this process and without their pauses. The programs themselves play on one
 * host; `PALISADE_TRAFFIC_FULL=1` has them play on all, as a person would see it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, redisUrl, uniqueNamespace } from '../../../test/support/redis.js'
import { actors } from '../src/traffic/actors.js'
import { TrafficClient } from '../src/traffic/client.js'
import { operator } from '../src/traffic/operator.js'
import { play } from '../src/traffic/play.js'
import { table } from '../src/traffic/table.js'
import { HOSTS, startDemo } from './support/demo.js'
import { buildPrograms, startProgram } from './support/program.js'

const isFull = (process.env['PALISADE_TRAFFIC_FULL'] ?? '') !== ''
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const TABLE = /^```\n( +sent .*\n[^`]*)\n```$/m.exec(readme)?.[1]
const STORES = ['embedded', ...(redisUrl() === undefined ? [] : ['with REDIS_URL'])]
const everywhere = (hosts: readonly string[]) =>
  hosts.flatMap(host => STORES.map(store => [host, store] as const))

describe.each(everywhere(HOSTS))('the traffic on %s, %s', { timeout: 60_000 }, (framework, store) => {
  let demo: Awaited<ReturnType<typeof startDemo>>
  beforeAll(async () => {
    const redis = { url: redisUrl() ?? '', namespace: uniqueNamespace('traffic') }
    demo = await startDemo(framework, store === 'embedded' ? {} : { redis })
  })
  afterAll(() => demo.close())

  it('given two plays in a row, when they end, then both have the table that the README shows', async () => {
    let last = 0
    const newClient = () => new TrafficClient(new URL(demo.origin), { forwarded: `198.18.0.${++last}` })
    const admin = newClient()
    for (let i = 0; i < 2; i++) {
      const { key } = await operator(admin, demo.credentials).newTenant()
      const tallies = await play(actors(demo.credentials, key), { newClient, pause: async () => {} })
      expect(table(tallies)).toBe(TABLE)
    }
    admin.close()
  })
})

describe('npm run demo:traffic', () => {
  let programs: Awaited<ReturnType<typeof buildPrograms>>
  beforeAll(async () => {
    programs = await buildPrograms()
  }, 60_000)
  afterAll(() => programs.remove())

  async function traffic(url: string): Promise<{ code: number; output: string }> {
    const child = spawn(process.execPath, [programs.traffic, url], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const [code] = (await once(child, 'close')) as [number]
    return { code, output }
  }

  it.each(everywhere(isFull ? HOSTS : ['fastify']))(
    'given a demo on %s, %s, when it is played against, then the progress, the table and the ban are told',
    {
      timeout: 60_000,
    },
    async (framework, store) => {
      const data = mkdtempSync(join(tmpdir(), 'palisade-demo-traffic-'))
      const demo = await startProgram(programs.main, {
        FRAMEWORK: framework,
        DEMO_DATA: data,
        DEMO_TRUST_LOOPBACK: '1',
        ...(store !== 'embedded' && { REDIS_URL: redisUrl() ?? '' }),
      })
      try {
        const { code, output } = await traffic(demo.origin)
        const [progress, closing, ban] = output.split('\n\n')
        expect([code, closing]).toEqual([0, TABLE])
        expect(progress?.split('\n')).toHaveLength(10)
        expect(progress).toMatch(/^370 of 370: 280 let through, 75 limited, 5 refused, 10 banned, 0 failed$/m)
        expect(ban).toMatch(
          /^banned: 198\.18\.\S+ by the jail "guessing" for 10 violations; lifted by\n {2}curl -X DELETE/,
        )
      } finally {
        await demo.stop()
        rmSync(data, { recursive: true })
      }
    },
  )

  it('given nothing that listens, when it is started, then it says so', async () => {
    const { code, output } = await traffic(`http://localhost:${await freePort()}`)
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/^Nothing listens on http:\S+ \(.*ECONNREFUSED.*\)\. Start it with/),
    ])
  })
})
