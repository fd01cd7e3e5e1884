import { type AlgorithmName, createLimiter, type QuotaOptions } from '@palisade/ratelimit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES, BUCKETS } from '../src/algorithms/index.js'
import { historyClock } from './support/history-clock.js'

const START = 1_700_000_000_000

interface Attempt {
  readonly at: number
  readonly cost: number
}

interface Case {
  readonly policy: QuotaOptions<string>
  readonly attempts: readonly Attempt[]
}

/** A policy with awkward numbers, and attempts that crowd around its limit. */
const caseOf = (algorithm: AlgorithmName): fc.Arbitrary<Case> =>
  fc
    .record({
      limit: fc.integer({ min: 1, max: 12 }),
      window: fc.integer({ min: 1, max: 5000 }),
      burst: fc.integer({ min: 1, max: 15 }),
      attempts: fc.array(
        fc.record({ wait: fc.integer({ min: 0, max: 1000 }), cost: fc.integer({ min: 1, max: 4 }) }),
        { minLength: 1, maxLength: 40 },
      ),
    })
    .map(({ limit, window, burst, attempts }) => {
      let at = 0
      return {
        policy: { algorithm, limit, window, ...(BUCKETS.includes(algorithm) && { burst }) },
        attempts: attempts.map(({ wait, cost }) => {
          // Some at once, some within a window, some windows later.
          at += wait % 3 === 0 ? 0 : Math.floor((wait * window) / 400)
          return { at, cost }
        }),
      }
    })

function limiterWith(policies: readonly QuotaOptions<string>[]) {
  const clock = historyClock(START)
  const limiter = createLimiter({ policies, clock })
  return {
    clock,
    limiter,
    attempt({ at, cost }: Attempt) {
      clock.set(START + at)
      return limiter.consume('k', cost)
    },
  }
}

function capacityOf({ limit, burst }: QuotaOptions<string>): number {
  return (burst ?? limit) as number
}

for (const algorithm of ALGORITHM_NAMES) {
  describe(`${algorithm}, for any history`, () => {
    it('retry is exact and minimal: refused one millisecond earlier, allowed at it', () => {
      fc.assert(
        fc.property(caseOf(algorithm), ({ policy, attempts }) => {
          const subject = limiterWith([policy])
          for (const attempt of attempts) {
            const { allowed, retryAfterMs } = subject.attempt(attempt)
            if (allowed) {
              expect(retryAfterMs).toBe(0)
              continue
            }
            if (attempt.cost > capacityOf(policy)) {
              expect(retryAfterMs).toBe(Number.POSITIVE_INFINITY)
              continue
            }
            expect(Number.isInteger(retryAfterMs) && retryAfterMs >= 1).toBe(true)
            const early = subject.attempt({ at: attempt.at + retryAfterMs - 1, cost: attempt.cost })
            expect(early).toMatchObject({ allowed: false, retryAfterMs: 1 })
            expect(subject.attempt({ at: attempt.at + retryAfterMs, cost: attempt.cost }).allowed).toBe(true)
            return
          }
        }),
        { numRuns: 500 },
      )
    })

    it('what is left is never negative, never over the capacity, and exactly what still fits', () => {
      fc.assert(
        fc.property(caseOf(algorithm), ({ policy, attempts }) => {
          const subject = limiterWith([policy])
          for (const attempt of attempts) {
            const { remaining } = subject.attempt(attempt)
            expect(remaining).toBeGreaterThanOrEqual(0)
            expect(remaining).toBeLessThanOrEqual(capacityOf(policy))
          }
          const { at } = attempts.at(-1) as Attempt
          const { remaining } = subject.attempt({ at, cost: 0 })
          expect(subject.attempt({ at, cost: remaining + 1 }).allowed).toBe(false)
          expect(subject.attempt({ at, cost: remaining }).allowed).toBe(true)
        }),
        { numRuns: 300 },
      )
    })

    it('a refusal consumes nothing: without the refused attempts everything is the same', () => {
      fc.assert(
        fc.property(caseOf(algorithm), ({ policy, attempts }) => {
          const all = limiterWith([policy])
          const some = limiterWith([policy])
          for (const attempt of attempts) {
            const decision = all.attempt(attempt)
            if (!decision.allowed) continue
            const { receipt: _, ...expected } = decision
            expect(some.attempt(attempt)).toMatchObject(expected)
          }
        }),
        { numRuns: 300 },
      )
    })

    it('never allows more than its definition', () => {
      fc.assert(
        fc.property(caseOf(algorithm), ({ policy, attempts }) => {
          const subject = limiterWith([policy])
          const allowed = attempts.filter(attempt => subject.attempt(attempt).allowed)
          for (const attempt of allowed) expect(excess(policy, allowed, attempt)).toBeLessThanOrEqual(0)
        }),
        { numRuns: 300 },
      )
    })

    it('given a clock that steps back, it neither forgets nor goes negative', () => {
      fc.assert(
        fc.property(caseOf(algorithm), fc.integer({ min: 1, max: 20_000 }), ({ policy, attempts }, back) => {
          const subject = limiterWith([policy])
          let last = subject.attempt(attempts[0] as Attempt)
          for (const attempt of attempts) last = subject.attempt(attempt)
          const { at } = attempts.at(-1) as Attempt
          const now = subject.attempt({ at, cost: 0 })
          const before = subject.attempt({ at: at - back, cost: 0 })
          expect(before.remaining).toBeLessThanOrEqual(now.remaining)
          expect(before.remaining).toBeGreaterThanOrEqual(0)
          expect(Number.isFinite(before.resetMs) && last.remaining >= 0).toBe(true)
        }),
        { numRuns: 200 },
      )
    })
  })
}

