import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm } from './install.mjs'
import { run, Stop } from './process.mjs'
import { root } from './root.mjs'

/**
 * The program of another Node, fetched once through npm, whose package `node` brings the binary for
 * this machine. To get a newer one of the same major version, remove
 * `node_modules/.cache/palisade-node`.
 *
 * @param {number} major
 * @returns {Promise<{ node: string, version: string }>}
 */
export async function fetchNode(major) {
  const directory = join(root, 'node_modules', '.cache', 'palisade-node', String(major))
  const node = join(
    directory,
    'node_modules',
    'node',
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  )
  if (!existsSync(node)) {
    mkdirSync(directory, { recursive: true })
    // A project of its own: without it npm would take the workspace for the one that is meant.
    writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
    // The binary is put in place by an install script, whatever this machine thinks of these
    // otherwise.
    await run([...npm(), 'install', ...flags, '--ignore-scripts=false', `node@${major}`], { cwd: directory })
  }
  const { code, output } = existsSync(node)
    ? await run([node, '--version'], { quiet: true })
    : { code: 1, output: '' }
  if (code !== 0) {
    throw new Stop(
      `Node ${major} could not be fetched through npm${output.trim() && `: ${output.trim()}`}. It needs the network once, and the proxy or registry that ` +
        'npm is configured for.',
    )
  }
  return { node, version: output.trim() }
}
