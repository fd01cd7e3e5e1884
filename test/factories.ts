import { createServer } from 'node:http'
import { toFetch } from '@palisade/adapters/fetch'
import { toHono } from '@palisade/adapters/hono'
import * as auth from '@palisade/auth'
import * as core from '@palisade/core'
import * as coreAdmin from '@palisade/core/admin'
import * as coreHost from '@palisade/core/host'
import * as coreMiddleware from '@palisade/core/middleware'
import * as coreRedis from '@palisade/core/redis'
import * as failban from '@palisade/failban'
import * as guards from '@palisade/guards'
import * as health from '@palisade/health'
import * as metrics from '@palisade/metrics'
import * as ratelimit from '@palisade/ratelimit'

/** A factory, what it is called in errors, and the least that it accepts. */
export type Factory = readonly [
  name: string,
  build: (options: never) => unknown,
  valid: Readonly<Record<string, unknown>>,
  options: readonly string[],
  /** Options that take the place of what `valid` has. */
  instead: readonly string[],
  /** Of options within options: where they are, `jails[0]`. Else empty. */
  at: string,
]

const SECRET = 'k'.repeat(64)
const quota = { limit: 5, window: '1m' }
const allow = () => true
const redisClient: coreRedis.RedisClient = {
  send: async () => null,
  subscribe: () => ({ ready: Promise.resolve(), close: () => {} }),
}
const noStore = { get: () => undefined, set: () => undefined, delete: () => undefined }
const limiterOptions = [
  'name algorithm limit window burst cost queue policies store onStoreFailure',
  'key settle count isFailure headers whenKeyMissing mode skip',
] as const
const commonCheck = 'name timeout ttl optional kinds'
const dependency = 'name timeout ttl optional kinds'
const issuer =
  'issuer audience subject secret publicKey jwks jwksUri discovery jwksTimeout dispatcher fetch insecureHosts algorithms tenants typ'

const factory = (
  name: string,
  build: (options: never) => unknown,
  options: string,
  valid: Readonly<Record<string, unknown>> = {},
  instead: readonly string[] = [],
): Factory => [name, build, valid, options.split(' ').filter(option => option !== ''), instead, '']

/** Options within options. `build` puts them where they belong. */
const nested = (
  name: string,
  at: string,
  build: (options: never) => unknown,
  options: string,
  valid: Readonly<Record<string, unknown>> = {},
): Factory => [name, build, valid, options.split(' '), [], at]

