import { fakeClock } from '@palisade/core/testing'
import { createLimiter } from '@palisade/ratelimit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const START = 1_700_000_040_000

describe('createLimiter', () => {
  it('decides in the form that core promises', () => {
    const limiter = createLimiter({
      algorithm: 'fixed-window',
      limit: 2,
      window: '1m',
      clock: fakeClock(START),
    })
    expect(limiter.consume('k')).toEqual({
      allowed: true,
      limit: 2,
      remaining: 1,
      resetMs: 60_000,
      retryAfterMs: 0,
      refusedBy: [],
      receipt: expect.objectContaining({ key: 'k' }),
    })
    limiter.consume('k')
    expect(limiter.consume('k')).toEqual({
      allowed: false,
      limit: 2,
      remaining: 0,
      resetMs: 60_000,
      retryAfterMs: 60_000,
      refusedBy: ['default'],
      receipt: undefined,
    })
  })

  it('a refund works once', () => {
    const limiter = createLimiter({ limit: 3, window: '1m', clock: fakeClock(START) })
    const { receipt } = limiter.consume('k')
    limiter.consume('k')
    if (receipt === undefined) throw new Error('no receipt')
    limiter.refund(receipt)
    limiter.refund(receipt)
    expect(limiter.consume('k', 0).remaining).toBe(2)
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket', 'gcra'] as const)(
    '%s: a refund of what a reset has forgotten gives nothing on top of the quota',
    algorithm => {
      const limiter = createLimiter({ algorithm, limit: 5, window: '1m', clock: fakeClock(START) })
      const { receipt } = limiter.consume('k', 3)
      if (receipt === undefined) throw new Error('no receipt')
      limiter.reset('k')
      limiter.consume('k')
      limiter.refund(receipt)
      expect(limiter.consume('k', 0).remaining).toBeLessThanOrEqual(5)
    },
  )

  it('a refund gives back to every policy', () => {
    const limiter = createLimiter({
      policies: [
        { name: 'a', algorithm: 'token-bucket', limit: 2, window: '1m' },
        { name: 'b', algorithm: 'sliding-log', limit: 2, window: '1h' },
      ],
      clock: fakeClock(START),
    })
    for (let i = 0; i < 10; i++) {
      const { allowed, receipt } = limiter.consume('k', 2)
      expect(allowed).toBe(true)
      if (receipt !== undefined) limiter.refund(receipt)
    }
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
    '%s: what was taken before a reset is not given back of what was counted since',
    algorithm => {
      const limiter = createLimiter({ algorithm, limit: 10, window: '1m', clock: fakeClock(START) })
      const { receipt } = limiter.consume('k', 5)
      limiter.reset('k')
      const since = limiter.consume('k', 7).receipt
      if (receipt === undefined || since === undefined) throw new Error('no receipt')
      limiter.refund(receipt)
      expect(limiter.consume('k', 0).remaining).toBe(3)
      limiter.refund(since)
      expect(limiter.consume('k', 0).remaining).toBe(10)
    },
  )

  it('a slow refund of a bucket never pays for what others have taken since', () => {
    const clock = fakeClock(START)
    const limiter = createLimiter({ algorithm: 'token-bucket', limit: 1, window: 1000, burst: 2, clock })
    const { receipt } = limiter.consume('k')
    // What it took has flowed off by itself when the other two come.
    clock.advance(1000)
    limiter.consume('k', 2)
    if (receipt !== undefined) limiter.refund(receipt)
    expect(limiter.consume('k').allowed).toBe(false)
  })

  it('given a bucket whose limit is lowered, what is owed is worked off at the new speed, and not forgotten', () => {
    const clock = fakeClock(START)
    const limiter = createLimiter({ algorithm: 'token-bucket', limit: 1000, window: '1m', clock })
    for (let i = 0; i < 1000; i++) limiter.consume('k')
    limiter.setLimit('default', { limit: 1, burst: 1000 })
    expect(limiter.consume('k').resetMs).toBe(60_000_000)
    // Long after it would have been worked off at the old speed, and under other keys, among which
    // what is over is swept.
    clock.advance(120_000)
    for (let i = 0; i < 300; i++) limiter.consume(`other ${i}`)
    expect(limiter.consume('k', 2)).toMatchObject({ allowed: true, remaining: 0 })
    expect(limiter.consume('k').allowed).toBe(false)
  })

  it('given a bucket whose limit is raised, a refund of what is worked off pays for nobody', () => {
    const clock = fakeClock(START)
    const limiter = createLimiter({ algorithm: 'gcra', limit: 1, window: '1m', burst: 10, clock })
    const { receipt } = limiter.consume('k', 5)
    limiter.setLimit('default', { limit: 100 })
    limiter.consume('k', 0)
    clock.advance(6000)
    limiter.consume('k', 9)
    const { remaining } = limiter.consume('k', 0)
    if (receipt !== undefined) limiter.refund(receipt)
    expect(limiter.consume('k', 0).remaining).toBe(remaining)
  })

  it('a bucket under many quick refunds does not fill up', () => {
    const clock = fakeClock(START)
    const limiter = createLimiter({ algorithm: 'token-bucket', limit: 100, window: '1m', clock })
    const open: (() => void)[] = []
    for (let i = 0; i < 2000; i++) {
      clock.advance(2)
      const { allowed, receipt } = limiter.consume('k')
      expect(allowed).toBe(true)
      open.push(() => receipt !== undefined && limiter.refund(receipt))
      if (open.length > 50) open.shift()?.()
    }
  })

  it('a cost of 0 asks and takes nothing', () => {
    const limiter = createLimiter({ limit: 1, window: '1m', clock: fakeClock(START) })
    for (let i = 0; i < 5; i++) expect(limiter.consume('k', 0)).toMatchObject({ allowed: true, remaining: 1 })
    expect(limiter.consume('k', 0).receipt).toBe(undefined)
  })

  it('given a burst that setLimit set, a later limit leaves it', () => {
    const limiter = createLimiter({ algorithm: 'gcra', limit: 10, window: '1m', clock: fakeClock(START) })
    limiter.setLimit('default', { burst: 1 })
    expect(limiter.consume('a').limit).toBe(1)
    limiter.setLimit('default', { limit: 100 })
    expect(limiter.consume('b').limit).toBe(1)
  })

  it('given a limit that is a function, setLimit sets a burst beside it, and a limit in its place', () => {
    const limiter = createLimiter({
      algorithm: 'gcra',
      limit: () => 10,
      window: '1m',
      clock: fakeClock(START),
    })
    expect(limiter.consume('a').limit).toBe(10)
    limiter.setLimit('default', { burst: 2 })
    expect(limiter.consume('a').limit).toBe(2)
    limiter.setLimit('default', { limit: 0 })
    expect(limiter.consume('a').retryAfterMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('a limit may depend on the key, and Infinity is no limit', () => {
    const limiter = createLimiter({
      limit: key => (key === 'root' ? Number.POSITIVE_INFINITY : key.length),
      window: '1m',
      clock: fakeClock(START),
    })
    expect(limiter.consume('abc')).toMatchObject({ limit: 3, remaining: 2 })
    expect(limiter.consume('root', 1e6)).toMatchObject({ allowed: true, remaining: Number.POSITIVE_INFINITY })
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
    '%s: with refunds at any time, no count goes under zero or over the limit',
    algorithm => {
      const step = fc.record({
        wait: fc.integer({ min: 0, max: 700 }),
        cost: fc.integer({ min: 1, max: 3 }),
        refund: fc.boolean(),
      })
      fc.assert(
        fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), steps => {
          const clock = fakeClock(START)
          const limiter = createLimiter({ algorithm, limit: 5, window: 1000, clock })
          const receipts: ReturnType<typeof limiter.consume>['receipt'][] = []
          for (const { wait, cost, refund } of steps) {
            clock.advance(wait)
            const { allowed, remaining, receipt } = limiter.consume('k', cost)
            expect(remaining >= 0 && remaining <= 5).toBe(true)
            if (allowed) expect(remaining).toBeLessThanOrEqual(5 - cost)
            receipts.push(receipt)
            const old = refund ? receipts.shift() : undefined
            const before = limiter.consume('k', 0).remaining
            if (old !== undefined) limiter.refund(old)
            const after = limiter.consume('k', 0).remaining
            expect(after >= before && after <= 5).toBe(true)
          }
        }),
        { numRuns: 200 },
      )
    },
  )
})

describe('a limiter that queues', () => {
  const queue = { algorithm: 'leaky-bucket', queue: true, limit: 10, window: 1000, burst: 3 } as const

  it('says in its decision how long the attempt waits for its turn', () => {
    const limiter = createLimiter({ ...queue, clock: fakeClock() })
    const delays = [1, 2, 3, 4].map(() => limiter.consume('k'))
    expect(delays.map(({ allowed, delayMs }) => [allowed, delayMs])).toEqual([
      [true, 0],
      [true, 100],
      [true, 200],
      [false, 0],
    ])
  })

  it('given several policies, the longest wait counts; given none that applies, there is none', () => {
    const policies = [
      { ...queue, name: 'a' },
      { ...queue, name: 'b', limit: 5 },
      { name: 'c', limit: 100, window: '1m' },
    ] as const
    const limiter = createLimiter({ policies, clock: fakeClock() })
    expect(limiter.consume('k').delayMs).toBe(0)
    expect(limiter.consume('k').delayMs).toBe(200)
    const free = createLimiter({ ...queue, limit: () => Number.POSITIVE_INFINITY, clock: fakeClock() })
    expect(free.consume('k').delayMs).toBe(0)
  })

  it('a receipt gives the turn back', () => {
    const limiter = createLimiter({ ...queue, clock: fakeClock() })
    limiter.consume('k')
    const { receipt } = limiter.consume('k')
    if (receipt !== undefined) limiter.refund(receipt)
    expect(limiter.consume('k').delayMs).toBe(100)
  })
})
