import { Reply } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { type ViolationOptions, violation } from '../../src/index.js'
import { yard } from '../support/yard.js'

const A = '203.0.113.9'
const speak = (options: ViolationOptions) => ({
  handler(ctx: Parameters<typeof violation>[0]) {
    violation(ctx, options)
    return new Reply(200)
  },
})

describe("a team's own violation", () => {
  it('given a source, weight and detail, then all listeners hear of it, and it counts', async () => {
    const { visit, eventsOf, bans } = yard({ maxViolations: 5 })
    await visit(A, {
      url: '/form',
      ...speak({ source: 'honeypot', weight: 5, detail: { field: 'website' } }),
    })
    expect(eventsOf('security:violation')).toEqual([
      {
        source: 'honeypot',
        weight: 5,
        key: A,
        ip: A,
        bannable: true,
        detail: { field: 'website' },
        requestId: expect.any(String),
        method: 'GET',
        path: '/form',
      },
    ])
    expect(bans.find(A)).toMatchObject({ source: 'honeypot', violations: 5 })
  })

  it.each<[string, ViolationOptions]>([
    ['no word', { source: 'two words' }],
    ['the name of bans', { source: 'ban' }],
    ['the name of bans by hand', { source: 'manual' }],
    ['a negative weight', { source: 'x', weight: -1 }],
    ['half a weight', { source: 'x', weight: 0.5 }],
    ['an endless weight', { source: 'x', weight: Number.POSITIVE_INFINITY }],
  ])('given %s, then it is a mistake of the caller', async (_what, options) => {
    const { visit, eventsOf } = yard()
    expect((await visit(A, speak(options))).status).toBe(500)
    expect(eventsOf('security:violation')).toEqual([])
  })

  it('given a client without an address, then there is nobody to speak against', async () => {
    const { visit, eventsOf } = yard()
    await visit(A, { peer: null, ...speak({ source: 'x' }) })
    expect(eventsOf('security:violation')).toEqual([])
  })
})
