export type { LimitHeaderOptions as HeaderOptions } from '@palisade/core'
export type { AlgorithmName } from './algorithms/index.js'
export {
  type ConcurrencyLimitMiddleware,
  type ConcurrencyLimitOptions,
  concurrencyLimit,
} from './concurrency-limit.js'
export { createLimiter, type LimiterOptions } from './create-limiter.js'
export {
  byApiKey,
  byClient,
  byHeader,
  byIdentity,
  byRoute,
  byTenant,
  compose,
  type KeyFunction,
} from './keys.js'
export type { NumberFor, QuotaChange, QuotaOptions } from './policy.js'
export type { OnStoreFailure } from './quotas.js'
export {
  type PolicyOptions,
  type RateLimitMiddleware,
  type RateLimitOptions,
  rateLimit,
} from './rate-limit.js'
export type { ImmediateRateLimiter, RateLimiter } from './rate-limiter.js'
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from './stores/memory.js'
export { type RedisStoreOptions, redisStore } from './stores/redis/redis-store.js'
export type { LimitStore } from './stores/store.js'
