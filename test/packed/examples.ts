/** One answer, as far as an example speaks of it. Header values and bodies are patterns. */
export interface Expected {
  readonly status: number
  readonly body?: RegExp
  readonly headers?: Readonly<Record<string, RegExp>>
  /** Names of headers that are not there. */
  readonly lacks?: readonly string[]
}

/** What is asked, and what comes back. */
export interface Exchange {
  /** Default `/`. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** How often it is asked, and answered like this. Default once. */
  readonly times?: number
  readonly expected: Expected
}

/**
 * The first example of a package's README, as far as a program without a network, database or
 * neighbour can take it. A new package is one more entry.
 *
 * `before`, `mounted` and `after` stand in the README word for word, which a test compares; only
 * its types, comments and line breaks go.
 */
export interface Example {
  readonly package: string
  /** Binding to module, beside those of the host. */
  readonly imports: Readonly<Record<string, string>>
  /** What the README supposes that the application has. */
  readonly given?: string
  /** Statements in front of the pipeline. */
  readonly before?: string
  /** The pipeline that is mounted, as an expression. */
  readonly mounted: string
  /** A statement for the moment when there is a `server`. */
  readonly after?: string
  /** What is awaited before the first request, as a statement. */
  readonly ready?: string
  readonly exchanges: readonly Exchange[]
  /**
   * The same application with another pipeline, for a refusal that the README's own has no occasion
   * for.
   */
  readonly otherwise?: { readonly mounted: string; readonly exchanges: readonly Exchange[] }
}

const hello: Expected = { status: 200, body: /^hello$/ }

