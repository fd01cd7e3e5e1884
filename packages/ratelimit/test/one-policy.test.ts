/**
 * A limiter of one policy decides by a way of its own; it must be the same decisions as by the way
 * of several.
 */
import { fakeClock } from '@palisade/core/testing'
import { createLimiter, type QuotaOptions } from '@palisade/ratelimit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const START = 1_700_000_000_000

const KINDS: readonly Partial<QuotaOptions<string>>[] = [
  { algorithm: 'fixed-window' },
  { algorithm: 'sliding-window' },
  { algorithm: 'sliding-log' },
  { algorithm: 'token-bucket' },
  { algorithm: 'gcra', burst: 2 },
  { algorithm: 'leaky-bucket', queue: true },
]

const policies = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    limit: fc.integer({ min: 0, max: 8 }),
    window: fc.integer({ min: 1, max: 3000 }),
  })
  .map(({ kind, ...quota }): QuotaOptions<string> => ({ ...kind, ...quota }))

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('consume', 'consume', 'consume', 'consume', 'refund', 'limit', 'back', 'reset'),
    key: fc.constantFrom('a', 'b', 'c'.repeat(200)),
    wait: fc.constantFrom(0, 0, 1, 40, 700, 3000, 9000),
    cost: fc.constantFrom(undefined, undefined, 0, 1, 2, 9),
    limit: fc.integer({ min: 0, max: 8 }),
  }),
  { minLength: 1, maxLength: 60 },
)

describe('a limiter of one policy', () => {
  it('for any history decides as if there were another policy that does not apply', () => {
    fc.assert(
      fc.property(policies, steps, (policy, history) => {
        const clock = fakeClock(START)
        const alone = createLimiter({ ...policy, clock })
        const beside = { name: 'beside', limit: () => Number.POSITIVE_INFINITY, window: 1 }
        const together = createLimiter({ policies: [policy, beside], clock })
        const receipts: [ReturnType<typeof alone.consume>, ReturnType<typeof alone.consume>][] = []
        for (const { what, key, wait, cost, limit } of history) {
          if (what === 'limit') for (const one of [alone, together]) one.setLimit('default', { limit })
          if (what === 'reset') for (const one of [alone, together]) one.reset(key)
          if (what === 'back') clock.set(clock.now() - wait)
          else clock.advance(wait)
          if (what === 'refund') {
            const [first, second] = receipts.shift() ?? []
            if (first?.receipt !== undefined) alone.refund(first.receipt)
            if (second?.receipt !== undefined) together.refund(second.receipt)
          }
          const decisions = [alone.consume(key, cost), together.consume(key, cost)] as const
          receipts.push([...decisions])
          const [{ receipt, ...decided }, { receipt: expectedReceipt, ...expected }] = decisions
          expect(decided).toEqual(expected)
          expect(receipt?.key).toBe(expectedReceipt?.key)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('given a cost for this attempt, when the policy has a function for it, then the function is not asked', () => {
    const cost = () => {
      throw new Error('asked')
    }
    const clock = fakeClock(START)
    const beside = { name: 'beside', limit: 9, window: 1000 }
    const policy = { limit: 9, window: 1000, cost }
    for (const limiter of [
      createLimiter({ ...policy, clock }),
      createLimiter({ policies: [policy, beside], clock }),
    ]) {
      expect(limiter.consume('k', 2)).toMatchObject({ allowed: true, remaining: 7 })
      expect(() => limiter.consume('k')).toThrow('asked')
    }
  })

  it('a decision is what it looks like: spread, cloned and written as JSON it says the same', () => {
    const limiter = createLimiter({
      algorithm: 'fixed-window',
      limit: 1,
      window: 1000,
      clock: fakeClock(START),
    })
    limiter.consume('k')
    const refused = limiter.consume('k')
    const expected = {
      allowed: false,
      limit: 1,
      remaining: 0,
      resetMs: 1000,
      retryAfterMs: 1000,
      refusedBy: ['default'],
      receipt: undefined,
    }
    expect({ ...refused }).toStrictEqual(expected)
    expect(structuredClone(refused)).toStrictEqual(expected)
    const { receipt: _, ...written } = expected
    expect(JSON.parse(JSON.stringify(refused))).toStrictEqual(written)
  })
})