/** Every factory of every package that takes an object of options. A new one is one more line. */
export const factories: readonly Factory[] = [
  factory('pipeline', core.pipeline, 'trust errors logger events clock production bodyTimeout mapError'),
  factory('directPeer', core.directPeer, 'ipv6Prefix'),
  factory(
    'trustedProxies',
    options => core.trustedProxies(['10.0.0.0/8'], options),
    'header ipv6Prefix unixSocket',
  ),
  factory('trustedHops', options => core.trustedHops(1, options), 'header ipv6Prefix unixSocket'),
  factory('singleHeader', options => core.singleHeader('x-real-ip', options), 'from ipv6Prefix unixSocket', {
    from: ['10.0.0.0/8'],
  }),
  factory('privateNetworks', core.privateNetworks, 'hosts'),
  factory('requestId', core.requestId, 'header generator includeInResponse'),
  factory('cors', core.cors, 'origin methods allowHeaders exposeHeaders credentials maxAge privateNetwork', {
    origin: 'https://app.example',
  }),
  factory(
    'securityHeaders',
    core.securityHeaders,
    'csp cspReportOnly crossOriginEmbedderPolicy crossOriginOpenerPolicy crossOriginResourcePolicy hsts originAgentCluster permissionsPolicy referrerPolicy xContentTypeOptions xDnsPrefetchControl xDownloadOptions xFrameOptions xPermittedCrossDomainPolicies xPoweredBy xXssProtection',
  ),
  factory('anyAdmin', options => coreAdmin.adminApi('anyAdmin', options, {}), 'path authorize', {
    path: '/admin',
    authorize: allow,
  }),
  factory(
    'guardRedis',
    options => coreRedis.guardRedis(redisClient, options),
    'deadline maxPending breaker onStateChange clock',
  ),
  factory('defineScript', coreRedis.defineScript, 'name lua keys read', { name: 'ask', lua: 'return 1' }),

  factory('rateLimit', ratelimit.rateLimit, limiterOptions.join(' '), quota, ['policies']),
  factory('createLimiter', ratelimit.createLimiter, `${limiterOptions[0]} clock logger onStoreError`, quota, [
    'policies',
  ]),
  factory(
    'concurrencyLimit',
    ratelimit.concurrencyLimit,
    'limit key queue name whenKeyMissing mode skip violation',
    {
      limit: 5,
    },
  ),
  factory('memoryStore', ratelimit.memoryStore, 'maxKeys'),
  factory(
    'redisStore',
    options => ratelimit.redisStore(redisClient, options),
    'namespace deadline breaker cacheRefusals',
    { namespace: 'test' },
  ),

  factory(
    'failban',
    failban.failban,
    'maxViolations violationWindow banDuration jails escalate allow deny allowOwnAddresses store mode status explain probePaths maxKeys maxBans',
  ),
  factory('ipFilter', failban.ipFilter, 'allow deny key mode', { deny: ['203.0.113.0/24'] }),
  factory('banAdmin', options => failban.banAdmin(failban.failban(), options), 'path authorize', {
    path: '/bans',
    authorize: allow,
  }),

  factory(
    'guard',
    options => guards.guard(guards.requireRole('a'), options),
    'name load realm bearerMethods mode',
  ),
  factory('allowIp', options => guards.allowIp(['10.0.0.0/8'], options), 'unverified'),
  factory('defineGuard', options => guards.defineGuard('mine', allow, options), 'needs'),
  factory('requireIdentity', guards.requireIdentity, 'realm'),
  factory('requireRole', options => guards.requireRole(['a'], options), 'all'),
  factory('requireScopes', options => guards.requireScopes(['a'], options), 'any'),
  factory('requireOwnership', guards.requireOwnership, 'owner load conceal'),
  factory('requireTenant', guards.requireTenant, 'tenant load conceal'),
  factory('recordGuard', options => guards.recordGuard('mine', allow, options), 'load conceal'),
  factory('permissions', guards.permissions, 'resource grants action conceal', { resource: 'orders' }),
  factory('scopeTo', options => guards.scopeTo(() => ({}), options), 'as'),

  factory('authenticate', auth.authenticate, 'strategies rules login throttle mode', {
    strategies: [auth.basic({ verify: () => undefined })],
  }),
  factory(
    'jwt',
    auth.jwt,
    `${issuer} issuers name realm header from clockTolerance scopes roles tenant permissions identity validate isRevoked cache`,
    { issuer: 'shop', audience: 'shop', secret: SECRET, algorithms: ['HS256'] },
    ['issuers'],
  ),
  factory('cookie', options => auth.cookie('token', options), 'csrf'),
  factory('apiKey', auth.apiKey, 'keys header scheme name realm', { keys: auth.apiKeys() }),
  factory(
    'apiKeys',
    auth.apiKeys,
    'store prefix pepper limiter defaultRateLimit headers lastUsedEvery clock',
  ),
  factory('apiKeyAdmin', options => auth.apiKeyAdmin(auth.apiKeys(), options), 'path authorize', {
    path: '/keys',
    authorize: allow,
  }),
  factory('keyValueKeys', auth.keyValueKeys, 'store prefix timeout', { store: noStore }),
  factory('memoryKeys', auth.memoryKeys, 'maxKeys clock'),
  factory('basic', auth.basic, 'verify realm name cache lockout', { verify: () => undefined }),
  factory(
    'passwordHasher',
    auth.passwordHasher,
    'cost blockSize parallelization concurrency waiting waitingPerClient',
  ),
  factory('passwordUsers', auth.passwordUsers, 'find hasher rehash', { find: () => undefined }),

  factory('check', health.check, `${commonCheck} run`, { name: 'one', run: allow }),
  factory('eventLoop', health.eventLoop, `${commonCheck} maxDelay`),
  factory('memory', health.memory, `${commonCheck} maxHeapRatio maxRss`),
  factory('disk', health.disk, `${commonCheck} path minFreeRatio minFreeBytes`, { path: '/tmp' }),
  factory('tcp', health.tcp, `${dependency} host port`, { host: 'localhost', port: 1 }),
  factory('http', health.http, `${dependency} url method headers expect dispatcher`, {
    url: 'http://localhost/',
  }),
  factory('redis', options => health.redis(redisClient, options), dependency),
  factory('sql', options => health.sql(allow as never, options), dependency),
  factory(
    'gracefulShutdown',
    options => health.gracefulShutdown(createServer(), options),
    'lifecycle pipeline handlers handlerTimeout delay timeout linger retryAfter signals logger clock exit',
    // No listeners on this process, which is the test's.
    { signals: [] },
  ),
  factory('health', health.health, 'checks paths timeout authorize lifecycle'),

  factory(
    'metrics',
    metrics.metrics,
    'path access authorize prefix labels buckets route maxRoutes maxSeries resetInterval process',
  ),
  factory('metrics.counter', options => metrics.metrics().counter(options), 'name help labels', {
    name: 'a_total',
    help: 'a',
  }),
  factory('metrics.gauge', options => metrics.metrics().gauge(options), 'name help labels collect', {
    name: 'b',
    help: 'b',
  }),
  factory('metrics.histogram', options => metrics.metrics().histogram(options), 'name help labels buckets', {
    name: 'c',
    help: 'c',
  }),
  factory(
    'metricsEndpoint',
    options => metrics.metricsEndpoint(metrics.metrics(), options),
    'path authorize',
    { authorize: allow },
  ),
  factory('accessLog', metrics.accessLog, 'logger headers route'),
  factory('traceContext', metrics.traceContext, 'sampled activeSpan'),
  factory('toHono', options => toHono(core.pipeline(), options), 'peer'),
  factory('toFetch', options => toFetch(core.pipeline(), () => new Response(), options), 'peer'),

  nested(
    'securityHeaders',
    'hsts',
    hsts => core.securityHeaders({ hsts }),
    'maxAge includeSubDomains preload',
  ),
  nested(
    'guardRedis',
    'breaker',
    breaker => coreRedis.guardRedis(redisClient, { breaker }),
    'failures backoff maxBackoff',
  ),
  nested(
    'redisStore',
    'breaker',
    breaker => ratelimit.redisStore(redisClient, { namespace: 'test', breaker }),
    'failures backoff maxBackoff',
  ),
  ...(
    [
      ['rateLimit', (policies: never) => ratelimit.rateLimit({ policies }), ' key settle'],
      ['createLimiter', (policies: never) => ratelimit.createLimiter({ policies }), ''],
    ] as const
  ).map(([name, build, more]) =>
    nested(
      name,
      'policies[0]',
      policy => build([policy] as never),
      `name algorithm limit window burst cost queue${more}`,
      quota,
    ),
  ),
  nested(
    'rateLimit',
    'headers',
    headers => ratelimit.rateLimit({ ...quota, headers } as never),
    'legacy draft',
  ),
  nested(
    'concurrencyLimit',
    'queue',
    queue => ratelimit.concurrencyLimit({ limit: 5, queue }),
    'size timeout',
    { size: 5, timeout: '1s' },
  ),
  nested(
    'failban',
    'jails[0]',
    jail => failban.failban({ jails: [jail] }),
    'name sources threshold window ban',
    {
      name: 'one',
      threshold: 5,
      window: '1m',
      ban: '1h',
    },
  ),
  nested('failban', 'escalate', escalate => failban.failban({ escalate }), 'factor max jitter memory random'),
  nested(
    'permissions',
    'grants[0]',
    grant => guards.permissions({ resource: 'orders', grants: [grant] }),
    'resource read create update delete',
    { resource: 'orders' },
  ),
  nested(
    'compileGrants',
    'grants[0]',
    grant => guards.compileGrants([grant]),
    'resource read create update delete',
    { resource: 'orders' },
  ),
  nested(
    'authenticate',
    'rules[0]',
    rule => auth.authenticate({ strategies: [auth.basic({ verify: () => undefined })], rules: [rule] }),
    'path methods use login several',
    { path: '/api/**' },
  ),
  nested(
    'authenticate',
    'login',
    login => auth.authenticate({ strategies: [auth.basic({ verify: () => undefined })], login } as never),
    'path parameter',
    { path: '/login' },
  ),
  nested('jwt', 'issuers[0]', one => auth.jwt({ issuers: [one] }), issuer, {
    issuer: 'shop',
    audience: 'shop',
    secret: SECRET,
    algorithms: ['HS256'],
  }),
  nested(
    'jwt',
    'cache',
    cache => auth.jwt({ issuer: 'shop', audience: 'shop', secret: SECRET, algorithms: ['HS256'], cache }),
    'maxKeys ttl',
  ),
  nested('basic', 'cache', cache => auth.basic({ verify: () => undefined, cache }), 'maxKeys ttl'),
  nested(
    'basic',
    'lockout',
    lockout => auth.basic({ verify: () => undefined, lockout }),
    'perClient perAccount first longest',
  ),
  nested('health', 'paths', paths => health.health({ paths }), 'live ready startup health'),
  nested('metrics', 'labels', labels => metrics.metrics({ labels }), 'method route status'),
  nested(
    'gracefulShutdown',
    'handlers[0]',
    handler => health.gracefulShutdown(createServer(), { signals: [], handlers: [handler] }),
    'name run timeout',
    { name: 'one', run: allow },
  ),
]