/**
 * By how much the attempts that were allowed are over what the definition allows, seen from one of
 * them.
 */
function excess(policy: QuotaOptions<string>, allowed: readonly Attempt[], { at }: Attempt): number {
  const limit = policy.limit as number
  const window = policy.window as number
  const cost = (of: readonly Attempt[]) => of.reduce((sum, one) => sum + one.cost, 0)
  const within = (from: number, to: number) => cost(allowed.filter(one => one.at >= from && one.at <= to))
  switch (policy.algorithm) {
    case 'sliding-log':
      return within(at - window + 1, at) - limit
    case 'fixed-window': {
      // The windows begin with the first attempt outside of the one before.
      let start = Number.NEGATIVE_INFINITY
      let used = 0
      for (const one of allowed) {
        if (one.at - start >= window) {
          start = one.at
          used = 0
        }
        used += one.cost
        if (used > limit) return used - limit
      }
      return 0
    }
    case 'sliding-window': {
      const index = Math.floor((START + at) / window)
      const begin = index * window - START
      const current = within(begin, at)
      const previous = within(begin - window, begin - 1)
      return previous * (window - (at - begin)) + current * window - limit * window
    }
    default: {
      // From any moment on: at most the burst and what has flowed off since.
      const moments = allowed.filter(one => one.at <= at).map(one => one.at)
      const excesses = moments.map(
        from => within(from, at) * window - capacityOf(policy) * window - (at - from) * limit,
      )
      return Math.max(...excesses)
    }
  }
}

describe('several policies, for any history', () => {
  const anyCase = fc.constantFrom(...ALGORITHM_NAMES).chain(caseOf)

  it('are one decision: allowed only if each allows, and a refusal by one takes nothing from another', () => {
    fc.assert(
      fc.property(anyCase, anyCase, anyCase, (first, second, third) => {
        const policies = [first, second, third].map(({ policy }, i) => ({ ...policy, name: `p${i}` }))
        const together = limiterWith(policies)
        const apart = policies.map(policy => limiterWith([policy]))
        for (const attempt of first.attempts) {
          const decision = together.attempt(attempt)
          // What each would say alone, asked of one that has seen only what was allowed by all.
          const refusing = apart
            .filter(({ clock, limiter }) => {
              clock.set(START + attempt.at)
              const { remaining } = limiter.consume('k', 0)
              return attempt.cost > remaining
            })
            .map(({ limiter }) => policies[apart.findIndex(one => one.limiter === limiter)]?.name)
          expect(decision.refusedBy).toEqual(refusing)
          expect(decision.allowed).toBe(refusing.length === 0)
          if (decision.allowed) for (const one of apart) one.attempt(attempt)
        }
      }),
      { numRuns: 300 },
    )
  })
})
