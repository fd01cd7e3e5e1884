import { describe, expect, it } from 'vitest'
import { DistinctPaths } from '../../src/sources/distinct-paths.js'
import { yard } from '../support/yard.js'

const A = '203.0.113.9'
const SCAN = { jails: [{ name: 'scan', sources: ['not-found'], threshold: 30, window: '1m', ban: '10m' }] }
const LONG = 'a'.repeat(2048)

/** FNV-1a in 32 bits, which any client can compute. */
function fnv(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Two texts with one value of that hash. */
const COLLIDING = ['/2pf8', '/jrj6'] as const

describe('given distinct missing paths', () => {
  it.each<[what: string, path: (i: number) => string]>([
    ['that differ behind 2,048 characters', i => `/${LONG}${i}`],
    ['that differ behind 16,000 characters', i => `/${LONG.repeat(8)}${i}`],
    ['that differ in front of a long end', i => `/${i}${LONG}`],
    ['that differ by an escape', i => `/%${(32 + i).toString(16)}`],
    ['that differ by a code unit above ASCII', i => `/${String.fromCharCode(0x100 * (i + 1) + 0x41)}`],
  ])('%s, then each counts', async (_, path) => {
    const { miss, bans } = yard(SCAN)
    for (let i = 0; i < 30; i++) await miss(A, path(i))
    expect(bans.find(A)).toMatchObject({ violations: 30 })
  })

  it('that have one hash without a key, then each counts', async () => {
    const [one, other] = COLLIDING
    expect(fnv(one)).toBe(fnv(other))
    const { miss, eventsOf } = yard(SCAN)
    await miss(A, one)
    await miss(A, other)
    expect(eventsOf('security:violation')).toHaveLength(2)
  })
})

it('draws no random value before the first path, as module-level code may not', () => {
  const paths = new DistinctPaths(1000, 10)
  expect(JSON.stringify(paths)).not.toContain('key')
  expect(paths.isNew('a', '/x', 0)).toBe(true)
  expect(paths.isNew('a', '/x', 1)).toBe(false)
})
