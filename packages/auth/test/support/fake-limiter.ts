import type { MaybePromise } from '@palisade/core'
import type { LimitDecision, Limiter } from '@palisade/core/middleware'

/** A limiter without time, that answers at once or later. */
export function fakeLimiter(limit: number, later = false) {
  const used = new Map<string, number>()
  const answer = <T>(value: T): MaybePromise<T> => (later ? Promise.resolve(value) : value)
  const limiter: Limiter & { used: Map<string, number>; reset(key: string): MaybePromise<void> } = {
    used,
    reset(key) {
      used.delete(key)
      return answer(undefined)
    },
    consume(key) {
      const before = used.get(key) ?? 0
      const allowed = before < limit
      if (allowed) used.set(key, before + 1)
      const decision: LimitDecision = {
        allowed,
        limit,
        remaining: Math.max(0, limit - before - 1),
        resetMs: 60_000,
        retryAfterMs: allowed ? 0 : 1500,
        refusedBy: allowed ? [] : ['fake'],
        receipt: allowed ? { key } : undefined,
      }
      return answer(decision)
    },
    refund({ key }) {
      used.set(key, (used.get(key) ?? 0) - 1)
      return answer(undefined)
    },
  }
  return limiter
}
