import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { canStartRedis } from './support/redis.js'

const support = fileURLToPath(new URL('support/redis-server.ts', import.meta.url))

describe.skipIf(!canStartRedis())('startRedis()', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'palisade-test-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  /**
   * A plain script, run by Node alone: no test runner keeps its loop. Its servers keep their files
   * in `directory`.
   */
  async function run(script: string): Promise<{ code: number; output: string }> {
    const contents = `import { startRedis } from ${JSON.stringify(support)}\n${script}`
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: directory },
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
    })
    const child = spawn(process.execPath, ['--input-type=module', '-e', outputFiles[0]?.text ?? ''], {
      env: { ...process.env, TMPDIR: directory },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 15_000,
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const [code] = (await once(child, 'close')) as [number]
    return { code, output: output.trim() }
  }

  it('given a script with nothing else to do, when it awaits stop(), then it is held until the server is gone', async () => {
    const result = await run(`
      const redis = await startRedis()
      await redis.restart()
      await redis.stop()
      await redis.stop()
      console.log('stopped')`)
    expect(result).toEqual({ code: 0, output: 'stopped' })
    expect(readdirSync(directory)).toEqual([])
  })

  it('given a script that forgets its server, when it has nothing else to do, then it ends and the server goes with its directory', async () => {
    const result = await run(`
      const redis = await startRedis()
      console.log(await redis.command('PING'))`)
    expect(result).toEqual({ code: 0, output: 'PONG' })
    await vi.waitFor(() => expect(readdirSync(directory)).toEqual([]), { timeout: 5000 })
  })
})
