import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lintTarball, packAll } from '../lib/pack.mjs'

/** What is published resolves, in every module system that is supported, to code and to types. */
export async function packedPackages() {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-pack-'))
  try {
    const found = []
    for (const { tarball } of await packAll(directory)) found.push(...(await lintTarball(tarball)))
    return found
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
