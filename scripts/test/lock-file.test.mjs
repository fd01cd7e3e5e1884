import { expect, it } from 'vitest'
import { addresses } from '../check/lock-file.mjs'

it('given a lock file with hashes alone, when it is read, then nothing is found', () => {
  expect(
    addresses('resolution: {integrity: sha512-abc==}\n  deprecated: see https://author.example'),
  ).toEqual([])
})

it('given an entry that names where its archive is, when it is read, then its line is found', () => {
  const entry = 'resolution: {integrity: sha512-abc==, tarball: https://proxy.example/koa.tgz}'
  expect(addresses(`lockfileVersion: '9.0'\n${entry}`)).toEqual([`line 2: ${entry}`])
})
