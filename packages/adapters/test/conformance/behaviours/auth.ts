/**
 * Authentication, end to end: who gets in, and the same challenge in the same lines on every host.
 */

import { createHmac } from 'node:crypto'
import {
  type AuthenticateOptions,
  apiKey,
  apiKeyAdmin,
  apiKeys,
  authenticate,
  basic,
  clearFailures,
  jwt,
  passwordHasher,
  passwordUsers,
} from '@palisade/auth'
import { type Middleware, Reply, RequestError, requestId } from '@palisade/core'
import { createLimiter } from '@palisade/ratelimit'
import { json, text } from '../answers.js'
import { type App, type Behaviour, get, post } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'
import { refusal, same, still } from '../refusal.js'

const SECRET = 'a secret of thirty-two characters'
/** Seconds since 1970: so far away that the tests need no clock. */
const FAR = 32_503_680_000
const LONG_AGO = 946_684_800

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(claims: object = {}, header: object = { alg: 'HS256' }): string {
  const signed = `${encode(header)}.${encode({ iss: 'shop', aud: 'orders', sub: 'ada', exp: FAR, ...claims })}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

const bearer = (value: string): ClientRequest => ({ headers: { Authorization: `Bearer ${value}` } })
const login = (pair: string): ClientRequest => ({
  headers: { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
})

const tokens = () => jwt({ issuer: 'shop', audience: 'orders', secret: SECRET, algorithms: ['HS256'] })
const passwords = () =>
  basic({
    verify: (name, password) => (name === 'ada' && password === 'pä:ss' ? { subject: 'ada' } : undefined),
  })
const unreadable = passwordUsers({
  hasher: passwordHasher({ cost: 10 }),
  find: () => ({ subject: 'ada', passwordHash: 'plain' }),
})
const all = () => [tokens(), passwords(), apiKey({ keys: apiKeys() })]

type Edge = NonNullable<Behaviour['edge']>
const behind =
  (options: () => AuthenticateOptions): Edge =>
  probe =>
    probe.pipeline(still()).use(requestId()).use(probe.middleware('a')).use(authenticate(options()))

const app: App = {
  routes: [
    get('/', view => json({ who: (view.state() as { identity?: { subject: string } }).identity?.subject })),
  ],
}

const BEARER = 'Bearer realm="api"'
const BASIC = 'Basic realm="api", charset="UTF-8"'
const KEY = 'ApiKey realm="api"'
const MALFORMED = `${BEARER}, error="invalid_request", error_description="Malformed credentials"`
const INVALID = `${BEARER}, error="invalid_token", error_description="The access token is invalid"`
const EXPIRED = `${BEARER}, error="invalid_token", error_description="The access token expired"`

/**
 * One line each; where the answer is a `Response`, its `Headers` join the lines, which means the
 * same (RFC 9110 section 5.3).
 */
const challenges = (...lines: readonly string[]) =>
  new RegExp(`^${lines.map(line => line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(?:\n|, ?)')}$`)

/** One row of the table: what is sent, and what comes back. */
const row = (
  what: string,
  when: ClientRequest,
  status: number,
  lines: readonly string[],
  body: string,
): Behaviour => ({
  title: `given every strategy when there is ${what} then it is ${status} with the challenges of the table`,
  edge: behind(() => ({ strategies: all() })),
  app,
  when: same(when),
  gets: {
    status,
    headers: {
      'WWW-Authenticate': challenges(...lines),
      'Content-Type': 'application/json; charset=utf-8',
      'X-Request-ID': 'same',
    },
    body,
  },
  trace: ['a>', '<a'],
  outcomes: [{ status, aborted: false }],
})

const ABSENT = refusal('UNAUTHORIZED', 'Authentication is required')
const REFUSED = refusal('UNAUTHORIZED', 'The credentials are not valid')
const MALFORMED_BODY = refusal('BAD_REQUEST', 'The credentials are malformed')

const table: readonly Behaviour[] = [
  row('no credential', {}, 401, [BEARER, BASIC, KEY], ABSENT),
  row('an empty Authorization', { headers: { Authorization: '' } }, 401, [BEARER, BASIC, KEY], ABSENT),
  row('a malformed bearer', { headers: { Authorization: 'Bearer a b' } }, 400, [MALFORMED], MALFORMED_BODY),
  row(
    'a bearer in two lines',
    { headers: { Authorization: [`Bearer ${token()}`, `Bearer ${token()}`] } },
    400,
    [MALFORMED],
    MALFORMED_BODY,
  ),
  row(
    'a bearer and a password in two lines',
    { headers: { Authorization: [`Bearer ${token()}`, 'Basic YWRhOng='] } },
    400,
    [MALFORMED],
    MALFORMED_BODY,
  ),
  row(
    'a password and a bearer in two lines',
    { headers: { Authorization: ['Basic YWRhOng=', `Bearer ${token()}`] } },
    401,
    [BASIC],
    REFUSED,
  ),
  row('an expired bearer', bearer(token({ exp: LONG_AGO })), 401, [EXPIRED], REFUSED),
  row('a bearer of another issuer', bearer(token({ iss: 'other' })), 401, [INVALID], REFUSED),
  row('a bearer for another audience', bearer(token({ aud: 'other' })), 401, [INVALID], REFUSED),
  row('an unsigned bearer', bearer(token({}, { alg: 'none' })), 401, [INVALID], REFUSED),
  row(
    'a bearer with a key of its own',
    bearer(token({}, { alg: 'HS256', jku: 'http://127.0.0.1:9/' })),
    401,
    [INVALID],
    REFUSED,
  ),
  row('a wrong password', login('ada:wrong'), 401, [BASIC], REFUSED),
  row('a malformed password', { headers: { Authorization: 'Basic ???' } }, 401, [BASIC], REFUSED),
  row('a wrong API key', { headers: { 'X-API-Key': 'pk_wrong' } }, 401, [KEY], REFUSED),
  row('an API key in two lines', { headers: { 'X-API-Key': ['a', 'b'] } }, 401, [KEY], REFUSED),
  row(
    'a bearer and an API key',
    { headers: { Authorization: `Bearer ${token()}`, 'X-API-Key': 'a' } },
    400,
    [MALFORMED, KEY],
    MALFORMED_BODY,
  ),
]

/** What a guard answers when a token lacks a scope; guards themselves are another package's. */
const needsScope: Middleware<{}, {}> = {
  name: 'needs-scope',
  onRequest: () => {
    throw new RequestError(403, 'A scope is missing', {
      headers: {
        'WWW-Authenticate':
          'Bearer realm="api", error="insufficient_scope", scope="orders:write orders:read"',
      },
    })
  },
}

/** Clears the failures of any client that asks for it. */
const helpDesk = (login: object): Middleware => ({
  name: 'help-desk',
  async onRequest(ctx) {
    if (ctx.path !== '/clear') return undefined
    await clearFailures(login, { client: ctx.client.ip ?? '' })
    return Reply.json(200, {})
  },
})

const rules: Edge = behind(() => ({
  strategies: all(),
  rules: [
    { path: '/**', use: ['jwt'] },
    { path: '/public/**', login: 'public' },
    { path: '/maybe', login: 'optional' },
  ],
}))
const open: App = {
  routes: [
    get('/public/x', text('open')),
    get('/private', text('closed')),
    get('/maybe', view =>
      json({ who: (view.state() as { identity?: { subject: string } }).identity?.subject ?? null }),
    ),
  ],
}

const ambiguous = (target: string): Behaviour => ({
  title: `given rules by path when the target is ${target} then it is refused before a rule is chosen`,
  edge: rules,
  app: open,
  when: same({ target, ...bearer(token()) }),
  gets: { status: 400, body: refusal('BAD_REQUEST', 'The path is ambiguous') },
  trace: ['a>', '<a'],
  needs: ['socket'],
})

const BROWSER = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'Sec-Fetch-Mode': 'navigate' }
/** A route with a reserved character beside one that takes anything; the first one is public. */
const reserved: Edge = behind(() => ({
  strategies: [tokens()],
  rules: [{ path: '/**' }, { path: '/users/@me', login: 'public' }],
}))
const users: App = { routes: [get('/users/@me', text('me')), get('/users/:id', text('user'))] }

const withLogin: Edge = behind(() => ({ strategies: all(), login: { path: '/auth/login' } }))

export const auth: readonly Behaviour[] = [
  ...table,
  {
    title: 'given every strategy when a credential is right then the handler knows who it is',
    edge: behind(() => ({ strategies: all() })),
    app,
    when: [bearer(token()), bearer(token()), login('ada:pä:ss')],
    gets: [
      { status: 200, headers: { 'WWW-Authenticate': null }, body: '{"who":"ada"}' },
      { status: 200, body: '{"who":"ada"}' },
      { status: 200, body: '{"who":"ada"}' },
    ],
    events: [
      ['auth:success', { strategy: 'jwt' }],
      ['auth:success', { strategy: 'jwt' }],
      ['auth:success', { strategy: 'basic' }],
    ],
  },
  {
    title: 'given authentication when it fails then the failures and what they weigh are told',
    edge: behind(() => ({ strategies: all() })),
    app,
    when: [{}, login('ada:wrong'), login('ada:wrong'), login('ada:other')],
    gets: [{ status: 401 }, { status: 401 }, { status: 401 }, { status: 401 }],
    events: [
      ['auth:failure', { strategy: undefined, reason: 'no credentials' }],
      ['auth:failure', { strategy: 'basic', reason: 'wrong password', subject: 'ada' }],
      ['security:violation', { source: 'auth', weight: 1 }],
      ['auth:failure', { strategy: 'basic' }],
      ['security:violation', { source: 'auth', weight: 0 }],
      ['auth:failure', { strategy: 'basic' }],
      ['security:violation', { source: 'auth', weight: 1 }],
    ],
  },
  {
    title:
      'given a throttle of 2 when a client goes on guessing then each guess is a 429 and a violation of its own, until it is cleared',
    edge: probe => {
      const login = authenticate({
        strategies: [passwords()],
        throttle: { basic: createLimiter({ limit: 2, window: '1h' }) },
      })
      return probe.pipeline().use(probe.middleware('a')).use(helpDesk(login)).use(login)
    },
    app,
    when: [
      login('ada:1'),
      login('ada:2'),
      login('ada:3'),
      login('ada:3'),
      login('ada:pä:ss'),
      { target: '/clear' },
      login('ada:pä:ss'),
    ],
    gets: [
      { status: 401 },
      { status: 401 },
      { status: 429, headers: { 'Retry-After': /^\d+$/, 'WWW-Authenticate': null } },
      { status: 429 },
      { status: 429 },
      { status: 200 },
      { status: 200, body: '{"who":"ada"}' },
    ],
    events: [
      ['auth:failure', { reason: 'wrong password' }],
      ['security:violation', { source: 'auth', weight: 1 }],
      ['auth:failure', { reason: 'wrong password' }],
      ['security:violation', { source: 'auth', weight: 1 }],
      ['auth:failure', { reason: 'throttled' }],
      ['security:violation', { source: 'auth-throttled', weight: 1 }],
      ['auth:failure', { reason: 'throttled' }],
      ['security:violation', { source: 'auth-throttled', weight: 0 }],
      ['auth:failure', { reason: 'throttled' }],
      ['security:violation', { source: 'auth-throttled', weight: 1 }],
      ['auth:success', { strategy: 'basic' }],
    ],
    needs: ['socket'],
  },
  {
    title: 'given a guard behind a bearer when a scope is missing then it is 403 and names the scopes',
    edge: probe => behind(() => ({ strategies: [tokens()] }))(probe).use(needsScope),
    app,
    when: bearer(token()),
    gets: {
      status: 403,
      headers: {
        'WWW-Authenticate': [`${BEARER}, error="insufficient_scope", scope="orders:write orders:read"`],
      },
    },
  },
  {
    title: 'given users that cannot be looked up when one logs in then it is 503 and nothing of it is told',
    edge: behind(() => ({
      strategies: [basic({ verify: () => Promise.reject(new Error('db-host down')) })],
    })),
    app,
    when: login('ada:x'),
    gets: {
      status: 503,
      headers: { 'WWW-Authenticate': null },
      body: /"code":"SERVICE_UNAVAILABLE","message":"[^"]*at the moment"/,
    },
    logs: [/authentication is not available/],
  },
  {
    title:
      'given a user whose stored hash cannot be read when one logs in then it is 503 and nothing of it is told',
    edge: behind(() => ({ strategies: [basic({ verify: unreadable.verify })] })),
    app,
    when: same(login('ada:plain')),
    gets: {
      status: 503,
      headers: { 'WWW-Authenticate': null },
      body: refusal('SERVICE_UNAVAILABLE', 'Authentication is not available at the moment'),
    },
    logs: [/authentication is not available/],
  },
  {
    title: 'given API keys in Authorization when none is there then the scheme that is read is asked for',
    edge: behind(() => ({ strategies: [apiKey({ keys: apiKeys(), header: 'authorization' })] })),
    app,
    when: {},
    gets: { status: 401, headers: { 'WWW-Authenticate': [BEARER] } },
  },
  {
    title: 'given rules by path when paths are asked for then each has its own',
    edge: rules,
    app: open,
    when: [
      { target: '/public/x' },
      { target: '/public/x', ...bearer('a.b.c') },
      { target: '/private' },
      { target: '/private', ...bearer(token()) },
      { target: '/PRIVATE' },
      { target: '/private/' },
      { target: '/maybe' },
      { target: '/maybe', ...bearer(token()) },
      { target: '/maybe', ...bearer('a.b.c') },
      { target: '/nowhere' },
    ],
    gets: [
      { status: 200, body: 'open' },
      { status: 200, body: 'open' },
      { status: 401, headers: { 'WWW-Authenticate': [BEARER] } },
      { status: 200, body: 'closed' },
      { status: 401 },
      { status: 401 },
      { status: 200, body: '{"who":null}' },
      { status: 200, body: '{"who":"ada"}' },
      { status: 401, headers: { 'WWW-Authenticate': [INVALID] } },
      { status: 401 },
    ],
  },
  ...[
    '/public/../private',
    '/public/%2e%2e/private',
    '/public%2fx',
    '/public/%5cx',
    '//private',
    '/public//x',
    '/public/%00',
    '/%70rivate',
    '/public/%ff',
  ].map(ambiguous),
  {
    title:
      'given a rule with a reserved character when its escape is asked for then rule and router both take it for another path',
    edge: reserved,
    app: users,
    when: [
      { target: '/users/@me' },
      { target: '/users/%40me' },
      { target: '/users/%40me', ...bearer(token()) },
      { target: '/users/ada%40example.com', ...bearer(token()) },
      { target: '/users/report%281%29.pdf', ...bearer(token()) },
    ],
    gets: [
      { status: 200, body: 'me' },
      { status: 401 },
      { status: 200, body: 'user' },
      { status: 200, body: 'user' },
      { status: 200, body: 'user' },
    ],
  },
  {
    title: 'given a login page when a browser has no session then it is sent there, and programs are not',
    edge: withLogin,
    app,
    when: [
      { target: '/?page=2', headers: BROWSER },
      { headers: { ...BROWSER, 'Sec-Fetch-Mode': 'cors' } },
      { headers: { Accept: 'application/json' } },
      { method: 'HEAD', headers: BROWSER },
    ],
    gets: [
      {
        status: 303,
        headers: {
          Location: '/auth/login?returnTo=%2F%3Fpage%3D2',
          Vary: 'Accept',
          'Cache-Control': 'no-store',
        },
        body: '',
      },
      { status: 401, headers: { Vary: 'Accept', 'WWW-Authenticate': challenges(BEARER, BASIC, KEY) } },
      { status: 401, headers: { Vary: 'Accept' } },
      { status: 303, headers: { Location: '/auth/login' } },
    ],
  },
  {
    title: 'given an API for keys when it is used then keys are made, used, and taken back',
    edge: probe => {
      const keys = apiKeys()
      return probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(apiKeyAdmin(keys, { path: '/api-keys', authorize: ctx => ctx.header('x-admin') === 'yes' }))
        .use(authenticate({ strategies: [apiKey({ keys })] }))
    },
    app: { routes: [...(app.routes ?? []), post('/api-keys', text('never'))] },
    when: async client => {
      const json = { 'X-Admin': 'yes', 'Content-Type': 'application/json' }
      const body = JSON.stringify({ name: 'Mobile app', owner: 'u42' })
      const closed = await client.send({
        method: 'POST',
        target: '/api-keys',
        headers: { 'Content-Type': 'application/json' },
        body,
      })
      const made = await client.send({ method: 'POST', target: '/api-keys', headers: json, body })
      const { key, id } = (JSON.parse(made.body) as { data: { key: string; id: string } }).data
      const used = await client.send({ headers: { 'X-API-Key': key } })
      const wrong = await client.send({
        method: 'POST',
        target: '/api-keys',
        headers: json,
        body: '{"name":1,"admin":true}',
      })
      const method = await client.send({ method: 'PUT', target: '/api-keys', headers: json, body })
      const form = await client.send({
        method: 'POST',
        target: '/api-keys',
        headers: { 'X-Admin': 'yes', 'Content-Type': 'text/plain' },
        body,
      })
      const revoked = await client.send({
        method: 'DELETE',
        target: `/api-keys/${id}`,
        headers: { 'X-Admin': 'yes' },
      })
      const after = await client.send({ headers: { 'X-API-Key': key } })
      const misspelt = await client.send({ target: '/api-keys/nobody', headers: { 'X-Admin': 'yes' } })
      const absent = await client.send({
        target: `/api-keys/${'0'.repeat(16)}`,
        headers: { 'X-Admin': 'yes' },
      })
      return [closed, made, used, wrong, method, form, revoked, after, misspelt, absent]
    },
    gets: [
      { status: 403, headers: { 'Cache-Control': 'no-store' } },
      {
        status: 201,
        headers: { 'Cache-Control': 'no-store', Location: /^\/api-keys\/\w{16}$/ },
        body: /"key":"pk_/,
      },
      { status: 200, body: '{"who":"u42"}' },
      { status: 422, body: /"fields":\[\{"field":"admin".*\{"field":"name".*\{"field":"owner"/ },
      { status: 405, headers: { Allow: 'GET, HEAD, POST' } },
      { status: 415 },
      { status: 200, body: /"revoked":true/ },
      { status: 401, headers: { 'WWW-Authenticate': [KEY] } },
      { status: 422, body: /"code":"VALIDATION_ERROR".*"fields":\[\{"field":"id"/ },
      { status: 404, body: /"code":"NOT_FOUND"/ },
    ],
  },
  {
    title:
      'given an administrator whose browser sends the password on its own when a page of another site posts a rotation then it is 403 and the key stays',
    edge(probe) {
      const keys = apiKeys()
      return probe
        .pipeline()
        .use(requestId())
        .use(authenticate({ strategies: [passwords()] }))
        .use(apiKeyAdmin(keys, { path: '/api-keys', authorize: () => true }))
    },
    when: async client => {
      const { headers } = login('ada:pä:ss')
      const send = (target: string, site: string) =>
        client.send({ method: 'POST', target, headers: { ...headers, 'Sec-Fetch-Site': site } })
      const made = await client.send({
        method: 'POST',
        target: '/api-keys',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: 'Mobile app', owner: 'u42' }),
      })
      const { id } = (JSON.parse(made.body) as { data: { id: string } }).data
      const rotation = `/api-keys/${id}/rotate`
      const riding = await send(rotation, 'cross-site')
      const read = await client.send({ target: `/api-keys/${id}`, headers: headers ?? {} })
      const own = await send(rotation, 'same-origin')
      return [made, riding, read, own]
    },
    gets: [
      { status: 201 },
      { status: 403, headers: { 'Cache-Control': 'no-store' }, body: /"code":"FORBIDDEN"/ },
      { status: 200, body: /"createdAt":(\d+),"updatedAt":\1[,}]/ },
      { status: 200, body: /"key":"pk_/ },
    ],
  },
]
