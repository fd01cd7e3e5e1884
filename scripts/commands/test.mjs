import { build } from '../lib/build.mjs'
import { summarize } from '../lib/tally.mjs'
import { missingTools } from '../lib/tools.mjs'
import { vitest } from '../lib/vitest.mjs'

/**
 * Every test: unit, conformance and types against the sources, then the packages as users get them.
 *
 * @returns {Promise<(readonly [string, import('../lib/tally.mjs').Tally])[]>}
 */
export async function everyTest() {
  await build()
  return [
    ['unit, conformance and types', await vitest([])],
    ['packages as users get them', await vitest(['--config', 'test/packed/vitest.config.ts'])],
  ]
}

/**
 * With arguments, only vitest with these (`npm test -- packages/core -t pipeline`): nothing is built or packed, since vitest reads
 * the sources.
 *
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function test(args) {
  return summarize(
    args.length === 0 ? await everyTest() : [['chosen tests', await vitest(args)]],
    missingTools(),
  )
}
