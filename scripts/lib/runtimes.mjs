import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm } from './install.mjs'
import { run, Stop } from './process.mjs'
import { root } from './root.mjs'

/** Exact versions, of which each runs on the oldest Node that is supported. */
const RUNTIMES = ['bun@1.4.5', 'deno@2.9.6', 'miniflare@4.20260426.0', '@hono/node-server@1.19.19']

/**
 * Bun, Deno, workerd (in miniflare) and the server of Hono that many applications still have,
 * fetched once through npm. A change of a version fetches all anew.
 *
 * @returns {Promise<string>} the directory with their node_modules
 */
export async function fetchRuntimes() {
  const name = RUNTIMES.join('_').replaceAll(/[@/]/g, '-')
  const directory = join(root, 'node_modules', '.cache', 'palisade-runtimes', name)
  const stamp = join(directory, 'installed')
  if (existsSync(stamp)) return directory
  mkdirSync(directory, { recursive: true })
  // A project of its own: without it npm would take the workspace for the one that is meant.
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  // The binaries are put in place by install scripts, whatever this machine thinks of these
  // otherwise.
  const { code } = await run([...npm(), 'install', ...flags, '--ignore-scripts=false', ...RUNTIMES], {
    cwd: directory,
  })
  if (code !== 0)
    throw new Stop(
      `${RUNTIMES.join(', ')} could not be fetched through npm. It needs the network once, and the proxy or registry ` +
        'that npm is configured for.',
    )
  writeFileSync(stamp, '')
  return directory
}
