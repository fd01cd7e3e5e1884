import type * as crypto from 'node:crypto'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { basic, passwordHasher, passwordUsers, type StoredUser } from '../../src/index.js'
import { edge } from '../support/edge.js'

/**
 * What scrypt was asked for. Its time is proportional to N * r * p (RFC 7914), and no test measures
 * time.
 */
const scrypts = vi.hoisted(() => ({ work: 0, running: 0, most: 0, memory: 0 }))
vi.mock('node:crypto', async load => {
  const real = await load<typeof crypto>()
  const scrypt = (...args: Parameters<typeof real.scrypt>) => {
    const [password, salt, length, cost, done] = args
    const { N = 0, r = 0, p = 0 } = cost as { N?: number; r?: number; p?: number }
    scrypts.work += N * r * p
    scrypts.memory = Math.max(scrypts.memory, 128 * N * r)
    scrypts.most = Math.max(scrypts.most, ++scrypts.running)
    real.scrypt(password, salt, length, cost, (error, key) => {
      scrypts.running--
      done(error, key)
    })
  }
  return { ...real, scrypt }
})

beforeEach(() => {
  Object.assign(scrypts, { work: 0, running: 0, most: 0, memory: 0 })
})

/** Hashes of several costs, below, at and above today's. */
const COSTS = {
  old: { cost: 10 },
  older: { cost: 10, blockSize: 4 },
  wide: { cost: 10, blockSize: 9, parallelization: 1 },
  parallel: { cost: 10, parallelization: 3 },
  today: { cost: 12 },
  dear: { cost: 11, parallelization: 5 },
}
type Name = keyof typeof COSTS
const TODAY = { cost: 12 }

async function users(names: readonly Name[], today = TODAY) {
  const rows = new Map<string, StoredUser>()
  for (const name of names)
    rows.set(name, { subject: name, passwordHash: await passwordHasher(COSTS[name]).hash('right') })
  rows.set('off', {
    subject: 'off',
    disabled: true,
    passwordHash: await passwordHasher({ cost: 10 }).hash('right'),
  })
  rows.set('none', { subject: 'none' })
  const known = passwordUsers({ find: name => rows.get(name), hasher: passwordHasher(today) })
  const { send } = edge({ strategies: [basic({ verify: known.verify, cache: false, lockout: false })] })
  return async (name: string, password: string) => {
    scrypts.work = 0
    await send({
      headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` },
    })
    return scrypts.work
  }
}

describe('given stored hashes that cost no more than those of today', () => {
  const cheap = ['old', 'older', 'wide', 'parallel', 'today'] as const

  test.each<readonly [name: string, password: string]>([
    ['unknown', 'x'],
    ['none', 'x'],
    ['unknown', ''],
    ['old', ''],
    ['today', ''],
    ['', ''],
    ['off', 'right'],
    ...cheap.flatMap(name => [[name, 'wrong'] as const, [name, 'right'] as const]),
  ])('when %s logs in with %j as the first one then it is the work of today', async (name, password) => {
    const work = await (await users(cheap))(name, password)
    const full = 2 ** 12 * 8
    // No N makes up a rest below two blocks.
    expect(work).toBeGreaterThan(full - 16)
    expect(work).toBeLessThanOrEqual(full)
  })
})

describe('given a stored hash that costs more than those of today', () => {
  test('when it was read once then every login is its work, in whatever order', async () => {
    const login = await users(['old', 'today', 'dear'])
    expect(await login('unknown', 'x')).toBe(2 ** 12 * 8)
    const full = 2 ** 11 * 8 * 5
    for (const name of ['dear', 'unknown', 'old', 'today', 'none', 'off', 'dear', 'unknown', 'today'])
      for (const password of ['wrong', 'right'])
        expect([name, password, await login(name, password)]).toEqual([name, password, full])
  })

  test('when a cheaper hash is brought up to it then no step takes more memory than the costliest hash', async () => {
    const login = await users(['old', 'dear'])
    await login('dear', 'x')
    scrypts.memory = 0
    await login('old', 'x')
    expect(scrypts.memory).toBeLessThanOrEqual(128 * 2 ** 11 * 8)
  })
})

test('by default two hashes are computed at a time, which leaves threads for tokens and files', async () => {
  const hasher = passwordHasher()
  await Promise.all(Array.from({ length: 4 }, () => hasher.verify('x', undefined)))
  expect(scrypts.most).toBe(2)
})
