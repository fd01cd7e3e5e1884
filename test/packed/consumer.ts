import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { packAll } from '../../scripts/lib/pack.mjs'
import { hosts } from './hosts.js'
import { installProject, type Tarball } from './project.js'

/** A package as it was packed. */
export interface Packed extends Tarball {
  /**
   * What the documentation may tell people to import: `@palisade/core`, `@palisade/core/redis`, ...
   */
  readonly specifiers: readonly string[]
}

declare module 'vitest' {
  interface ProvidedContext {
    /** A project with every tarball and every host. */
    consumer: string
    packed: readonly Packed[]
    /** Where tests may make projects of their own; it goes at the end of the run. */
    projects: string
  }
}

/** Packs what users get, and makes a project in which all of it is installed, with every host. */
export default async function setup(project: TestProject) {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-consumer-'))
  const tarballs = join(directory, 'tarballs')
  const consumer = join(directory, 'consumer')
  mkdirSync(tarballs)

  const packages = await packAll(tarballs)
  await installProject(consumer, packages, [...new Set(hosts.flatMap(({ installs }) => installs))])

  project.provide('consumer', consumer)
  project.provide('projects', directory)
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
