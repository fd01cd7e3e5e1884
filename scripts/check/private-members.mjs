import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { filesBelow } from '../lib/files.mjs'
import { root } from '../lib/root.mjs'

/** The packages whose classes hide members with `#` alone. */
const PACKAGES = ['auth', 'failban', 'guards', 'health', 'metrics']

/**
 * A member or a parameter property with the keyword, or one that a `_` marks. A constructor has no
 * `#`.
 */
const OTHER_DIALECT =
  /^\s*(?:constructor\()?(?:private (?!constructor\b)|(?:(?:readonly|static|async|get|set) )*_\w+\s*[(:=?!])/

/**
 * The lines of a source that hide a member in another way than with `#`.
 *
 * @param {string} text
 * @returns {number[]} numbers of lines, from 1
 */
export const otherDialect = text =>
  text.split('\n').flatMap((line, index) => (OTHER_DIALECT.test(line) ? [index + 1] : []))

export function privateMembers() {
  const files = PACKAGES.flatMap(name => filesBelow(join(root, 'packages', name, 'src'), /\.ts$/))
  return files.flatMap(file =>
    otherDialect(readFileSync(file, 'utf8')).map(
      line => `${relative(root, file)}:${line} hides a member without #`,
    ),
  )
}
