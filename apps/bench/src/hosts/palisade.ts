import { createPublicKey } from 'node:crypto'
import { authenticate, jwt } from '@palisade/auth'
import { cors, pipeline, requestId, securityHeaders } from '@palisade/core'
import { failban } from '@palisade/failban'
import { guard, requireScopes } from '@palisade/guards'
import { metrics } from '@palisade/metrics'
import { rateLimit } from '@palisade/ratelimit'
import { AUDIENCE, ISSUER, ORIGINS, SCOPE, type Setting } from './host.js'

/** What a team writes, on any host. */
export const edge = ({ limit }: Setting) =>
  pipeline()
    .use(requestId())
    .use(securityHeaders())
    .use(cors({ origin: [...ORIGINS] }))
    .use(rateLimit({ limit, window: '1m' }))

/** The same with everything else that a team mounts in front of its routes. */
export const fullEdge = ({ limit, publicKey }: Setting) =>
  pipeline()
    .use(metrics())
    .use(requestId())
    .use(securityHeaders())
    .use(cors({ origin: [...ORIGINS] }))
    // The bench asks from this machine, which by default is never banned.
    .use(failban({ allowOwnAddresses: false }))
    .use(rateLimit({ limit, window: '1m' }))
    .use(
      authenticate({
        strategies: [
          jwt({
            issuer: ISSUER,
            audience: AUDIENCE,
            publicKey: createPublicKey(publicKey),
            algorithms: ['RS256'],
          }),
        ],
      }),
    )
    .use(guard(requireScopes(SCOPE)))
