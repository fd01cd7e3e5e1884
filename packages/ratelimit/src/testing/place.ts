import { deepStrictEqual } from 'node:assert/strict'
import type { Clock, LimitDecision, LimitReceipt } from '@palisade/core/middleware'
import { createLimiter, type LimiterOptions } from '../create-limiter.js'
import type { RateLimiter } from '../rate-limiter.js'
import type { LimitStore } from '../stores/store.js'

export type Run = (store: LimitStore) => Promise<void>

/** So long that no test meets its end. */
export const WINDOW = '365d'

/** A limiter over a store. No other limiter decides where the store fails. */
export function limiterOver(store: LimitStore, options: object): RateLimiter {
  const window = 'policies' in options ? undefined : { window: WINDOW }
  return createLimiter({ ...window, onStoreFailure: 'closed', ...options, store } as LimiterOptions)
}

/** A clock that a test moves. */
export function movable(start = 1_700_000_040_000): Clock & { advance(ms: number): void } {
  let time = start
  return {
    now: () => time,
    monotonic: () => time,
    advance(ms) {
      time += ms
    },
  }
}

/** @throws AssertionError where a decision says something else */
export function says(decision: LimitDecision, expected: Partial<LimitDecision>, when: string): void {
  const found = Object.fromEntries(
    Object.keys(expected).map(name => [name, decision[name as keyof LimitDecision]]),
  )
  deepStrictEqual(found, expected, `${when}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
}

/** What an attempt that passes took. */
export async function taken(limiter: RateLimiter, key: string, cost: number): Promise<LimitReceipt> {
  const { receipt } = await limiter.consume(key, cost)
  if (receipt === undefined) throw new Error(`${cost} of "${key}" are not counted`)
  return receipt
}

/** @throws AssertionError where another amount is left */
export async function leaves(
  limiter: RateLimiter,
  key: string,
  remaining: number,
  when: string,
): Promise<void> {
  says(await limiter.consume(key, 0), { remaining }, when)
}
