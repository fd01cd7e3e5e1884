import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../test/support/redis.js'
import { buildPrograms, startProgram } from './support/program.js'

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

  it('lets normal users through, bans who guesses, and limits the noisy tenant', {
    timeout: 60_000,
  }, async () => {
    const data = mkdtempSync(join(tmpdir(), 'palisade-demo-traffic-'))
    const demo = await startProgram(programs.main, { DEMO_DATA: data, DEMO_TRUST_LOOPBACK: '1' })
    try {
      const { code, output } = await traffic(demo.origin)
      expect([code, output]).toEqual([0, expect.any(String)])
      const row = (name: string) =>
        (output.match(new RegExp(`^${name}.*`, 'm'))?.[0] ?? '').split(/ {2,}/).slice(1)
      const [sent, through, ...rest] = row('alan, with a token')
      expect([through, rest]).toEqual([sent, ['-', '-', '-', '-']])
      expect(row('ada, with a password').slice(2)).toEqual(['-', '-', '-', '-'])
      expect(row('guesses a password')).toEqual([/\d+/, '-', /[56]/, '5', /\d+/, '-'].map(matching))
      expect(row('globex, a noisy tenant')).toEqual([/\d+/, /2\d\d/, /\d+/, '-', '-', '-'].map(matching))
      expect(output).toMatch(/banned: 198\.18\.\S+ by the jail "guessing"/)
    } finally {
      await demo.stop()
      rmSync(data, { recursive: true })
    }
  })

  it('says so when nothing listens', async () => {
    const { code, output } = await traffic(`http://localhost:${await freePort()}`)
    expect([code, output]).toEqual([1, expect.stringMatching(/^Nothing listens on http:\S+\. Start it with/)])
  })
})

const matching = (pattern: string | RegExp) =>
  typeof pattern === 'string' ? pattern : expect.stringMatching(pattern)
