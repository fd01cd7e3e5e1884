/**
 * One form for the decisions of all packages, the same on every host, enforced and in shadow mode.
 */
import { authenticate, basic } from '@palisade/auth'
import { type Identity, type Pipeline, provideIdentity, Reply, RequestError, requestId } from '@palisade/core'
import { adminApi } from '@palisade/core/admin'
import { failban, ipFilter } from '@palisade/failban'
import { guard, requireIdentity, requireScopes, scopeTo } from '@palisade/guards'
import { concurrencyLimit, rateLimit } from '@palisade/ratelimit'
import { expect } from 'vitest'
import { type Behaviour, type ExpectedEvent, get } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'
import { same } from '../refusal.js'

type Mode = 'enforce' | 'shadow'
type Facts = Readonly<Record<string, unknown>>

const ada: Identity = {
  subject: 'ada',
  tenant: 'acme',
  session: 's-1',
  method: 'session',
  scopes: new Set(['orders:read']),
  roles: new Set(),
  claims: {},
}
const isAda = { subject: 'ada', tenant: 'acme', session: 's-1' }

const ip = '127.0.0.1'
const facts = {
  requestId: 'same',
  method: 'GET',
  path: '/',
  ip,
  key: ip,
  subject: undefined,
  tenant: undefined,
  session: undefined,
  // Few hosts know it in front of the handler.
  route: expect.toBeOneOf([undefined, '/']),
}

/** The whole event of a refusal. */
const refused = (by: string | undefined, rule: string | undefined, more: Facts): ExpectedEvent => [
  'decision:refused',
  { ...facts, by, rule, decision: 'refuse', enforced: true, status: 403, code: 'FORBIDDEN', ...more },
  'whole',
]

/** The whole event of a decision that lets a request pass. */
const allowed = (by: string, rule: string | undefined, more: Facts = {}): ExpectedEvent => {
  const nothing = { status: undefined, code: undefined, reason: undefined }
  return [
    'decision:allowed',
    { ...facts, by, rule, decision: 'allow', enforced: true, ...nothing, ...more },
    'whole',
  ]
}

interface Case {
  readonly name: string
  readonly edge: (edge: Pipeline<{ requestId: string }>, mode: Mode) => Pipeline<object>
  readonly when?: ClientRequest | readonly ClientRequest[]
  /** What is answered in enforce mode. */
  readonly statuses: readonly number[]
  readonly events: (mode: { readonly enforced: boolean }) => readonly ExpectedEvent[]
}

const login = (word: string): ClientRequest => ({
  headers: { Authorization: `Basic ${Buffer.from(`ada:${word}`).toString('base64')}` },
})
const passwords = () => basic({ verify: (_, word) => (word === 'right' ? { subject: 'ada' } : undefined) })
const limited = { status: 429, code: 'RATE_LIMITED' }
const unauthorized = { status: 401, code: 'UNAUTHORIZED' }

/** What has a shadow mode: there all requests are answered with 200. */
const protections: readonly Case[] = [
  {
    name: 'a rate limit',
    edge: (edge, mode) => edge.use(rateLimit({ name: 'minute', limit: 1, window: '1m', mode })),
    when: [{}, {}],
    statuses: [200, 429],
    events: mode => [
      allowed('rate-limit', 'minute'),
      refused('rate-limit', 'minute', { ...limited, reason: 'over "minute"', ...mode }),
    ],
  },
  {
    name: 'a rate limit by a key that is a secret',
    edge: (edge, mode) =>
      edge.use(rateLimit({ limit: 0, window: '1m', key: ctx => ctx.header('authorization'), mode })),
    when: login('right'),
    statuses: [429],
    events: mode => [refused('rate-limit', 'default', { ...limited, reason: 'over "default"', ...mode })],
  },
  {
    name: 'a limit of requests at the same time',
    edge: (edge, mode) => edge.use(concurrencyLimit({ limit: 0, mode })),
    statuses: [429],
    events: mode => [
      refused('concurrency-limit', 'concurrency', { ...limited, reason: 'over "concurrency"', ...mode }),
    ],
  },
  {
    name: 'a deny list of failban',
    edge: (edge, mode) => edge.use(failban({ deny: [ip], allowOwnAddresses: false, mode })),
    statuses: [403],
    events: mode => [refused('failban', 'deny', { reason: 'on the deny list', ...mode })],
  },
  {
    name: 'a filter of addresses',
    edge: (edge, mode) => edge.use(ipFilter({ allow: ['192.0.2.0/24'], mode })),
    statuses: [403],
    events: mode => [refused('ip-filter', 'allow', { reason: 'not on the allow list', ...mode })],
  },
  {
    name: 'a login',
    edge: (edge, mode) => edge.use(authenticate({ strategies: [passwords()], mode })),
    when: [{}, login('wrong'), login('right')],
    statuses: [401, 401, 200],
    events: mode => [
      refused('authenticate', undefined, { ...unauthorized, reason: 'no credentials', ...mode }),
      refused('authenticate', 'basic', { ...unauthorized, reason: expect.any(String), ...mode }),
      allowed('authenticate', 'basic', { subject: 'ada' }),
    ],
  },
  {
    name: 'a guard',
    edge: (edge, mode) =>
      edge
        .use(provideIdentity(() => ada))
        .use(guard(requireScopes('orders:read'), { name: 'readers', mode }))
        .use(guard(requireScopes('orders:write'), { name: 'writers', mode })),
    statuses: [403],
    events: mode => [
      allowed('guard', 'readers', isAda),
      refused('guard', 'writers', { ...isAda, reason: 'the scopes lack all of: orders:write', ...mode }),
    ],
  },
]