/** An argument that stands in front of the options, or alone: whose it is, what it is called in errors, and who takes it. */
export type Argument = readonly [owner: string, option: string, build: (value: never) => unknown]

export const args: readonly Argument[] = [
  ['trustedProxies', 'cidrs', core.trustedProxies],
  ['trustedHops', 'hops', core.trustedHops],
  ['singleHeader', 'name', name => core.singleHeader(name, { from: ['10.0.0.0/8'] })],
  ['provideIdentity', 'find', core.provideIdentity],
  ['fromIoredis', 'client', coreRedis.fromIoredis],
  ['fromNodeRedis', 'client', coreRedis.fromNodeRedis],
  ['redisKeys', 'namespace', namespace => coreRedis.redisKeys(namespace, 'rl')],
  ['guardRedis', 'client', coreRedis.guardRedis],
  ['redisStore', 'client', client => ratelimit.redisStore(client, { namespace: 'test' })],
  ['byApiKey', 'header', ratelimit.byApiKey],
  ['byHeader', 'name', ratelimit.byHeader],
  ['compose', 'keys[1]', key => ratelimit.compose(ratelimit.byClient(), key)],
  ['fileBans', 'path', failban.fileBans],
  ['banAdmin', 'bans', bans => failban.banAdmin(bans, { path: '/bans', authorize: allow })],
  ['guard', 'guard', guards.guard],
  ['defineGuard', 'name', name => guards.defineGuard(name, allow)],
  ['defineGuard', 'decide', decide => guards.defineGuard('mine', decide)],
  ['recordGuard', 'name', name => guards.recordGuard(name, allow)],
  ['recordGuard', 'decide', decide => guards.recordGuard('mine', decide)],
  ['allOf', 'guards[1]', one => guards.allOf(guards.requireRole('a'), one)],
  ['anyOf', 'guards[1]', one => guards.anyOf(guards.requireRole('a'), one)],
  ['not', 'guards[0]', guards.not],
  ['when', 'condition', condition => guards.when(condition, guards.requireRole('a'))],
  ['when', 'guards[0]', one => guards.when(allow, one)],
  ['during', 'windows', windows => guards.during(windows, 'UTC')],
  ['during', 'zone', zone => guards.during('Mon-Fri 09:00-17:00', zone)],
  ['requireFreshLogin', 'maxAge', guards.requireFreshLogin],
  ['requireMethod', 'methods', guards.requireMethod],
  ['requireRole', 'roles', role => guards.requireRole([role])],
  ['requireScopes', 'scopes', scope => guards.requireScopes([scope])],
  ['allowIp', 'ranges', guards.allowIp],
  ['compileGrants', 'grants', guards.compileGrants],
  ['scopeTo', 'filterOf', guards.scopeTo],
  ['apiKeyAdmin', 'keys', keys => auth.apiKeyAdmin(keys, { path: '/keys', authorize: allow })],
  ['redis', 'client', health.redis],
  ['sql', 'query', health.sql],
  ['gracefulShutdown', 'server', server => health.gracefulShutdown(server, { signals: [] })],
  ['metricsEndpoint', 'metrics', one => metrics.metricsEndpoint(one, { authorize: allow })],
  ['toHono', 'edge', toHono],
  ['toFetch', 'edge', edge => toFetch(edge, () => new Response())],
  ['toFetch', 'handler', handler => toFetch(core.pipeline(), handler)],
]

