import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../lib/root.mjs'

it('given a warm request, when its files are listed, then a token that is cached is not verified', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/check/reach.mjs', '--list'], {
    cwd: root,
  })
  const lines = stdout.trimEnd().split('\n')
  const files = lines.filter(line => line.startsWith('packages/'))
  const functions = lines.filter(line => line.startsWith('  '))
  expect(files).toContain('packages/auth/src/jwt/verified-tokens.ts')
  expect(files).not.toContain('packages/auth/src/jwt/verify-token.ts')
  expect(lines.at(-1)).toBe(`reach: ${files.length} files, ${functions.length} functions`)
})
