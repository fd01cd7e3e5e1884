export type { LimitHeaderOptions as HeaderOptions } from '@palisade/core/middleware'
export type { Counting, States } from './algorithms/counting.js'
export type { AlgorithmName } from './algorithms/index.js'
export {
  type ConcurrencyLimitMiddleware,
  type ConcurrencyLimitOptions,
  concurrencyLimit,
} from './concurrency-limit.js'
export type { Attempt, LimitCharge } from './counting/attempt.js'
export { decideTogether, KeyState } from './counting/engine.js'
export type { NumberFor, QuotaChange, QuotaOptions } from './counting/policy.js'
export type { OnStoreFailure } from './counting/quotas.js'
export { createLimiter, type LimiterOptions } from './create-limiter.js'
export {
  byApiKey,
  byClient,
  byHeader,
  byIdentity,
  byRoute,
  byTenant,
  compose,
} from './keys/builders.js'
export type { KeyFunction } from './keys/key-function.js'
export type { PolicyOptions, RateLimitOptions } from './options.js'
export { type RateLimitMiddleware, rateLimit } from './rate-limit.js'
export type { ImmediateRateLimiter, RateLimiter } from './rate-limiter.js'
export type { RealCost } from './refunds/receipts.js'
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from './stores/memory/memory-store.js'
export { type RedisStoreOptions, redisStore } from './stores/redis/redis-store.js'
export type { LimitEngine, LimitStore, PolicyKind } from './stores/store.js'
