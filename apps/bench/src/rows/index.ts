import { banDecision } from './ban.js'
import { cachedToken } from './cached-token.js'
import { cidrSet } from './cidr-set.js'
import { forwarded } from './forwarded.js'
import { memoryLimiter } from './memory-limiter.js'
import { newToken } from './new-token.js'
import { redisLimiter, redisPolicies } from './redis-limiter.js'
import { requestIds } from './request-id.js'
import { requestMetrics } from './request-metrics.js'
import type { Row } from './row.js'

/** In the order of the report. A new row is one file and one line. */
export const ROWS: readonly Row[] = [
  memoryLimiter,
  redisLimiter,
  redisPolicies,
  banDecision,
  cidrSet,
  forwarded,
  cachedToken,
  newToken,
  requestMetrics,
  requestIds,
]
