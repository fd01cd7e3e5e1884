import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisUrl, uniqueNamespace } from '../../../../test/support/redis.js'
import { workspaceSources } from '../../../../test/support/workspace-sources.js'
import { ALGORITHM_NAMES } from '../../src/algorithms/index.js'

const packages = fileURLToPath(new URL('../../..', import.meta.url))
/** Inside the package, so that the program finds the client. */
const directory = `${packages}ratelimit/node_modules/.palisade-test-${process.pid}`
const program = `${directory}/hammer.mjs`

/** What a child says next; rejects when it ends without a word. */
async function heard(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process ended with ${code}`)
  })
  const [message] = await Promise.race([once(child, 'message'), ended])
  ended.catch(() => {})
  return message
}

describe.skipIf(redisUrl() === undefined)('given four processes on one Redis', () => {
  beforeAll(async () => {
    mkdirSync(directory, { recursive: true })
    await build({
      entryPoints: [`${packages}ratelimit/test/support/hammer-program.ts`],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      external: ['ioredis', 'redis'],
      plugins: [workspaceSources],
    })
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it.each(ALGORITHM_NAMES)(
    'when all ask for one key at once by %s, then together they get exactly the limit',
    async algorithm => {
      const args = [redisUrl() as string, uniqueNamespace(), algorithm, '101', '250']
      const children = Array.from({ length: 4 }, () => fork(program, args, { execArgv: [] }))
      try {
        expect(await Promise.all(children.map(heard))).toEqual(Array(4).fill('ready'))
        const answers = children.map(heard)
        for (const child of children) child.send('go')
        const admitted = (await Promise.all(answers)).map(answer => (answer as { admitted: number }).admitted)
        expect(admitted.reduce((sum, one) => sum + one)).toBe(101)
      } finally {
        for (const child of children) child.kill()
      }
    },
  )
})
