import { ok } from 'node:assert/strict'
import type { AlgorithmName } from '../algorithms/index.js'
import { leaves, limiterOver, movable, type Run, says, taken } from './place.js'

/** What a store does with a key as time passes. */
export function timed(algorithm: AlgorithmName): Readonly<Record<string, Run>> {
  const quota = { algorithm, limit: 10, window: '1m' }
  return {
    async 'given a refusal then the same attempt passes when it says, and no millisecond earlier'(store) {
      const clock = movable()
      const limiter = limiterOver(store, { ...quota, clock })
      await limiter.consume('k', 6)
      clock.advance(7000)
      await limiter.consume('k', 4)
      const { retryAfterMs } = await limiter.consume('k', 3)
      clock.advance(retryAfterMs - 1)
      says(await limiter.consume('k', 3), { allowed: false, retryAfterMs: 1 }, 'one millisecond earlier')
      clock.advance(1)
      says(await limiter.consume('k', 3), { allowed: true }, 'when it says')
    },

    async 'given all of a quota then it is whole again when it says'(store) {
      const clock = movable()
      const limiter = limiterOver(store, { ...quota, clock })
      const { resetMs } = await limiter.consume('k', 10)
      ok(resetMs > 0 && Number.isSafeInteger(resetMs), 'it says until when')
      clock.advance(resetMs)
      await leaves(limiter, 'k', 10, 'a state that has run out')
    },

    async 'given a receipt whose state has run out then nothing is given back'(store) {
      const clock = movable()
      const limiter = limiterOver(store, { ...quota, clock })
      const receipt = await taken(limiter, 'k', 5)
      clock.advance(600_000)
      await limiter.consume('k', 5)
      await limiter.refund(receipt)
      await leaves(limiter, 'k', 5, 'after a late refund')
    },
  }
}
