import { build } from '../lib/build.mjs'
import { summarize } from '../lib/tally.mjs'
import { missingTools } from '../lib/tools.mjs'
import { vitest } from '../lib/vitest.mjs'

const ofSources = async () => /** @type {const} */ (['unit, conformance and types', await vitest([])])

/** @param {string[]} args */
const ofPackages = async args =>
  /** @type {const} */ ([
    'packages as users get them',
    await vitest(['--config', 'test/packed/vitest.config.ts', ...args]),
  ])

/**
 * Every test: unit, conformance and types against the sources, then the packages as users get them.
 */
export async function everyTest() {
  await build()
  return [await ofSources(), await ofPackages([])]
}

/**
 * With arguments, only vitest with these (`npm test -- packages/core -t pipeline`): nothing is
 * built or packed, since these tests read the sources. `npm test -- test/packed` is the other half.
 *
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function test(args) {
  if (args.length === 0) return summarize(await everyTest(), missingTools())
  if (!args[0]?.startsWith('test/packed'))
    return summarize([['chosen tests', await vitest(args)]], missingTools())
  await build()
  return summarize([await ofPackages(args)], [])
}
