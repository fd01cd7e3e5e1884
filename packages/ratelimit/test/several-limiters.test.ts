/** Several limiters that one request meets. */
import { ConfigError, type Pipeline, pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import {
  byClient,
  concurrencyLimit,
  memoryStore,
  type RateLimitOptions,
  rateLimit,
} from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { Violations } from '../src/violations.js'

const minute = { limit: 0, window: '1m' } as const
const hour = { name: 'hour', limit: 0, window: '1h' } as const

/** Each refuses the same client by two limiters. */
const layouts: readonly { name: string; edges: (root: Pipeline) => readonly Pipeline[] }[] = [
  {
    name: 'one pipeline, where the first spares some paths',
    edges: root => [
      root.use(rateLimit({ ...minute, skip: ctx => ctx.path === '/other' })).use(rateLimit(hour)),
    ],
  },
  {
    name: 'two branches',
    edges: root => [rateLimit(minute), rateLimit(hour)].map(one => root.branch().use(one)),
  },
  {
    name: 'a limit of requests at the same time',
    edges: root => [
      root
        .use(rateLimit({ ...minute, skip: ctx => ctx.path === '/other' }))
        .use(concurrencyLimit({ limit: 0, violation: true })),
    ],
  },
]

describe('several limiters', () => {
  it.each(layouts)(
    'given one flood of a client over $name, then it is one violation a window',
    async ({ edges }) => {
      const clock = fakeClock()
      const root = pipeline({ clock })
      const seen: unknown[] = []
      root.events.on('security:violation', ({ key }) => seen.push(key))
      const all = edges(root)
      const flood = async (peer: string) => {
        for (const edge of all) for (const url of ['/', '/other', '/']) await inject(edge, { peer, url })
      }
      await flood('203.0.113.1')
      expect(seen).toEqual(['203.0.113.1'])
      await flood('203.0.113.2')
      expect(seen).toHaveLength(2)
      clock.advance(60_000)
      await flood('203.0.113.1')
      expect(seen).toHaveLength(3)
    },
  )

  it('a clock that is set forward in one flood makes no second violation', async () => {
    const clock = fakeClock()
    const edge = pipeline({ clock })
      .use(rateLimit({ ...minute, skip: ctx => ctx.path === '/other' }))
      .use(rateLimit({ ...minute, name: 'other' }))
    const seen: unknown[] = []
    edge.events.on('security:violation', ({ key }) => seen.push(key))
    await inject(edge, { url: '/' })
    clock.set(clock.now() + 3_600_000)
    await inject(edge, { url: '/other' })
    expect(seen).toHaveLength(1)
  })

  it.each([
    ['first', 0],
    ['last', 1],
  ])(
    'given a key that clients share and one of the client, which is %s, then the refusal is a violation',
    async (_, own) => {
      const policies = [
        { name: 'a', limit: 0, window: '1m', key: () => 'all' },
        { name: 'b', limit: 0, window: '1m', key: () => 'all' },
      ] as const
      const edge = pipeline({ clock: fakeClock() }).use(
        rateLimit({ policies: policies.map((one, i) => (i === own ? { ...one, key: byClient() } : one)) }),
      )
      const seen: unknown[] = []
      edge.events.on('security:violation', ({ key }) => seen.push(key))
      await inject(edge, { peer: '203.0.113.1' })
      expect(seen).toEqual(['203.0.113.1'])
    },
  )

  it('a limiter that is only tried out does not take the violation of one that refuses', async () => {
    const edge = pipeline({ clock: fakeClock() })
      .use(rateLimit({ ...minute, mode: 'shadow' }))
      .use(rateLimit(hour))
    const weights: number[] = []
    edge.events.on('security:violation', ({ weight }) => weights.push(weight))
    await inject(edge, { peer: '203.0.113.1' })
    expect(weights).toEqual([1])
  })

  const policy = { limit: 3, window: '1m' } as const
  it.each<[string, RateLimitOptions, RateLimitOptions]>([
    ['without names', policy, policy],
    ['of one name', { ...policy, name: 'a' }, { ...policy, name: 'a' }],
    ['of which one has several policies', policy, { policies: [{ ...policy, name: 'a' }, policy] }],
    ['with stores of their own', { ...policy, store: memoryStore() }, { ...policy, store: memoryStore() }],
  ])(
    'given two %s that one request meets, then the second is refused, also in a branch',
    (_, first, second) => {
      const edge = pipeline().use(rateLimit(first))
      for (const place of [edge, edge.branch(), edge.branch().branch()]) {
        expect(() => place.use(rateLimit(second)).compile()).toThrow(ConfigError)
        expect(() => place.use(rateLimit(second)).compile()).toThrow(/"name" is .*give one of them a name/)
        expect(() => place.use(rateLimit(hour)).compile()).not.toThrow()
      }
    },
  )

  it('two without names that no request meets both are allowed', () => {
    const root = pipeline()
    for (const place of [root, root.branch(), root.branch()])
      expect(() => place.use(rateLimit(policy)).compile()).not.toThrow()
  })
})

describe('the violations that limiters share', () => {
  const MOST = 10_000
  const filled = (...first: readonly string[]) => {
    const violations = new Violations()
    for (const client of first) violations.isNew(client, 0, 60_000)
    for (let i = first.length; i < MOST; i++) violations.isNew(`client ${i}`, 0, 60_000)
    return violations
  }

  it('given more clients than it holds, then the oldest is new again, and the others are not', () => {
    const violations = filled('oldest', 'second')
    expect(violations.isNew('one more', 1, 60_000)).toBe(true)
    expect(violations.isNew('second', 2, 60_000)).toBe(false)
    expect(violations.isNew('oldest', 2, 60_000)).toBe(true)
  })

  it('given a client whose window has passed, then it is the newest one', () => {
    const violations = filled('again', 'second')
    violations.isNew('again', 60_000, 60_000)
    violations.isNew('one more', 60_001, 60_000)
    expect(violations.isNew('again', 60_002, 60_000)).toBe(false)
  })
})
