import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileBans, memoryBans } from '../../src/index.js'
import { banStoreSuite } from '../../src/testing.js'
import { faultyStores } from '../support/faulty-stores.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bans-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const inFile = () => fileBans(join(folder, 'bans.jsonl'))

describe('given memoryBans()', () => {
  it.each(banStoreSuite.filter(({ durable }) => !durable))('$name', ({ run }) => run(memoryBans))
})

describe('given fileBans()', () => {
  it.each(banStoreSuite)('$name', ({ run }) => run(inFile))
})

describe('given a store with a fault, then the suite finds it', () => {
  it.each(faultyStores)('%s', async (_fault, spoil, named) => {
    const test = banStoreSuite.find(({ name }) => name === named)
    await expect(test?.run(() => spoil(inFile()))).rejects.toThrow()
  })
})
