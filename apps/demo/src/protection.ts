import { apiKey, apiKeyAdmin, authenticate, basic, clearFailures, jwt } from '@palisade/auth'
import { cors, type Logger, pipeline, requestId, securityHeaders, type Trust } from '@palisade/core'
import { type BanStore, banAdmin, failban } from '@palisade/failban'
import { guard, requireIdentity, requireRole, requireScopes } from '@palisade/guards'
import { type Check, eventLoop, health, type Lifecycle } from '@palisade/health'
import { accessLog, metrics, traceContext } from '@palisade/metrics'
import { byTenant, createLimiter, type LimitStore, memoryStore, rateLimit } from '@palisade/ratelimit'
import { isElsewhere, mayUse, ofOwner, ofTenant } from './house-rules.js'
import { ISSUER, type People } from './people.js'

export interface ProtectionOptions {
  readonly people: People
  readonly bans: BanStore
  /** Where limits are counted. Default: in this process. */
  readonly limits?: LimitStore
  /** What readiness depends on. */
  readonly checks?: readonly Check[]
  /** Shared with the shutdown, so that readiness ends before the server does. */
  readonly lifecycle?: Lifecycle
  /**
   * The proxies whose word counts for a client's address. Default: no proxy; the address is that of
   * the socket.
   */
  readonly trust?: Trust
  readonly logger?: Logger
  /** Whether a line for each request is written. Default: not. */
  readonly logsRequests?: boolean
}

/**
 * Everything that stands in front of the demo's handlers, on every host alike, in the order in
 * which a request meets it.
 */
export function protection({ people, limits = memoryStore(), ...options }: ProtectionOptions) {
  const { checks = [], lifecycle, logger, logsRequests = false, trust } = options
  const bans = failban({
    jails: [
      { name: 'guessing', sources: ['auth', 'auth-throttled'], threshold: 10, window: '10m', ban: '5m' },
      { name: 'scanning', sources: ['not-found', 'probe'], threshold: 30, window: '1m', ban: '5m' },
    ],
    escalate: { factor: 4, max: '1d' },
    store: options.bans,
    // So that bans can be watched from the machine that the demo runs on. Elsewhere the default is
    // better.
    allowOwnAddresses: false,
  })
  const login = authenticate({
    strategies: [
      jwt({ ...ISSUER, secret: people.secret, algorithms: ['HS256'] }),
      basic({ verify: people.users.verify }),
      apiKey({ keys: people.keys }),
    ],
    // Five wrong passwords in any minute.
    throttle: {
      basic: createLimiter({
        name: 'logins',
        algorithm: 'sliding-log',
        limit: 5,
        window: '1m',
        store: limits,
      }),
    },
    rules: [
      { path: '/**', login: 'public' },
      { path: '/api/**' },
      { path: '/admin/**' },
      { path: '/api-keys/**' },
    ],
  })

  const edge = pipeline({ ...(trust && { trust }), ...(logger && { logger }) })
    .use(requestId())
    .use(traceContext())
    .use(securityHeaders())
    .use(metrics({ process: true }))
    .use(accessLog(logsRequests ? {} : { logger: NOWHERE }))
    .use(health({ checks: [eventLoop({ optional: true }), ...checks], ...(lifecycle && { lifecycle }) }))
    .use(cors({ origin: ['https://app.example.com'], credentials: true, exposeHeaders: ['X-Request-ID'] }))
    .use(bans)
    // A quota a minute, with a burst policy on top: no client can spend the quota in an instant.
    // Both policies are one decision and count together.
    .use(
      rateLimit({
        policies: [
          { name: 'minute', algorithm: 'fixed-window', limit: 100, window: '1m' },
          { name: 'burst', algorithm: 'token-bucket', limit: 50, window: '1s', burst: 100 },
        ],
        store: limits,
        skip: isElsewhere,
      }),
    )
    .use(login)
    // A tenant with many clients meets its own quota before it slows other tenants.
    .use(
      rateLimit({
        name: 'tenant',
        algorithm: 'sliding-log',
        limit: 250,
        window: '1m',
        key: byTenant(),
        whenKeyMissing: 'skip',
        store: limits,
        skip: isElsewhere,
      }),
    )
    .use(banAdmin(bans, { path: '/admin/security', authorize: mayUse('security:admin') }))
    .use(apiKeyAdmin(people.keys, { path: '/api-keys', authorize: mayUse('keys:admin') }))

  // A client or network that a person lets in begins anew at the login, too. The end of a ban
  // forgives nothing: otherwise a guesser gets new attempts by waiting. Redis may be away.
  edge.events.on('security:unbanned', ({ ip, cause }) => {
    if (cause !== 'manual' && cause !== 'allow') return
    clearFailures(login, { client: ip }).catch(() => {})
  })

  // Guards in front of one route: which callers may use it, and which rows are theirs. The rules
  // leave some paths open; behind this guard the caller is known.
  const known = edge.branch().use(requireIdentity())
  return {
    edge,
    bans,
    known,
    reads: known
      .use(guard(requireScopes('orders:read')))
      .use(ofTenant)
      .use(ofOwner),
    writes: known.use(guard(requireScopes('orders:write'))).use(ofTenant),
    admins: known.use(guard(requireRole('admin'))).use(ofTenant),
  }
}

export type Protection = ReturnType<typeof protection>

const NOWHERE: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** What the table at start-up says. */
export const MOUNTED: readonly (readonly [where: string, what: string])[] = [
  ['/**', 'request id, trace, security headers, metrics, CORS for https://app.example.com, bans'],
  ['/health, /metrics', 'probes and counters'],
  [
    '/api/**',
    '100 a minute per client, in bursts of at most 100 that refill at 50 a second; 250 a minute per tenant',
  ],
  ['/api, /admin, /api-keys', 'login by bearer token, password (5 wrong ones a minute) or API key'],
  ['/admin/security/*', 'bans: for the scope security:admin'],
  ['/api-keys', 'API keys: for the scope keys:admin'],
]
