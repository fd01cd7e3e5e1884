import { toFetch } from '@palisade/adapters/fetch'
import { toHono } from '@palisade/adapters/hono'
import { apiKey, apiKeys, authenticate, basic, jwt, passwordHasher, passwordUsers } from '@palisade/auth'
import { cors, pipeline, provideIdentity, requestId, securityHeaders, trustedProxies } from '@palisade/core'
import { failban } from '@palisade/failban'
import { guard, requireScopes } from '@palisade/guards'
import { check, health, http, lifecycle } from '@palisade/health'
import { accessLog, metrics, traceContext } from '@palisade/metrics'
import { concurrencyLimit, createLimiter, rateLimit } from '@palisade/ratelimit'
import { Hono } from 'hono'
import { elsewhere } from './elsewhere.mjs'

// Everything is built while this module loads, as an application on an edge platform does it.
const UPSTREAM = '__UPSTREAM__'
const SECRET = 'k'.repeat(64)
const trust = trustedProxies(['127.0.0.0/8'])
const edge = () => pipeline({ trust })
const peer = () => '127.0.0.1'
const hello = () => new Response('hello')

const keys = apiKeys({ limiter: rate => createLimiter(rate) })
const hasher = passwordHasher({ cost: 10 })
let hash
const users = passwordUsers({
  hasher,
  find: async name => {
    hash ??= hasher.hash('open sesame')
    return name === 'ada' ? { subject: 'ada', passwordHash: await hash } : undefined
  },
})
const known = scopes =>
  provideIdentity(() => ({
    subject: 'ada',
    method: 'session',
    scopes: new Set(scopes),
    roles: new Set(),
    claims: {},
  }))
const sole = strategy => edge().use(authenticate({ strategies: [strategy] }))
const serve = (mounted, handler = hello) => toFetch(mounted, handler, { peer })

const limited = new Hono()
limited.use(toHono(edge().use(rateLimit({ limit: 2, window: '1m' })), { peer }))
limited.get('*', c => c.text('hello'))

const routes = {
  limit: serve(edge().use(rateLimit({ limit: 2, window: '1m' }))),
  hono: request => limited.fetch(request),
  queue: serve(edge().use(concurrencyLimit({ limit: 1 }))),
  ban: serve(edge().use(failban({ maxViolations: 1, probePaths: ['/ban/.env'] })), request =>
    request.url.endsWith('/.env') ? new Response('no', { status: 404 }) : hello(),
  ),
  jwt: serve(sole(jwt({ issuer: 'shop', audience: 'shop', secret: SECRET, algorithms: ['HS256'] }))),
  jwks: serve(
    sole(jwt({ issuer: 'shop', audience: 'shop', jwksUri: `${UPSTREAM}/jwks`, algorithms: ['ES256'] })),
  ),
  key: serve(sole(apiKey({ keys }))),
  'new-key': async () => {
    const { key } = await keys.create({ name: 'one', owner: 'ada', rateLimit: { limit: 2, window: '1m' } })
    return new Response(key)
  },
  basic: serve(sole(basic({ verify: users.verify }))),
  allowed: serve(
    edge()
      .use(known(['orders:read']))
      .use(guard(requireScopes('orders:read'))),
  ),
  forbidden: serve(
    edge()
      .use(known([]))
      .use(guard(requireScopes('orders:read'))),
  ),
  numbers: serve(edge().use(metrics({ access: 'public', path: '/numbers/metrics' }))),
  health: serve(
    edge().use(
      health({
        lifecycle: lifecycle(),
        authorize: () => true,
        checks: [check({ name: 'own', run: () => true }), http({ name: 'upstream', url: `${UPSTREAM}/` })],
      }),
    ),
  ),
  headers: serve(
    edge()
      .use(requestId())
      .use(traceContext())
      .use(accessLog({ logger: { debug() {}, info() {}, warn() {}, error() {} } }))
      .use(securityHeaders())
      .use(cors({ origin: ['https://app.example.com'] })),
  ),
  elsewhere: () => Response.json(elsewhere),
  proxied: serve(
    edge()
      .use(requestId())
      .use(metrics({ path: false })),
    () => fetch(`${UPSTREAM}/`),
  ),
}

export const answer = request => routes[new URL(request.url).pathname.split('/')[1]](request)

export default { fetch: request => answer(request) }
