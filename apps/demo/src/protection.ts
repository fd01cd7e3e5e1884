import { cors, type PipelineOptions, pipeline, requestId, securityHeaders } from '@palisade/core'
import { rateLimit } from '@palisade/ratelimit'

/** Everything that stands in front of the demo's handlers, on every host alike. */
export function protection(options: Pick<PipelineOptions, 'logger'> = {}) {
  const edge = pipeline(options)
    .use(requestId())
    .use(securityHeaders())
    .use(cors({ origin: ['https://app.example.com'], credentials: true, exposeHeaders: ['X-Request-ID'] }))

  /** For `/api/**`: a quota a minute, and a burst policy on top, so that nobody spends it in an instant. One decision, both or none. */
  const api = edge.branch().use(
    rateLimit({
      policies: [
        { name: 'minute', algorithm: 'fixed-window', limit: 100, window: '1m' },
        { name: 'burst', algorithm: 'token-bucket', limit: 50, window: '1s', burst: 100 },
      ],
    }),
  )
  return { edge, api }
}

export type Protection = ReturnType<typeof protection>

/** What the table at start-up says. */
export const MOUNTED: readonly (readonly [where: string, what: string])[] = [
  ['/**', 'request id, security headers, CORS for https://app.example.com'],
  ['/api/**', 'rate limit: 100 a minute per client, bursts of at most 100 that refill at 50 a second'],
]
