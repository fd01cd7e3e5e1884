import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { run } from './process.mjs'
import { root, tool } from './root.mjs'
import { emptyTally, inCI } from './tally.mjs'

/**
 * Runs vitest once and returns what it came to. A run that ends without a result, or that fails
 * with every test passed, is a failure too.
 *
 * @param {string[]} args
 * @param {string} [node] the program that runs it, and everything that the tests start as `node`;
 * by default this one
 * @param {Record<string, string>} [env] more for the tests
 * @returns {Promise<import('./tally.mjs').Tally>}
 */
export async function vitest(args, node = process.execPath, env = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-tally-'))
  const file = join(directory, 'tally.json')
  try {
    // In CI a second try keeps one test that lost a race from hiding what thousands say; the
    // summary names it.
    const retry = inCI() ? ['--retry=1'] : []
    const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'lib', 'vitest-tally.mjs')}`]
    const [, script] = tool('vitest')
    const { code } = await run([node, script, 'run', ...reporters, ...retry, ...args], {
      cwd: root,
      env: { ...env, PALISADE_TALLY: file, PATH: [dirname(node), process.env['PATH']].join(delimiter) },
    })
    const ended = `vitest ended with exit code ${code}`
    if (!existsSync(file)) return { ...emptyTally(), failures: [`${ended} and no result`] }
    /** @type {import('./tally.mjs').Tally} */
    const tally = JSON.parse(readFileSync(file, 'utf8'))
    if (code !== 0 && tally.failures.length === 0) tally.failures.push(`${ended}, with no failed test`)
    return tally
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