/** What has no shadow mode. */
const always: readonly Case[] = [
  {
    name: 'a list that lets pass',
    edge: edge =>
      edge
        .use(failban())
        .use(ipFilter({ allow: [ip] }))
        .use(concurrencyLimit({ limit: 9 })),
    statuses: [200],
    events: () => [
      allowed('failban', undefined),
      allowed('ip-filter', undefined),
      allowed('concurrency-limit', 'concurrency'),
    ],
  },
  {
    name: 'requireIdentity()',
    edge: edge =>
      edge
        .use(provideIdentity(ctx => (ctx.header('x-ada') === 'yes' ? ada : undefined)))
        .use(requireIdentity()),
    when: [{}, { headers: { 'X-Ada': 'yes' } }],
    statuses: [401, 200],
    events: () => [
      refused('requireIdentity', undefined, { ...unauthorized, reason: 'no identity' }),
      allowed('requireIdentity', undefined, isAda),
    ],
  },
  {
    name: 'scopeTo()',
    edge: edge =>
      edge
        .use(provideIdentity(() => ada))
        .use(scopeTo(ctx => ({ tenant: ctx.state.identity.tenant })))
        .use(scopeTo(ctx => ({ owner: ctx.state.identity.claims['owner'] as undefined }), { as: 'owned' })),
    statuses: [403],
    events: () => [
      allowed('scopeTo', 'filter', isAda),
      refused('scopeTo', 'owned', { ...isAda, reason: 'the caller lacks what rows are filtered by' }),
    ],
  },
  {
    name: 'an admin API',
    edge: edge =>
      edge.use(
        adminApi(
          'notes',
          { path: '/admin', authorize: ctx => ctx.header('x-admin') === 'yes' },
          { '/': { GET: () => Reply.json(200, []), POST: () => new Reply(200) } },
        ),
      ),
    when: [
      { target: '/admin' },
      { target: '/admin', headers: { 'X-Admin': 'yes' } },
      { method: 'POST', target: '/admin', headers: { 'X-Admin': 'yes', 'Sec-Fetch-Site': 'cross-site' } },
    ],
    statuses: [403, 200, 403],
    events: () => {
      const at = { path: '/admin', route: '/admin' }
      return [
        refused('notes', 'authorize', { ...at, reason: undefined }),
        allowed('notes', undefined, at),
        refused('notes', 'cross-site', { ...at, method: 'POST', reason: expect.any(String) }),
      ]
    },
  },
]

function row(title: Behaviour['title'], one: Case, mode: Mode): Behaviour {
  const statuses = mode === 'shadow' ? one.statuses.map(() => 200) : one.statuses
  return {
    title,
    edge: probe => one.edge(probe.pipeline().use(requestId()), mode),
    when: [one.when ?? {}].flat().map(request => same(request)),
    gets: statuses.map(status => ({ status })),
    events: one.events({ enforced: mode === 'enforce' }),
  }
}

export const decisions: readonly Behaviour[] = [
  ...protections.flatMap(one => [
    row(`given ${one.name} when it decides then each decision is one event`, one, 'enforce'),
    row(`given ${one.name} when it decides in shadow mode then the event says so`, one, 'shadow'),
  ]),
  ...always.map(one =>
    row(`given ${one.name} when it decides then each decision is one event`, one, 'enforce'),
  ),
  {
    title: 'given a handler that refuses when a request comes then the event names no middleware',
    edge: probe => probe.pipeline().use(requestId()),
    app: {
      errorHandler: true,
      routes: [
        get('/', () => {
          throw new RequestError(409, 'Taken', { reason: 'two of them' })
        }),
      ],
    },
    when: same(),
    gets: { status: 409 },
    events: [refused(undefined, undefined, { status: 409, code: 'CONFLICT', reason: 'two of them' })],
    needs: ['error-handler'],
  },
]