/** What the packages export that builds something and takes no object of options, or only calls with a request at hand. */
export const WITHOUT_OPTIONS: readonly string[] = [
  // core: `adminApi` is called `anyAdmin` above, since its caller gives it a name
  'adminApi assertIdentity discard isolatedLogger withQuery answerError provideIdentity nonce foldCase routingPath isReply isPromise startOf envelope problemDetails',
  'bindMethods booleanResult ignoreRejection wrongResult reportError reportHandled refusalOf exposedMessage takenFrom succeed inspectable',
  'limitHeaderOptions tightest',
  'canonicalCidr clientKey networkOf cidrs canonicalIp',
  'checkFields checkQuery faulty integerText readJson challengeOf quotedString denialOf preferred present',
  'alsoCalled duration parseDuration checkOptions refuse object within optional orFalse list oneOf flag text integer callback having either mode headerName ownHeaderName refuseRuntime requireProcess',
  // core/redis
  'redisClient fromIoredis fromNodeRedis redisKeys replyInteger replyList replyText',
  // ratelimit
  'byApiKey byClient byHeader byIdentity byRoute byTenant compose decideTogether',
  // failban: `violation` is called with a request at hand
  'violation fileBans memoryBans',
  // guards
  'ensure allOf anyOf not when during requireFreshLogin requireMethod compileGrants',
  // auth: `makeIdentity` is called with a credential at hand
  'bearer bearerChallenge clearFailures makeIdentity query safeReturnTo subprotocol',
  // health and metrics
  'lifecycle traceparentOf',
].flatMap(names => names.split(' '))

/** What the packages export. */
export const packages = {
  core,
  'core/middleware': coreMiddleware,
  'core/admin': coreAdmin,
  'core/host': coreHost,
  'core/redis': coreRedis,
  ratelimit,
  failban,
  guards,
  auth,
  health,
  metrics,
}
