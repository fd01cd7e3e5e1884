import { build } from '../lib/build.mjs'
import { fetchRuntimes } from '../lib/runtimes.mjs'
import { summarize } from '../lib/tally.mjs'
import { missingTools } from '../lib/tools.mjs'
import { vitest } from '../lib/vitest.mjs'

/**
 * The packages as users get them on workerd, Bun and Deno. They must have been built.
 *
 * @param {string[]} args more for vitest
 */
export async function ofRuntimes(args) {
  const directory = await fetchRuntimes()
  const env = { PALISADE_RUNTIMES: directory }
  const flags = ['--config', 'test/runtimes/vitest.config.ts', ...args]
  return /** @type {const} */ (['packages on other runtimes', await vitest(flags, process.execPath, env)])
}

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function testRuntimes(args) {
  await build()
  return summarize([await ofRuntimes(args)], missingTools())
}
