import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The directory of the workspace. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {string} [packageManager]
 * @property {Record<string, string>} [bin]
 * @property {Record<string, string>} [scripts]
 * @property {Record<string, unknown>} [exports]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [peerDependencies]
 */

/**
 * @param {string} directory
 * @returns {Manifest}
 */
export const manifestOf = directory => JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))

/**
 * The members of the workspace below `packages` or `apps`.
 *
 * @param {'packages' | 'apps'} kind
 */
export function members(kind) {
  const parent = join(root, kind)
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .filter(name => existsSync(join(parent, name, 'package.json')))
    .map(name => ({
      path: `${kind}/${name}`,
      directory: join(parent, name),
      manifest: manifestOf(join(parent, name)),
    }))
}

/** The packages that are published. */
export const publicPackages = () => members('packages').filter(({ manifest }) => !manifest.private)

/**
 * The command that runs a tool of the root's devDependencies, without a shell and the same on every
 * platform.
 *
 * @param {string} packageName
 * @param {string} [bin] the name of the command, if it is not that of the package
 * @returns {[string, string]}
 */
export function tool(packageName, bin = packageName) {
  const directory = join(root, 'node_modules', packageName)
  const { bin: bins } = manifestOf(directory)
  const file = typeof bins === 'string' ? bins : bins?.[bin]
  if (file === undefined) throw new Error(`${packageName} has no command ${bin}`)
  return [process.execPath, join(directory, file)]
}
