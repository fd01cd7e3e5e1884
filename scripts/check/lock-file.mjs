import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../lib/root.mjs'

/** An address in the lock file would send every user to whatever registry or proxy its last writer was behind. */
export function lockFile() {
  return readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')
    .split('\n')
    .flatMap((line, index) =>
      /tarball:|:\/\//.test(line) && !/^\s*deprecated:/.test(line)
        ? [`pnpm-lock.yaml:${index + 1} ${line.trim()}`]
        : [],
    )
}