export const examples: readonly Example[] = [
  {
    package: '@palisade/core',
    imports: { '{ cors, pipeline, requestId, securityHeaders, trustedProxies }': '@palisade/core' },
    mounted: `
pipeline({ trust: trustedProxies(['10.0.0.0/8']) })
  .use(requestId())
  .use(securityHeaders())
  .use(cors({ origin: ['https://app.example.com'], credentials: true }))`,
    exchanges: [
      {
        headers: { origin: 'https://app.example.com' },
        expected: {
          ...hello,
          headers: {
            'x-request-id': /^[\w-]{36}$/,
            'x-content-type-options': /^nosniff$/,
            'access-control-allow-origin': /^https:\/\/app\.example\.com$/,
            'access-control-allow-credentials': /^true$/,
          },
        },
      },
      {
        headers: { origin: 'https://elsewhere.example' },
        expected: { ...hello, lacks: ['access-control-allow-origin'] },
      },
    ],
  },
  {
    package: '@palisade/adapters',
    imports: { '{ pipeline, requestId, securityHeaders }': '@palisade/core' },
    mounted: `pipeline().use(requestId()).use(securityHeaders())`,
    exchanges: [
      {
        expected: {
          ...hello,
          headers: { 'x-request-id': /^[\w-]{36}$/, 'x-content-type-options': /^nosniff$/ },
        },
      },
      { path: '/nowhere', expected: { status: 404, headers: { 'x-request-id': /^[\w-]{36}$/ } } },
    ],
  },
  {
    package: '@palisade/ratelimit',
    imports: { '{ pipeline }': '@palisade/core', '{ rateLimit }': '@palisade/ratelimit' },
    mounted: `pipeline().use(rateLimit({ limit: 100, window: '1m' }))`,
    exchanges: [
      { times: 100, expected: hello },
      {
        expected: {
          status: 429,
          headers: { 'retry-after': /^[1-9]\d*$/, 'content-type': /^application\/json/ },
        },
      },
    ],
  },
  {
    package: '@palisade/failban',
    imports: {
      '{ pipeline, trustedProxies }': '@palisade/core',
      '{ failban, fileBans }': '@palisade/failban',
    },
    before: `
const bans = failban({
  maxViolations: 5,
  violationWindow: '10m',
  banDuration: '1h',
  store: fileBans('data/bans.jsonl'),
})`,
    // The README's rateLimit() behind it is of another package, which this one does without.
    mounted: `pipeline({ trust: trustedProxies(['10.0.0.0/8']) }).use(bans)`,
    // As behind the proxy that the README speaks of, and after whatever an earlier run has left in
    // the file.
    ready: `
  await bans.ready()
  await bans.unban('203.0.113.9')
  server.on('connection', (/** @type {object} */ socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: '10.0.0.1' })
  })`,
    exchanges: [
      { headers: { 'x-forwarded-for': '203.0.113.9' }, expected: hello },
      // A probe weighs three violations, of five.
      { path: '/.env', headers: { 'x-forwarded-for': '203.0.113.9' }, times: 2, expected: { status: 404 } },
      {
        headers: { 'x-forwarded-for': '203.0.113.9' },
        expected: {
          status: 403,
          headers: { 'retry-after': /^3\d{3}$/, 'content-type': /^application\/json/ },
          body: /"FORBIDDEN"/,
        },
      },
      { headers: { 'x-forwarded-for': '203.0.113.8' }, expected: hello },
    ],
  },
  {
    package: '@palisade/guards',
    imports: {
      '{ pipeline, provideIdentity }': '@palisade/core',
      '{ guard, requireScopes }': '@palisade/guards',
    },
    before: `
const edge = pipeline().use(
  provideIdentity(() => ({
    subject: 'ada',
    method: 'session',
    scopes: new Set(['orders:read']),
    roles: new Set(),
    claims: {},
  })),
)`,
    mounted: `edge.use(guard(requireScopes('orders:read')))`,
    exchanges: [{ expected: hello }],
    otherwise: {
      mounted: `edge.use(guard(requireScopes('orders:write')))`,
      exchanges: [
        {
          expected: {
            status: 403,
            headers: { 'content-type': /^application\/json/ },
            body: /"FORBIDDEN"/,
          },
        },
      ],
    },
  },
  {
    package: '@palisade/auth',
    imports: { '{ pipeline }': '@palisade/core', '{ authenticate, jwt }': '@palisade/auth' },
    mounted: `
pipeline().use(
  authenticate({
    strategies: [jwt({ issuer: 'https://login.example', audience: 'orders', jwksUri: 'https://login.example/jwks' })],
  }),
)`,
    exchanges: [
      { expected: { status: 401, headers: { 'www-authenticate': /^Bearer realm="api"$/ } } },
      {
        headers: { authorization: 'Bearer none' },
        expected: { status: 401, headers: { 'www-authenticate': /^Bearer .*error="invalid_token"/ } },
      },
    ],
  },
  {
    package: '@palisade/health',
    imports: {
      '{ pipeline }': '@palisade/core',
      '{ disk, eventLoop, gracefulShutdown, health, lifecycle, sql }': '@palisade/health',
    },
    given: 'const pool = { query: async (/** @type {string} */ _sql) => [], end: async () => {} }',
    before: `
const life = lifecycle()
const edge = pipeline().use(
  health({ lifecycle: life, checks: [eventLoop(), disk({ path: '/tmp' }), sql(() => pool.query('SELECT 1'))] }),
)`,
    mounted: 'edge',
    after: `gracefulShutdown(server, { lifecycle: life, pipeline: edge, handlers: [() => pool.end()] })`,
    exchanges: [
      { expected: hello },
      { path: '/health/live', expected: { status: 200, body: /"status":"healthy"/ } },
      { path: '/health/ready', expected: { status: 200, body: /"ready":true/ } },
    ],
  },
  {
    package: '@palisade/metrics',
    imports: { '{ pipeline }': '@palisade/core', '{ metrics }': '@palisade/metrics' },
    mounted: `pipeline().use(metrics())`,
    exchanges: [
      { expected: hello },
      {
        path: '/metrics',
        expected: {
          status: 200,
          headers: { 'content-type': /^text\/plain; version=0\.0\.4/ },
          body: /^http_requests_total\{.*status="200".*\} 1$/m,
        },
      },
      { path: '/metrics.json', expected: { status: 200, body: /"byMethod":/ } },
      { path: '/metrics', headers: { 'x-forwarded-for': '203.0.113.9' }, expected: { status: 403 } },
    ],
  },
]
