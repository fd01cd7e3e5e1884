import { fetchNode } from '../lib/nodes.mjs'
import { summarize } from '../lib/tally.mjs'
import { missingTools } from '../lib/tools.mjs'
import { vitest } from '../lib/vitest.mjs'

/** The long-term releases that follow the oldest one that is supported, which `npm test` is run with. */
const MAJORS = [22, 24]

/**
 * The tests of the sources on other Nodes than this one; types are the same on all. With arguments, only vitest with these.
 *
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function testNodes(args) {
  /** @type {[name: string, tally: import('../lib/tally.mjs').Tally][]} */
  const parts = []
  for (const major of MAJORS) {
    const { node, version } = await fetchNode(major)
    const tally = await vitest(['--typecheck.enabled=false', ...args], node)
    parts.push([
      `Node ${version}`,
      { ...tally, failures: tally.failures.map(failure => `Node ${version}: ${failure}`) },
    ])
  }
  return summarize(parts, missingTools())
}
