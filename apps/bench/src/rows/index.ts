import { cidrSet } from './cidr-set.js'
import { forwarded } from './forwarded.js'
import { memoryLimiter } from './memory-limiter.js'
import { requestIds } from './request-id.js'
import type { Row } from './row.js'

/** In the order of the report. A new row is one file and one line. */
export const ROWS: readonly Row[] = [memoryLimiter, cidrSet, forwarded, requestIds]
