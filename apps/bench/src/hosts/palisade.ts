import { cors, pipeline, requestId, securityHeaders } from '@palisade/core'
import { rateLimit } from '@palisade/ratelimit'
import { ORIGINS, type Setting } from './host.js'

/** What a team writes, on any host. */
export const edge = ({ limit }: Setting) =>
  pipeline()
    .use(requestId())
    .use(securityHeaders())
    .use(cors({ origin: [...ORIGINS] }))
    .use(rateLimit({ limit, window: '1m' }))
