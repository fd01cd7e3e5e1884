import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run, Stop } from './process.mjs'
import { publicPackages, root, tool } from './root.mjs'

/**
 * Packs every public package as it would be published.
 *
 * @param {string} into an empty directory
 * @returns {Promise<{ name: string, manifest: import('./root.mjs').Manifest, tarball: string }[]>}
 */
export async function packAll(into) {
  const packages = publicPackages()
  await Promise.all(
    packages.map(async ({ path, directory }) => {
      const { code, output } = await run(['pnpm', 'pack', '--pack-destination', into], {
        cwd: directory,
        quiet: true,
      })
      if (code !== 0) throw new Stop(`pnpm pack failed in ${path}:\n${output}`)
    }),
  )
  const files = readdirSync(into)
  return packages.map(({ manifest }) => {
    const file = `${manifest.name.slice(1).replace('/', '-')}-${manifest.version}.tgz`
    if (!files.includes(file)) throw new Stop(`pnpm pack wrote no ${file}, but ${files.join(', ')}`)
    return { name: manifest.name, manifest, tarball: join(into, file) }
  })
}

/**
 * What publint and attw have to say about a tarball; nothing when it is clean.
 *
 * @param {string} tarball
 * @returns {Promise<string[]>}
 */
export async function lintTarball(tarball) {
  /** @type {[string, ...string[]][]} */
  const linters = [
    [...tool('publint'), 'run', tarball, '--strict'],
    // Palisade is ESM only. The lookup of @types would be a request to the registry, for packages
    // that bring their own types.
    [
      ...tool('@arethetypeswrong/cli', 'attw'),
      tarball,
      '--profile',
      'esm-only',
      '--no-definitely-typed',
      '--no-emoji',
      '--no-color',
    ],
  ]
  const results = await Promise.all(linters.map(linter => run(linter, { cwd: root, quiet: true })))
  return results.filter(({ code }) => code !== 0).map(({ output }) => output.trim())
}
