import { fakeClock } from '@palisade/core/testing'
import { createLimiter } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { vectors } from './vectors.js'

const START = 1_700_000_040_000

describe('the worked examples, in memory', () => {
  for (const { title, policies, steps } of vectors) {
    it(title, () => {
      const clock = fakeClock(START)
      const limiter = createLimiter({ policies, clock })
      for (const { at, cost, times = 1, allowed, remaining, reset, retry } of steps) {
        clock.set(START + at)
        for (let i = 1; i < times; i++) expect(limiter.consume('k', cost)).toMatchObject({ allowed: true })
        const decision = limiter.consume('k', cost)
        expect(decision, `at ${at}`).toMatchObject({
          allowed,
          ...(remaining !== undefined && { remaining }),
          ...(reset !== undefined && { resetMs: reset }),
          ...(retry !== undefined && { retryAfterMs: retry }),
        })
      }
    })
  }
})
