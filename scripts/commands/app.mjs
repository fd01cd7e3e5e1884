import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from '../lib/build.mjs'
import { Stop, serve } from '../lib/process.mjs'
import { manifestOf, root } from '../lib/root.mjs'

/**
 * Builds an app and runs one of its scripts: without a shell in between, so that signals and the
 * exit code are the app's own.
 *
 * @param {'demo' | 'bench'} name
 * @param {string[]} args passed on to the app
 * @param {string} [script] of its package.json
 * @returns {Promise<number>} the exit code of the app
 */
export async function app(name, args, script = 'start') {
  const directory = join(root, 'apps', name)
  if (!existsSync(join(directory, 'package.json')))
    throw new Stop(`There is no apps/${name} in this workspace.`)
  const [program, ...given] = (manifestOf(directory).scripts?.[script] ?? 'node dist/main.js').split(' ')
  if (program !== 'node')
    throw new Stop(`The "${script}" script of apps/${name} must be "node <file>", with no shell syntax.`)
  await build(`apps/${name}`)
  return serve([process.execPath, ...given, ...args], { cwd: directory })
}
