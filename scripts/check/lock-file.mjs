import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../lib/root.mjs'

/**
 * The lines of a lock file that hold an address. A deprecation message may: it is the words of the
 * package's author.
 *
 * @param {string} lock
 */
export const addresses = lock =>
  lock
    .split('\n')
    .flatMap((line, index) =>
      /tarball:|:\/\//.test(line) && !/^\s*deprecated:/.test(line)
        ? [`line ${index + 1}: ${line.trim()}`]
        : [],
    )

/**
 * An address in the lock file would send every user to whatever registry or proxy its last writer
 * was behind.
 */
export const lockFile = () => addresses(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8'))
