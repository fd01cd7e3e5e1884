import { createLimiter } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES } from '../src/algorithms/index.js'
import { historyClock } from './support/history-clock.js'
import { START, vectors } from './vectors.js'

describe('the worked examples, in memory', () => {
  for (const { title, policies, steps } of vectors) {
    it(title, () => {
      const clock = historyClock(START)
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

it.each(ALGORITHM_NAMES)('given the worked examples when %s is looked for then there is one', name => {
  const used = vectors.flatMap(({ policies }) => policies.map(({ algorithm }) => algorithm))
  expect(used).toContain(name)
})
