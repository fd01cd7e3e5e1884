import type { Denial } from '@palisade/core/middleware'
import { FAILBAN } from './sources/responses.js'

/** A refusal of a banned or denied client, without what is the ban's own. */
export const refusalWith = (status: 403 | 429): Denial => ({
  status,
  code: status === 429 ? 'RATE_LIMITED' : 'FORBIDDEN',
  message: 'Access denied',
  headers: { 'Cache-Control': 'no-store' },
  by: FAILBAN,
})
