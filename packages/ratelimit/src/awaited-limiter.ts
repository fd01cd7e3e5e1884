import type { LimitDecision, LimitReceipt } from '@palisade/core/middleware'
import type { QuotaChange } from './counting/policy.js'
import type { RateLimiter } from './rate-limiter.js'
import type { RealCost } from './refunds/receipts.js'

/**
 * A limiter over a distributed store: every answer is a promise, also the one that needs no store.
 * Otherwise a caller's `.then()` and `.catch()` would fail in the very moment in which the store
 * does.
 */
export class AwaitedLimiter implements RateLimiter {
  private readonly limiter: RateLimiter

  constructor(limiter: RateLimiter) {
    this.limiter = limiter
  }

  async consume(key: string, cost?: number): Promise<LimitDecision> {
    return this.limiter.consume(key, cost)
  }

  async refund(receipt: LimitReceipt): Promise<void> {
    await this.limiter.refund(receipt)
  }

  async settle(receipt: LimitReceipt, cost: RealCost): Promise<void> {
    await this.limiter.settle(receipt, cost)
  }

  async reset(key: string): Promise<void> {
    await this.limiter.reset(key)
  }

  setLimit(policy: string, change: QuotaChange): void {
    this.limiter.setLimit(policy, change)
  }
}
