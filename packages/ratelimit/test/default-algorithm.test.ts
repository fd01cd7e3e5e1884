import { fakeClock } from '@palisade/core/testing'
import { createLimiter } from '@palisade/ratelimit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { States } from '../src/algorithms/counting.js'
import { slidingLog } from '../src/algorithms/sliding-log.js'
import { Attempt } from '../src/counting/attempt.js'

/**
 * The default for limits up to 100: the whole quota for a patient client, and never more than it in
 * any window.
 */
describe('the default algorithm with a small limit', () => {
  const limits = Array.from({ length: 100 }, (_, i) => i + 1)

  it.each(limits)('limit %i: a client that spreads its requests evenly gets the whole quota', limit => {
    const clock = fakeClock()
    const limiter = createLimiter({ limit, window: 60_000, clock })
    for (let i = 0; i < 5 * limit; i++) {
      expect(limiter.consume('k').allowed, `request ${i}`).toBe(true)
      clock.advance(Math.ceil(60_000 / limit))
    }
  })

  it.each(limits)('limit %i: a client that waits exactly Retry-After gets the whole quota', limit => {
    const clock = fakeClock()
    const limiter = createLimiter({ limit, window: 60_000, clock })
    let admitted = 0
    while (clock.monotonic() < 10 * 60_000) {
      const { allowed, retryAfterMs } = limiter.consume('k')
      if (allowed) admitted++
      else clock.advance(retryAfterMs)
    }
    expect(admitted).toBe(10 * limit)
  })

  it('limits of 1 to 100, any history: never more than the limit in any window, and a refusal only where it would be', () => {
    const history = fc.record({
      limit: fc.integer({ min: 1, max: 100 }),
      window: fc.integer({ min: 1, max: 100_000 }),
      steps: fc.array(
        fc.record({
          wait: fc.double({ min: 0, max: 0.7, noNaN: true }),
          burst: fc.integer({ min: 1, max: 60 }),
        }),
        { minLength: 1, maxLength: 40 },
      ),
    })
    fc.assert(
      fc.property(history, ({ limit, window, steps }) => {
        const clock = fakeClock()
        const limiter = createLimiter({ limit, window, clock })
        const admitted: number[] = []
        for (const { wait, burst } of steps) {
          clock.advance(Math.floor(wait * window))
          const now = clock.monotonic()
          for (let i = 0; i < burst; i++) {
            const live = admitted.filter(at => now - at < window).length
            const { allowed, remaining } = limiter.consume('k')
            expect(allowed).toBe(live < limit)
            expect(remaining).toBe(allowed ? limit - live - 1 : 0)
            if (allowed) admitted.push(now)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('a limit above 100, or one that a function returns, is counted by two numbers a key', () => {
    for (const limit of [101, 10_000, () => 5]) {
      const clock = fakeClock(1_700_000_040_000)
      const chosen = createLimiter({ limit, window: '1m', clock })
      const named = createLimiter({ algorithm: 'sliding-window', limit, window: '1m', clock })
      for (let i = 0; i < 200; i++) {
        const { receipt: _, ...decision } = chosen.consume('k')
        expect(named.consume('k')).toMatchObject(decision)
        clock.advance(1700)
      }
    }
  })

  it('memory is bounded: a key never costs more than its limit', () => {
    for (const limit of [1, 5, 100]) {
      const states = new States(slidingLog.memory.width)
      const attempt = Object.assign(new Attempt(60_000), { limit, capacity: limit })
      for (let now = 0; now < 1_000_000; now += 100) slidingLog.memory.step(states, 0, now, attempt)
      expect(states.rings[0]?.length).toBe(limit)
    }
    const limiter = createLimiter({ limit: 100, window: '1m', clock: fakeClock() })
    expect(() => limiter.setLimit('default', { limit: 10_001 })).toThrow(/at most 10000/)
  })
})
