import { describe, expect, it } from 'vitest'
import { Attempt } from '../../src/counting/attempt.js'
import { RefusalCache } from '../../src/stores/redis/refusal-cache.js'

function refused(retryMs = 60_000): Attempt {
  const attempt = new Attempt(60_000)
  attempt.limit = attempt.capacity = 5
  attempt.fits = false
  attempt.retryMs = retryMs
  return attempt
}

describe('what is remembered of refusals', () => {
  it('given more refused keys than it holds, when another comes, then the oldest makes room and nobody else', () => {
    const cache = new RefusalCache(60_000)
    for (let i = 0; i < 10_000; i++) cache.remember(`k${i}`, refused(), 0, cache.moment)
    expect(cache.answers('k0', refused(), 1)).toBe(true)
    for (let i = 10_000; i < 10_010; i++) cache.remember(`k${i}`, refused(), 0, cache.moment)
    const forgotten = Array.from({ length: 10_010 }, (_, i) => i).filter(
      i => !cache.answers(`k${i}`, refused(), 1),
    )
    expect(forgotten).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
