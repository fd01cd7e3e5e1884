import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { filesBelow, packageOf } from '../lib/files.mjs'
import { manifestOf, members, root } from '../lib/root.mjs'

const SOURCE = /\.[cm]?tsx?$/

/**
 * What the files of a directory import from other packages: package name to the first file that
 * imports it.
 *
 * @param {string} directory
 */
function imported(directory) {
  /** @type {Map<string, string>} */
  const found = new Map()
  for (const file of filesBelow(directory, SOURCE)) {
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
      if (fileName.startsWith('.') || isBuiltin(fileName)) continue
      const name = packageOf(fileName)
      if (!found.has(name)) found.set(name, relative(root, file))
    }
  }
  return found
}

/**
 * A package declares what its sources import and nothing else, and imports no sibling but core.
 * Tests may also use devDependencies, its own and the root's.
 */
export function dependencies() {
  const all = [...members('packages'), ...members('apps')]
  const siblings = new Set(members('packages').map(({ manifest }) => manifest.name))
  const rootTools = Object.keys(manifestOf(root).devDependencies ?? {})

  return all.flatMap(({ path, directory, manifest }) => {
    const runtime = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
    const anywhere = new Set([...runtime, ...Object.keys(manifest.devDependencies ?? {}), ...rootTools])
    const bySource = imported(join(directory, 'src'))
    const byTest = imported(join(directory, 'test'))

    const undeclared = [...bySource]
      .filter(([name]) => name !== manifest.name && !runtime.has(name))
      .map(([name, file]) => `${file} imports ${name}, which ${path}/package.json does not declare`)
    const unknownToTests = [...byTest]
      .filter(([name]) => name !== manifest.name && !anywhere.has(name))
      .map(
        ([name, file]) => `${file} imports ${name}, which neither ${path}/package.json nor the root declares`,
      )
    const unused = Object.keys(manifest.dependencies ?? {})
      .filter(name => !bySource.has(name))
      .map(name => `${path}/package.json declares ${name}, which its src never imports`)
    const sideways = path.startsWith('packages/')
      ? [...bySource]
          .filter(([name]) => siblings.has(name) && name !== '@palisade/core' && name !== manifest.name)
          .map(([name, file]) => `${file} imports its sibling ${name}; packages import only @palisade/core`)
      : []
    return [...undeclared, ...unknownToTests, ...unused, ...sideways]
  })
}
