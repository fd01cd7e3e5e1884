import { ok, strictEqual } from 'node:assert/strict'
import type { AlgorithmName } from '../algorithms/index.js'
import { leaves, limiterOver, type Run, says, taken } from './place.js'

/** What a store does with a key, whatever counts. */
export function oneKey(algorithm: AlgorithmName): Readonly<Record<string, Run>> {
  const quota = { algorithm, limit: 10 }
  return {
    async 'given a full quota then the next attempt is refused, and consumes nothing'(store) {
      const limiter = limiterOver(store, quota)
      says(await limiter.consume('k', 9), { allowed: true, limit: 10, remaining: 1 }, 'nine')
      const refused = await limiter.consume('k', 2)
      says(refused, { allowed: false, remaining: 1, refusedBy: ['default'], receipt: undefined }, 'two more')
      ok(refused.retryAfterMs > 0 && Number.isSafeInteger(refused.retryAfterMs), 'it says until when')
      says(await limiter.consume('k'), { allowed: true, remaining: 0 }, 'the last one')
    },

    async 'given a cost of 0 then it is answered and consumes nothing'(store) {
      const limiter = limiterOver(store, quota)
      says(await limiter.consume('k', 0), { allowed: true, remaining: 10, receipt: undefined }, 'a new key')
      await limiter.consume('k', 4)
      await leaves(limiter, 'k', 6, 'after four')
      await leaves(limiter, 'k', 6, 'after asking')
    },

    async 'given a cost over the limit, or a limit of 0, then it is refused for ever'(store) {
      const limiter = limiterOver(store, quota)
      const never = { allowed: false, retryAfterMs: Number.POSITIVE_INFINITY }
      says(await limiter.consume('k', 11), { ...never, remaining: 10 }, 'eleven of ten')
      limiter.setLimit('default', { limit: 0 })
      says(await limiter.consume('k'), { ...never, remaining: 0 }, 'a limit of 0')
    },

    async 'given a refund then it gives back once, and only what was taken'(store) {
      const limiter = limiterOver(store, quota)
      await limiter.consume('k', 2)
      const receipt = await taken(limiter, 'k', 5)
      await limiter.refund(receipt)
      await limiter.refund(receipt)
      await leaves(limiter, 'k', 8, 'after the refund')
    },

    async 'given a real cost then less is refunded, and more is counted'(store) {
      const limiter = limiterOver(store, quota)
      await limiter.settle(await taken(limiter, 'less', 5), 2)
      await leaves(limiter, 'less', 8, 'two instead of five')
      await limiter.settle(await taken(limiter, 'more', 2), 7)
      await leaves(limiter, 'more', 3, 'seven instead of two')
    },

    async 'given a real cost over the limit then the key waits for it'(store) {
      const limiter = limiterOver(store, quota)
      await limiter.settle(await taken(limiter, 'k', 1), 17)
      const refused = await limiter.consume('k')
      says(refused, { allowed: false, remaining: 0 }, 'after seventeen of ten')
      ok(refused.retryAfterMs > 0 && Number.isSafeInteger(refused.retryAfterMs), 'it says until when')
    },

    async 'given many attempts at once then exactly the limit passes'(store) {
      const limiter = limiterOver(store, quota)
      const decisions = await Promise.all(Array.from({ length: 40 }, async () => limiter.consume('k')))
      strictEqual(decisions.filter(({ allowed }) => allowed).length, 10)
    },

    async 'given many corrections at once then none is lost'(store) {
      const limiter = limiterOver(store, { ...quota, limit: 100 })
      const receipts = await Promise.all(Array.from({ length: 20 }, () => taken(limiter, 'k', 2)))
      await Promise.all(receipts.map(async (receipt, i) => limiter.settle(receipt, i % 2 === 0 ? 1 : 4)))
      await leaves(limiter, 'k', 50, 'ten of one and ten of four')
    },

    async 'given a reset then the key is new, and what was taken before is not given back'(store) {
      const limiter = limiterOver(store, quota)
      const receipt = await taken(limiter, 'k', 6)
      await limiter.consume('other', 6)
      await limiter.reset('k')
      await leaves(limiter, 'k', 10, 'after the reset')
      await limiter.consume('k', 7)
      await limiter.refund(receipt)
      await leaves(limiter, 'k', 3, 'after a refund of before')
      await leaves(limiter, 'other', 4, 'another key')
    },

    async 'given another limit then what was counted stays'(store) {
      const limiter = limiterOver(store, quota)
      await limiter.consume('k', 4)
      limiter.setLimit('default', { limit: 20 })
      await leaves(limiter, 'k', 16, 'a higher limit')
    },
  }
}
