import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { packAll } from '../../scripts/lib/pack.mjs'
import { manifestOf, root } from '../../scripts/lib/root.mjs'
import { hosts } from './hosts.js'

/** A package as it was packed. */
export interface Packed {
  readonly name: string
  readonly tarball: string
  /** What the documentation may tell people to import: `@palisade/core`, `@palisade/core/redis`, ... */
  readonly specifiers: readonly string[]
}

declare module 'vitest' {
  interface ProvidedContext {
    consumer: string
    packed: readonly Packed[]
  }
}

/** A port on which nothing listens: a package of Palisade that is not among the tarballs must not come from anywhere else. */
const NOWHERE = 'http://127.0.0.1:9/'

/** The version that the workspace's own lock settled on, so that a test here and a conformance test speak of the same host. */
const lockedVersion = (name: string) =>
  manifestOf(join(root, 'packages', 'adapters', 'node_modules', name)).version

/** Makes an empty project, as a user would, and installs the tarballs and every host in it. */
export default async function setup(project: TestProject) {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-consumer-'))
  const tarballs = join(directory, 'tarballs')
  const consumer = join(directory, 'consumer')
  mkdirSync(tarballs)
  mkdirSync(consumer)

  const packages = await packAll(tarballs)
  const own = Object.fromEntries(packages.map(({ name, tarball }) => [name, `file:${tarball}`]))
  const foreign = [...new Set(hosts.flatMap(({ installs }) => installs))]
  writeFileSync(join(consumer, '.npmrc'), `@palisade:registry=${NOWHERE}\n`)
  writeFileSync(
    join(consumer, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: { ...own, ...Object.fromEntries(foreign.map(name => [name, lockedVersion(name)])) },
      devDependencies: { '@types/node': manifestOf(join(root, 'node_modules', '@types/node')).version },
      overrides: Object.fromEntries(packages.map(({ name }) => [name, `$${name}`])),
    }),
  )
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  await promisify(execFile)(npm, ['install', ...flags], {
    cwd: consumer,
    shell: process.platform === 'win32',
  })

  project.provide('consumer', consumer)
  project.provide(
    'packed',
    packages.map(({ name, tarball, manifest }) => ({
      name,
      tarball,
      specifiers: Object.keys(manifest.exports ?? {})
        .filter(path => path !== './package.json')
        .map(path => `${name}${path.slice(1)}`),
    })),
  )
  return () => rmSync(directory, { recursive: true, force: true })
}

/** What npm resolved every installed Palisade package to, as its lock says. */
export function resolvedPalisade(consumer: string): [path: string, resolved: string][] {
  const lock: { packages: Record<string, { resolved?: string }> } = JSON.parse(
    readFileSync(join(consumer, 'package-lock.json'), 'utf8'),
  )
  return Object.entries(lock.packages)
    .filter(([path]) => path.includes('node_modules/@palisade/'))
    .map(([path, { resolved }]) => [path, resolved ?? ''])
}
