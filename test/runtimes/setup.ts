import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { packAll } from '../../scripts/lib/pack.mjs'
import { hosts } from '../packed/hosts.js'
import { installProject } from '../packed/project.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A project with every tarball and every host. */
    application: string
  }
}

/** Packs what users get, and makes a project in which all of it is installed. */
export default async function setup(project: TestProject) {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-runtimes-'))
  const tarballs = join(directory, 'tarballs')
  const application = join(directory, 'application')
  mkdirSync(tarballs)
  const packages = await packAll(tarballs)
  await installProject(application, packages, [...new Set(hosts.flatMap(({ installs }) => installs))])
  project.provide('application', application)
  return () => rmSync(directory, { recursive: true, force: true })
}
