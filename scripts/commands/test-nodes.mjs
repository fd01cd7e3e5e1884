import { build } from '../lib/build.mjs'
import { fetchNode } from '../lib/nodes.mjs'
import { summarize } from '../lib/tally.mjs'
import { missingTools } from '../lib/tools.mjs'
import { vitest } from '../lib/vitest.mjs'

/**
 * The long-term releases that follow the oldest one that is supported, which `npm test` is run
 * with.
 */
const MAJORS = [22, 24]

const PACKED = ['--config', 'test/packed/vitest.config.ts']

/**
 * The tests on other Nodes than this one: of the sources, and of the packages as users get them;
 * types are the same on all. With arguments, only vitest with these on the sources.
 *
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function testNodes(args) {
  /** @type {[name: string, tally: import('../lib/tally.mjs').Tally][]} */
  const parts = []
  if (args.length === 0) await build()
  for (const major of MAJORS) {
    const { node, version } = await fetchNode(major)
    /** @param {string} what @param {string[]} flags */
    const add = async (what, flags) => {
      const tally = await vitest(flags, node)
      const name = `Node ${version}, ${what}`
      parts.push([name, { ...tally, failures: tally.failures.map(failure => `${name}: ${failure}`) }])
    }
    await add('sources', ['--typecheck.enabled=false', ...args])
    if (args.length === 0) await add('packages as users get them', PACKED)
  }
  return summarize(parts, missingTools())
}
