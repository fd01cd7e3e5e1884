import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { dependencies } from '../check/dependencies.mjs'
import { documentedImports } from '../check/documented-imports.mjs'
import { documentedPaths } from '../check/documented-paths.mjs'
import { lockFile } from '../check/lock-file.mjs'
import { packedPackages } from '../check/packed-packages.mjs'
import { privateMembers } from '../check/private-members.mjs'
import { build } from '../lib/build.mjs'
import { run } from '../lib/process.mjs'
import { members, root, tool } from '../lib/root.mjs'
import { emptyTally, summarize } from '../lib/tally.mjs'

/**
 * A check finds nothing wrong, or says what it found.
 *
 * @typedef {{ name: string, find: () => Promise<string[]> | string[] }} Check
 */

/**
 * @param {string} name
 * @param {[string, ...string[]]} command
 * @returns {Check}
 */
const program = (name, command) => ({
  name,
  find: async () => {
    const { code, output } = await run(command, { cwd: root, quiet: true })
    return code === 0 ? [] : [output.trim() || `exit code ${code}`]
  },
})

const tsconfigs = () =>
  [
    '.',
    'scripts',
    'test/packed',
    'test/runtimes',
    ...[...members('packages'), ...members('apps')].map(({ path }) => path),
  ]
    .map(path => join(path, 'tsconfig.json'))
    .filter(file => existsSync(join(root, file)))

/** @returns {Promise<import('../lib/tally.mjs').Tally>} */
export async function everyCheck() {
  await build()
  /** @type {Check[]} */
  const checks = [
    program('biome', [...tool('@biomejs/biome', 'biome'), 'check', '--error-on-warnings', '.']),
    { name: 'the lock file holds no download address', find: lockFile },
    { name: 'declared dependencies match the imports', find: dependencies },
    { name: 'documented import paths exist', find: documentedImports },
    { name: 'documented files exist', find: documentedPaths },
    { name: 'members are hidden with #', find: privateMembers },
    ...tsconfigs().map(file =>
      program(`tsc -p ${file}`, [...tool('typescript', 'tsc'), '--noEmit', '-p', file]),
    ),
    { name: 'publint and attw on every packed package', find: packedPackages },
  ]
  /** @type {import('../lib/tally.mjs').Tally} */
  const tally = emptyTally()
  for (const { name, find } of checks) {
    const found = await find()
    console.log(`${found.length === 0 ? 'ok    ' : 'FAILED'} ${name}`)
    for (const text of found) console.log(text.replace(/^/gm, '       '))
    if (found.length === 0) tally.passed += 1
    else tally.failures.push(`check: ${name}`)
  }
  return tally
}

/** @returns {Promise<number>} the exit code */
export async function check() {
  return summarize([['checks', await everyCheck()]], [])
}
