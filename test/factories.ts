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
/** The names that a factory accepts: its own check lists them when it is given another. */
function optionsOf(build: Factory[1], valid: Factory[2]): readonly string[] {
  try {
    build({ ...valid, noSuchOption: 1 } as never)
  } catch (error) {
    if (!(error instanceof core.ConfigError)) throw error
    const names = /^one of (.*?) \(/.exec(error.allowed)?.[1]?.split(', ')
    if (names !== undefined) return names
  }
  throw new Error('a factory does not name its options when it is given one that does not exist')
}

const factory = (
  name: string,
  build: Factory[1],
  valid: Factory[2] = {},
  instead: readonly string[] = [],
): Factory => [name, build, valid, optionsOf(build, valid), instead, '']

/** Options within options. `build` puts them where they belong. */
const nested = (name: string, at: string, build: Factory[1], valid: Factory[2] = {}): Factory => [
  name,
  build,
  valid,
  optionsOf(build, valid),
  [],
  at,
]

/** Every factory of every package that takes an object of options. A new one is one more line. */
export const factories: readonly Factory[] = [
  factory('pipeline', core.pipeline),
  factory('directPeer', core.directPeer),
  factory('trustedProxies', options => core.trustedProxies(['10.0.0.0/8'], options)),
  factory('trustedHops', options => core.trustedHops(1, options)),
  factory('singleHeader', options => core.singleHeader('x-real-ip', options), {
    from: ['10.0.0.0/8'],
  }),
  factory('privateNetworks', core.privateNetworks),
  factory('requestId', core.requestId),
  factory('cors', core.cors, {
    origin: 'https://app.example',
  }),
  factory('securityHeaders', core.securityHeaders),
  factory('anyAdmin', options => coreAdmin.adminApi('anyAdmin', options, {}), {
    path: '/admin',
    authorize: allow,
  }),
  factory('guardRedis', options => coreRedis.guardRedis(redisClient, options)),
  factory('defineScript', coreRedis.defineScript, { name: 'ask', lua: 'return 1' }),

  factory('rateLimit', ratelimit.rateLimit, quota, ['policies']),
  factory('createLimiter', ratelimit.createLimiter, quota, ['policies']),
  factory('concurrencyLimit', ratelimit.concurrencyLimit, {
    limit: 5,
  }),
  factory('memoryStore', ratelimit.memoryStore),
  factory('redisStore', options => ratelimit.redisStore(redisClient, options), { namespace: 'test' }),

  factory('failban', failban.failban),
  factory('ipFilter', failban.ipFilter, { deny: ['203.0.113.0/24'] }),
  factory('banAdmin', options => failban.banAdmin(failban.failban(), options), {
    path: '/bans',
    authorize: allow,
  }),

  factory('guard', options => guards.guard(guards.requireRole('a'), options)),
  factory('allowIp', options => guards.allowIp(['10.0.0.0/8'], options)),
  factory('defineGuard', options => guards.defineGuard('mine', allow, options)),
  factory('requireIdentity', guards.requireIdentity),
  factory('requireRole', options => guards.requireRole(['a'], options)),
  factory('requireScopes', options => guards.requireScopes(['a'], options)),
  factory('requireOwnership', guards.requireOwnership),
  factory('requireTenant', guards.requireTenant),
  factory('recordGuard', options => guards.recordGuard('mine', allow, options)),
  factory('permissions', guards.permissions, { resource: 'orders' }),
  factory('scopeTo', options => guards.scopeTo(() => ({}), options)),

  factory('authenticate', auth.authenticate, {
    strategies: [auth.basic({ verify: () => undefined })],
  }),
  factory('jwt', auth.jwt, { issuer: 'shop', audience: 'shop', secret: SECRET, algorithms: ['HS256'] }, [
    'issuers',
  ]),
  factory('cookie', options => auth.cookie('token', options)),
  factory('apiKey', auth.apiKey, { keys: auth.apiKeys() }),
  factory('apiKeys', auth.apiKeys),
  factory('apiKeyAdmin', options => auth.apiKeyAdmin(auth.apiKeys(), options), {
    path: '/keys',
    authorize: allow,
  }),
  factory('keyValueKeys', auth.keyValueKeys, { store: noStore }),
  factory('memoryKeys', auth.memoryKeys),
  factory('basic', auth.basic, { verify: () => undefined }),
  factory('passwordHasher', auth.passwordHasher),
  factory('passwordUsers', auth.passwordUsers, { find: () => undefined }),

  factory('check', health.check, { name: 'one', run: allow }),
  factory('eventLoop', health.eventLoop),
  factory('memory', health.memory),
  factory('disk', health.disk, { path: '/tmp' }),
  factory('tcp', health.tcp, { host: 'localhost', port: 1 }),
  factory('http', health.http, {
    url: 'http://localhost/',
  }),
  factory('redis', options => health.redis(redisClient, options)),
  factory('sql', options => health.sql(allow as never, options)),
  factory(
    'gracefulShutdown',
    options => health.gracefulShutdown(createServer(), options),
    // No listeners on this process, which is the test's.
    { signals: [] },
  ),
  factory('health', health.health),

  factory('metrics', metrics.metrics),
  factory('metrics.counter', options => metrics.metrics().counter(options), {
    name: 'a_total',
    help: 'a',
  }),
  factory('metrics.gauge', options => metrics.metrics().gauge(options), {
    name: 'b',
    help: 'b',
  }),
  factory('metrics.histogram', options => metrics.metrics().histogram(options), {
    name: 'c',
    help: 'c',
  }),
  factory('metricsEndpoint', options => metrics.metricsEndpoint(metrics.metrics(), options), {
    authorize: allow,
  }),
  factory('accessLog', metrics.accessLog),
  factory('traceContext', metrics.traceContext),
  factory('toHono', options => toHono(core.pipeline(), options)),
  factory('toFetch', options => toFetch(core.pipeline(), () => new Response(), options)),

  nested('securityHeaders', 'hsts', hsts => core.securityHeaders({ hsts })),
  nested('guardRedis', 'breaker', breaker => coreRedis.guardRedis(redisClient, { breaker })),
  nested('redisStore', 'breaker', breaker =>
    ratelimit.redisStore(redisClient, { namespace: 'test', breaker }),
  ),
  nested('rateLimit', 'policies[0]', policy => ratelimit.rateLimit({ policies: [policy] }), quota),
  nested('createLimiter', 'policies[0]', policy => ratelimit.createLimiter({ policies: [policy] }), quota),
  nested('rateLimit', 'headers', headers => ratelimit.rateLimit({ ...quota, headers } as never)),
  nested('concurrencyLimit', 'queue', queue => ratelimit.concurrencyLimit({ limit: 5, queue }), {
    size: 5,
    timeout: '1s',
  }),
  nested('failban', 'jails[0]', jail => failban.failban({ jails: [jail] }), {
    name: 'one',
    threshold: 5,
    window: '1m',
    ban: '1h',
  }),
  nested('failban', 'escalate', escalate => failban.failban({ escalate })),
  nested('permissions', 'grants[0]', grant => guards.permissions({ resource: 'orders', grants: [grant] }), {
    resource: 'orders',
  }),
  nested('compileGrants', 'grants[0]', grant => guards.compileGrants([grant]), { resource: 'orders' }),
  nested(
    'authenticate',
    'rules[0]',
    rule => auth.authenticate({ strategies: [auth.basic({ verify: () => undefined })], rules: [rule] }),
    { path: '/api/**' },
  ),
  nested(
    'authenticate',
    'login',
    login => auth.authenticate({ strategies: [auth.basic({ verify: () => undefined })], login } as never),
    { path: '/login' },
  ),
  nested('jwt', 'issuers[0]', one => auth.jwt({ issuers: [one] }), {
    issuer: 'shop',
    audience: 'shop',
    secret: SECRET,
    algorithms: ['HS256'],
  }),
  nested('jwt', 'cache', cache =>
    auth.jwt({ issuer: 'shop', audience: 'shop', secret: SECRET, algorithms: ['HS256'], cache }),
  ),
  nested('basic', 'cache', cache => auth.basic({ verify: () => undefined, cache })),
  nested('basic', 'lockout', lockout => auth.basic({ verify: () => undefined, lockout })),
  nested('health', 'paths', paths => health.health({ paths })),
  nested('metrics', 'labels', labels => metrics.metrics({ labels })),
  nested(
    'gracefulShutdown',
    'handlers[0]',
    handler => health.gracefulShutdown(createServer(), { signals: [], handlers: [handler] }),
    { name: 'one', run: allow },
  ),
]

/**
 * An argument that stands in front of the options, or alone: whose it is, what it is called in
 * errors, and who takes it.
 */
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

/**
 * What the packages export that builds something and takes no object of options, or only calls with
 * a request at hand.
 */
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
