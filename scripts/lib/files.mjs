import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const SKIPPED = new Set(['node_modules', 'dist', 'coverage'])

/**
 * The files below a directory whose path matches, without what was installed or built.
 *
 * @param {string} directory
 * @param {RegExp} pattern
 * @returns {string[]}
 */
export function filesBelow(directory, pattern) {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory())
      return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : filesBelow(path, pattern)
    return pattern.test(path) ? [path] : []
  })
}

/**
 * The package that an import is from: `@scope/name/sub` is from `@scope/name`.
 *
 * @param {string} specifier
 */
export const packageOf = specifier => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
