import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { manifestOf, root } from '../../scripts/lib/root.mjs'

/** A package of Palisade, by name, and where its tarball lies. */
export interface Tarball {
  readonly name: string
  readonly tarball: string
}

/**
 * A port on which nothing listens: a package of Palisade that is not among the tarballs must not
 * come from anywhere else.
 */
const NOWHERE = 'http://127.0.0.1:9/'

/**
 * The version that the workspace's own lock settled on, so that a test here and a conformance test
 * speak of the same host.
 */
const lockedVersion = (name: string) =>
  manifestOf(join(root, 'packages', 'adapters', 'node_modules', name)).version

/**
 * Makes an empty project, as a user would, and installs these tarballs and these packages of others
 * in it.
 */
export async function installProject(
  directory: string,
  tarballs: readonly Tarball[],
  foreign: readonly string[],
): Promise<void> {
  mkdirSync(directory)
  const own = Object.fromEntries(tarballs.map(({ name, tarball }) => [name, `file:${tarball}`]))
  writeFileSync(join(directory, '.npmrc'), `@palisade:registry=${NOWHERE}\n`)
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: { ...own, ...Object.fromEntries(foreign.map(name => [name, lockedVersion(name)])) },
      devDependencies: { '@types/node': manifestOf(join(root, 'node_modules', '@types/node')).version },
      overrides: Object.fromEntries(tarballs.map(({ name }) => [name, `$${name}`])),
    }),
  )
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  await promisify(execFile)(npm, ['install', ...flags], {
    cwd: directory,
    shell: process.platform === 'win32',
  })
}

/**
 * What npm resolved every installed package to, as the project's lock says: its place in
 * `node_modules`, and where it came from.
 */
export function installedIn(project: string): [path: string, resolved: string][] {
  const lock: { packages: Record<string, { resolved?: string }> } = JSON.parse(
    readFileSync(join(project, 'package-lock.json'), 'utf8'),
  )
  return Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, { resolved }]) => [path, resolved ?? ''])
}

/** Those of Palisade among them. */
export const palisadeIn = (project: string) =>
  installedIn(project).filter(([path]) => path.includes('node_modules/@palisade/'))
