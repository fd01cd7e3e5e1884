/**
 * Whole bodies, byte for byte: what each refusal and each admin answer says is the same on every
 * host, and a changed letter is seen.
 */
import { apiKey, apiKeyAdmin, apiKeys, authenticate, basic, type NewApiKey } from '@palisade/auth'
import { type Pipeline, requestId, trustedProxies } from '@palisade/core'
import { fakeClock } from '@palisade/core/testing'
import { banAdmin, type FailbanOptions, failban, ipFilter, memoryBans } from '@palisade/failban'
import { check, type HealthOptions, health, lifecycle } from '@palisade/health'
import { byRoute, concurrencyLimit, createLimiter, rateLimit, redisStore } from '@palisade/ratelimit'
import type { Behaviour } from '../behaviour.js'
import type { Answered, ClientRequest } from '../client/client.js'
import type { Probe } from '../probe.js'
import { invalid, refusal, same, still } from '../refusal.js'

type Said = readonly [status: number, body: string]

const CLIENT = '203.0.113.9'
const JSON_TYPE = { 'Content-Type': 'application/json' }

const from = (request: ClientRequest = {}, ip = CLIENT) =>
  same({ ...request, headers: { 'X-Forwarded-For': ip, ...request.headers } })

const edgeOf = (probe: Probe) =>
  probe
    .pipeline({ ...still(), trust: trustedProxies(['loopback']) })
    .use(requestId())
    .use(probe.middleware('a'))

/** What stands in front of `GET /`, the requests, and what is said to each. */
const says = (
  title: Behaviour['title'],
  behind: (edge: ReturnType<typeof edgeOf>) => Pipeline<object>,
  when: Behaviour['when'],
  said: readonly Said[],
  more: Partial<Behaviour> = {},
): Behaviour => ({
  title,
  edge: probe => behind(edgeOf(probe)),
  when,
  gets: said.map(([status, body]) => ({ status, body })),
  ...more,
})

const keyless = () => undefined
const withKey = (more: Partial<NewApiKey>): Pick<Behaviour, 'edge' | 'when'> => {
  const clock = fakeClock()
  let keys = apiKeys({ clock })
  return {
    edge: probe => {
      keys = apiKeys({ clock, limiter: rate => createLimiter({ ...rate, algorithm: 'fixed-window', clock }) })
      return edgeOf(probe).use(authenticate({ strategies: [apiKey({ keys })] }))
    },
    when: async client => {
      const { key } = await keys.create({ name: 'App', owner: 'u42', ...more })
      const ask = () => client.send(from({ headers: { 'X-API-Key': key } }))
      const first = await ask()
      return [first, await ask()]
    },
  }
}
const keySays = (
  title: Behaviour['title'],
  more: Partial<NewApiKey>,
  ...said: readonly Said[]
): Behaviour => ({
  title,
  ...withKey(more),
  gets: said.map(([status, body]) => ({ status, body })),
})

const guessing = () =>
  authenticate({
    strategies: [basic({ verify: () => undefined })],
    throttle: {
      basic: createLimiter({ algorithm: 'fixed-window', limit: 1, window: '1h', clock: fakeClock() }),
    },
  })
const guess = from({ headers: { Authorization: `Basic ${Buffer.from('ada:x').toString('base64')}` } })

const refusals: readonly Behaviour[] = [
  keySays(
    'given an API key for one network when it comes from another then the whole body is that of the table',
    { allowedCidrs: ['10.0.0.0/8'] },
    [403, refusal('FORBIDDEN', 'This key may not be used from this address')],
    [403, refusal('FORBIDDEN', 'This key may not be used from this address')],
  ),
  keySays(
    'given an API key for some hours when it comes in others then the whole body is that of the table',
    { windows: [{ from: '01:00', to: '02:00', zone: 'UTC' }] },
    [403, refusal('FORBIDDEN', 'This key may not be used at this time')],
    [403, refusal('FORBIDDEN', 'This key may not be used at this time')],
  ),
  keySays(
    'given an API key with a quota when it is spent then the whole body is that of the table',
    { quota: { limit: 1, window: '1h' } },
    [200, 'ok'],
    [429, refusal('RATE_LIMITED', 'This key has been used too often', '"retry_after":2800,')],
  ),
  keySays(
    'given an API key with a rate when it is exceeded then the whole body is that of the table',
    { rateLimit: { limit: 1, window: '1h' } },
    [200, 'ok'],
    [429, refusal('RATE_LIMITED', 'This key has been used too often', '"retry_after":3600,')],
  ),
  says(
    'given a throttle when a client goes on guessing then the whole body is that of the table',
    edge => edge.use(guessing()),
    [guess, guess],
    [
      [401, refusal('UNAUTHORIZED', 'The credentials are not valid')],
      [429, refusal('RATE_LIMITED', 'Too many attempts to authenticate', '"retry_after":3600,')],
    ],
  ),
  says(
    'given users that cannot be looked up when one logs in then the whole body is that of the table',
    edge =>
      edge.use(authenticate({ strategies: [basic({ verify: () => Promise.reject(new Error('down')) })] })),
    [guess],
    [[503, refusal('SERVICE_UNAVAILABLE', 'Authentication is not available at the moment')]],
    { logs: [/not available/] },
  ),
  says(
    'given rules when none matches a path, or nobody can say which, then the whole body is that of the table',
    edge =>
      edge.use(
        authenticate({ strategies: [basic({ verify: () => undefined })], rules: [{ path: '/api/**' }] }),
      ),
    [from(), from({ target: '/api%2fx' })],
    [
      [403, refusal('FORBIDDEN', 'Access denied')],
      [400, refusal('BAD_REQUEST', 'The path is ambiguous')],
    ],
  ),
  says(
    'given a list of addresses when another comes then the whole body is that of the table',
    edge => edge.use(ipFilter({ allow: ['10.0.0.0/8'] })),
    [from()],
    [[403, refusal('FORBIDDEN', 'Access denied')]],
  ),
  ...(
    [
      ['a while', {}, 3_600_000, [403, refusal('FORBIDDEN', 'Access denied', '"retry_after":3600,')]],
      ['ever', {}, 'permanent', [403, refusal('FORBIDDEN', 'Access denied')]],
      [
        'a while with its reason told',
        { explain: true },
        3_600_000,
        [
          403,
          refusal(
            'FORBIDDEN',
            'Access denied',
            '"details":{"reason":"spam","expires_at":1700003600000},"retry_after":3600,',
          ),
        ],
      ],
      [
        'ever with its reason told',
        { explain: true },
        'permanent',
        [403, refusal('FORBIDDEN', 'Access denied', '"details":{"reason":"spam","expires_at":null},')],
      ],
      [
        'a while and another status',
        { status: 429 },
        3_600_000,
        [429, refusal('RATE_LIMITED', 'Access denied', '"retry_after":3600,')],
      ],
    ] as const satisfies readonly (readonly [string, FailbanOptions, number | 'permanent', Said])[]
  ).map(([what, options, duration, said]): Behaviour => {
    let bans = failban(options)
    return {
      title: `given a ban for ${what} when its client comes then the whole body is that of the table`,
      edge: probe => {
        bans = failban(options)
        return edgeOf(probe).use(bans)
      },
      when: async client => {
        // Bans are known by keys and time from the first request on.
        await client.send(from({}, '198.51.100.7'))
        await bans.ban(CLIENT, { reason: 'spam', duration })
        return [await client.send(from())]
      },
      gets: { status: said[0], body: said[1] },
    }
  }),
  says(
    'given a rate limit when it is exceeded then the whole body is that of the table',
    edge => edge.use(rateLimit({ name: 'all', algorithm: 'fixed-window', limit: 1, window: '1h' })),
    [from(), from()],
    [
      [200, 'ok'],
      [
        429,
        refusal(
          'RATE_LIMITED',
          'Too many requests',
          '"details":{"policies":[{"name":"all","limit":1,"window":3600,"remaining":0,"retry_after":3600}]},"retry_after":3600,',
        ),
      ],
    ],
  ),
  says(
    'given limits by a key when a request has none then the whole body is that of the table',
    edge => edge.use(rateLimit({ limit: 1, window: '1h', key: keyless })),
    [from()],
    [[400, refusal('BAD_REQUEST', 'The request lacks what its rate limit is counted by')]],
  ),
  says(
    'given limits by route when nobody can say which it is then the whole body is that of the table',
    edge => edge.use(rateLimit({ limit: 1, window: '1h', key: byRoute() })),
    [from({ target: '/a%2fb' })],
    [[400, refusal('BAD_REQUEST', 'The path of the request is ambiguous')]],
  ),
  says(
    'given a rate limit that fails closed when its store is away then the whole body is that of the table',
    edge =>
      edge.use(
        rateLimit({
          algorithm: 'fixed-window',
          limit: 1,
          window: '1h',
          onStoreFailure: 'closed',
          store: redisStore(
            {
              send: () => Promise.reject(new Error('away')),
              subscribe: () => ({ ready: Promise.resolve(), close() {} }),
            },
            { namespace: 'bodies' },
          ),
        }),
      ),
    [from()],
    [[503, refusal('SERVICE_UNAVAILABLE', 'The service is temporarily unavailable')]],
    { logs: [/store of a rate limit failed/] },
  ),
  says(
    'given a limit of what is under way when there is more then the whole body is that of the table',
    edge => edge.use(concurrencyLimit({ limit: 0, name: 'slow' })),
    [from()],
    [
      [
        429,
        refusal(
          'RATE_LIMITED',
          'Too many requests at the same time',
          '"details":{"policies":[{"name":"slow","limit":0}]},"retry_after":1,',
        ),
      ],
    ],
  ),
  says(
    'given a limit of what is under way by a key when there is none then the whole body is that of the table',
    edge => edge.use(concurrencyLimit({ limit: 1, key: keyless })),
    [from()],
    [[400, refusal('BAD_REQUEST', 'The request lacks what its limit is counted by')]],
  ),
]

const NOW = 1_700_000_000_000
const ban = (ip: string, reason = 'banned by hand') =>
  `{"ip":"${ip}","jail":"manual","reason":"${reason}","violations":0,"banCount":1,"bannedAt":${NOW},"expiresAt":${NOW + 3_600_000},"permanent":false,"source":"manual","shadow":false}`
const data = (value: string, meta = '') => `{"success":true,"data":${value}${meta}}`

const bansAt = '/admin/security/bans'
const NETWORK = '203.0.113.0/24'
const ADDRESS = 'must be an address, or a network without host bits'

const post = (target: string, body: unknown, method = 'POST'): ClientRequest => ({
  method,
  target,
  headers: JSON_TYPE,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

const ADMIN = '198.51.100.7'
const banSays: readonly (readonly [ClientRequest, ...Said])[] = [
  [{ target: bansAt }, 200, data('[]', ',"meta":{"count":0,"total":0,"nextCursor":null}')],
  [{ target: `${bansAt}/${CLIENT}` }, 404, refusal('NOT_FOUND', 'There is no such ban')],
  [{ method: 'DELETE', target: `${bansAt}/${CLIENT}` }, 404, refusal('NOT_FOUND', 'There is no such ban')],
  [
    { method: 'DELETE', target: `${bansAt}?ip=${NETWORK}` },
    404,
    refusal('NOT_FOUND', 'There is no such ban'),
  ],
  [{ method: 'DELETE', target: bansAt }, 400, invalid(['ip', `is missing; ${ADDRESS}`])],
  [{ target: `${bansAt}/nobody` }, 400, invalid(['ip', ADDRESS])],
  [{ target: `${bansAt}?ip=nobody` }, 400, invalid(['ip', ADDRESS])],
  [
    { target: `${bansAt}?cursor=x` },
    400,
    invalid(['cursor', 'is no cursor of this server, or of before its restart; begin again without']),
  ],
  [
    { target: `${bansAt}?limits=5` },
    400,
    invalid(['limits', 'is not a known field (did you mean \\"limit\\"?)']),
  ],
  [{ target: `${bansAt}?limit=0` }, 400, invalid(['limit', 'must be a whole number from 1 to 500'])],
  [post(`${bansAt}?dryRun=1`, { ip: NETWORK }), 400, invalid(['dryRun', 'is not a known field'])],
  [post(bansAt, { ip: NETWORK, duration: '1h' }), 201, data(ban(NETWORK))],
  [post(bansAt, { ip: CLIENT, duration: '1h', reason: 'spam' }), 201, data(ban(CLIENT, 'spam'))],
  [
    post(bansAt, { ip: ADMIN }),
    409,
    refusal('CONFLICT', 'That is your own address; send \\"force\\": true to ban it'),
  ],
  [
    post(bansAt, { ip: '127.0.0.0/24' }),
    409,
    refusal('CONFLICT', 'A trusted proxy or this server is in there; send \\"force\\": true to ban the rest'),
  ],
  [
    post(bansAt, { ip: '192.0.0.0/23' }),
    409,
    refusal('CONFLICT', 'A network wider than /24 bans many; send \\"force\\": true to ban it'),
  ],
  [
    post(bansAt, { ip: '2001:db8::/47' }),
    409,
    refusal('CONFLICT', 'A network wider than /48 bans many; send \\"force\\": true to ban it'),
  ],
  [
    post(bansAt, { ip: '127.0.0.1', force: true }),
    409,
    refusal('CONFLICT', 'That address is allowed, so a ban of it would do nothing'),
  ],
  [post(bansAt, '{'), 400, refusal('BAD_REQUEST', 'The request body is not valid JSON')],
  [
    { ...post(bansAt, ''), headers: {} },
    415,
    refusal('UNSUPPORTED_MEDIA_TYPE', 'The request body must be application/json'),
  ],
  [{ method: 'PUT', target: bansAt }, 405, refusal('METHOD_NOT_ALLOWED', 'The method is not allowed here')],
  [{ target: '/admin/security' }, 404, refusal('NOT_FOUND', 'The requested resource was not found')],
  [{ target: bansAt, headers: { 'X-Stranger': 'yes' } }, 403, refusal('FORBIDDEN', 'Access denied')],
  [{ target: `${bansAt}/203.0.113.0%2F24` }, 200, data(ban(NETWORK))],
  [
    { target: `${bansAt}?ip=${NETWORK}` },
    200,
    data(`[${ban(NETWORK)}]`, ',"meta":{"count":1,"total":1,"nextCursor":null}'),
  ],
  [
    { target: bansAt },
    200,
    data(`[${ban(CLIENT, 'spam')},${ban(NETWORK)}]`, ',"meta":{"count":2,"total":2,"nextCursor":null}'),
  ],
  [
    { target: '/admin/security/stats' },
    200,
    data('{"activeBans":2,"byJail":{"manual":2},"violations":0,"refusals":0,"trackedKeys":0,"evictions":0}'),
  ],
  [
    { method: 'DELETE', target: `${bansAt}?ip=${NETWORK}` },
    200,
    data(`{"ip":"${NETWORK}","removed":["${NETWORK}"]}`),
  ],
  [
    { method: 'DELETE', target: `${bansAt}/${CLIENT}` },
    200,
    data(`{"ip":"${CLIENT}","removed":["${CLIENT}"]}`),
  ],
]

const stranger = (ctx: { header(name: string): string | undefined }) => ctx.header('x-stranger') === undefined

const ofBans: Behaviour = {
  title: 'given the admin API of bans when it is used, and misused, then every body is as it is written here',
  edge: probe => {
    const bans = failban()
    return edgeOf(probe)
      .use(bans)
      .use(banAdmin(bans, { path: '/admin/security', authorize: stranger }))
  },
  when: banSays.map(([request]) => from(request, ADMIN)),
  gets: banSays.map(([, status, body]) => ({ status, body })),
}

const full = () => Promise.reject(new Error('disk full'))
const ofLostBans: Behaviour = {
  title:
    'given a store of bans that fails when they are changed then the body says what holds, and nothing of the cause',
  edge: probe => {
    const bans = failban({ store: { ...memoryBans(), save: full, remove: full } })
    return edgeOf(probe)
      .use(bans)
      .use(banAdmin(bans, { path: '/admin/security', authorize: stranger }))
  },
  when: [
    from(post(bansAt, { ip: CLIENT }), ADMIN),
    from({ method: 'DELETE', target: `${bansAt}?ip=${CLIENT}` }, ADMIN),
  ],
  gets: [
    {
      status: 503,
      body: refusal('SERVICE_UNAVAILABLE', 'The ban is in force, but is lost at a restart'),
    },
    {
      status: 503,
      body: refusal('SERVICE_UNAVAILABLE', 'The ban is lifted, but may come back at a restart'),
    },
  ],
  logs: 'any',
}

const NO_KEY = '0'.repeat(16)
const info = (name: string, more = '') =>
  `{"name":"${name}","owner":"u42","scopes":[],"roles":[],"permissions":[],"id":"ID","createdAt":${NOW},"updatedAt":${NOW}${more}}`
const ABSENT = refusal('NOT_FOUND', 'There is no such API key')
const unknown = invalid(['dryRun', 'is not a known field'])

/** `ID` and `KEY` stand for what is made by chance. */
const keySteps: readonly (readonly [ClientRequest, ...Said])[] = [
  [{ target: '/api-keys' }, 200, data('[]', ',"meta":{"count":0,"nextCursor":null}')],
  [post('/api-keys', { name: 'App', owner: 'u42' }), 201, data(info('App', ',"key":"KEY"'))],
  [{ target: '/api-keys' }, 200, data(`[${info('App')}]`, ',"meta":{"count":1,"nextCursor":null}')],
  [{ target: '/api-keys/ID' }, 200, data(info('App'))],
  [
    post('/api-keys/ID', { name: 'Other', tenant: 'acme' }, 'PATCH'),
    200,
    data(info('Other', ',"tenant":"acme"')),
  ],
  [post('/api-keys/ID', { tenant: null }, 'PUT'), 200, data(info('Other'))],
  [{ method: 'POST', target: '/api-keys/ID/rotate' }, 200, data(info('Other', ',"key":"KEY"'))],
  [
    post('/api-keys/ID/rotate', { overlap: '1h' }),
    200,
    data(info('Other', `,"previousUntil":${NOW + 3_600_000},"key":"KEY"`)),
  ],
  ...(
    [
      post('/api-keys', { name: 'App', owner: 'u42' }),
      { target: '/api-keys' },
      { target: '/api-keys/ID' },
      post('/api-keys/ID', { name: 'X' }, 'PATCH'),
      post('/api-keys/ID', { name: 'X' }, 'PUT'),
      { method: 'POST', target: '/api-keys/ID/rotate' },
      { method: 'DELETE', target: '/api-keys/ID' },
    ] as const
  ).map(request => [{ ...request, target: `${request.target}?dryRun=1` }, 422, unknown] as const),
  [
    { target: '/api-keys?cursor=x' },
    422,
    invalid(['cursor', 'must be the \\"nextCursor\\" of the page before']),
  ],
  [
    post('/api-keys', { name: 1, admin: true }),
    422,
    invalid(
      ['admin', 'is not a known field'],
      ['name', 'must be 1 to 100 printable characters'],
      ['owner', 'is missing; must be 1 to 200 printable characters'],
    ),
  ],
  [post('/api-keys/ID', { owner: 'x' }, 'PATCH'), 422, invalid(['owner', 'is not a known field'])],
  [
    post('/api-keys/ID/rotate', { overlap: 'long' }),
    422,
    invalid([
      'overlap',
      'must be a duration such as \\"250ms\\", \\"10m\\", \\"1h30m\\" or \\"7d\\", or whole milliseconds, from 0ms to 90d',
    ]),
  ],
  [
    { target: '/api-keys/nobody' },
    422,
    invalid(['id', 'must be the id of an API key: 16 letters and digits']),
  ],
  [{ target: `/api-keys/${NO_KEY}` }, 404, ABSENT],
  [post(`/api-keys/${NO_KEY}`, { name: 'X' }, 'PATCH'), 404, ABSENT],
  [post(`/api-keys/${NO_KEY}`, { name: 'X' }, 'PUT'), 404, ABSENT],
  [{ method: 'POST', target: `/api-keys/${NO_KEY}/rotate` }, 404, ABSENT],
  [{ method: 'DELETE', target: `/api-keys/${NO_KEY}` }, 404, ABSENT],
  [{ method: 'DELETE', target: '/api-keys/ID' }, 200, data('{"id":"ID","revoked":true}')],
  [
    { method: 'PUT', target: '/api-keys' },
    405,
    refusal('METHOD_NOT_ALLOWED', 'The method is not allowed here'),
  ],
  [{ target: '/api-keys', headers: { 'X-Stranger': 'yes' } }, 403, refusal('FORBIDDEN', 'Access denied')],
]

const ofKeys: Behaviour = {
  title: 'given the admin API of keys when it is used, and misused, then every body is as it is written here',
  edge: probe =>
    edgeOf(probe).use(
      apiKeyAdmin(apiKeys({ clock: fakeClock() }), { path: '/api-keys', authorize: stranger }),
    ),
  when: async client => {
    const answers: Answered[] = []
    let id = ''
    for (const [request] of keySteps) {
      const target = request.target?.replace('ID', id) as string
      const answer = await client.send(from({ ...request, target }))
      if (id === '' && answer.status === 201)
        id = (JSON.parse(answer.body) as { data: { id: string } }).data.id
      const named = answer.body.replace(/pk_\w+/g, 'KEY')
      answers.push({ ...answer, body: id === '' ? named : named.replaceAll(id, 'ID') })
    }
    return answers
  },
  gets: keySteps.map(([, status, body]) => ({ status, body })),
}

const probe = (
  what: string,
  options: () => HealthOptions,
  when: ClientRequest,
  ...said: Said
): Behaviour => ({
  title: `given ${what} when health is asked then the whole body is as it is written here`,
  edge: one => one.pipeline(still()).use(requestId()).use(health(options())).use(one.middleware('a')),
  when: same(when),
  gets: { status: said[0], body: said[1] },
})
const drained = () => {
  const life = lifecycle()
  life.drain('a test')
  return life
}
const broken = () => [check({ name: 'database', run: () => Promise.reject(new Error('away')) })]
const insider = { authorize: () => true }
const outsider = { authorize: () => false }

const report = (status: string, ready = '', checks = '') =>
  `{"status":"${status}"${ready},"timestamp":"2023-11-14T22:13:20.000Z","uptime":0${checks}}`

const ofHealth: readonly Behaviour[] = [
  probe(
    'another method',
    () => ({}),
    { method: 'POST', target: '/health' },
    405,
    refusal('METHOD_NOT_ALLOWED', 'The method is not allowed here'),
  ),
  probe('nothing to check', () => insider, { target: '/health' }, 200, report('healthy', '', ',"checks":{}')),
  probe(
    'nothing to check and a stranger',
    () => outsider,
    { target: '/ready' },
    200,
    report('healthy', ',"ready":true'),
  ),
  probe(
    'a check that fails',
    () => ({ ...insider, checks: broken() }),
    { target: '/ready' },
    503,
    report(
      'unhealthy',
      ',"ready":false',
      ',"checks":{"database":{"status":"unhealthy","latency_ms":0,"error":"away"}}',
    ),
  ),
  probe(
    'an optional check that says no',
    () => ({
      ...insider,
      checks: [check({ name: 'mail', optional: true, run: () => ({ healthy: false, queue: 12 }) })],
    }),
    { target: '/ready' },
    200,
    report(
      'degraded',
      ',"ready":true',
      ',"checks":{"mail":{"queue":12,"status":"unhealthy","latency_ms":0,"optional":true,"error":"the check says it is unhealthy"}}',
    ),
  ),
  probe(
    'a check that fails and a stranger',
    () => ({ ...outsider, checks: broken() }),
    { target: '/health/ready' },
    503,
    report('unhealthy', ',"ready":false'),
  ),
  probe(
    'a process that drains',
    () => ({ ...insider, lifecycle: drained() }),
    { target: '/ready' },
    503,
    report('draining', ',"ready":false', ',"checks":{}'),
  ),
  probe(
    'a client of the draft',
    () => outsider,
    { target: '/health', headers: { Accept: 'application/health+json' } },
    200,
    '{"status":"pass"}',
  ),
]

export const bodies: readonly Behaviour[] = [...refusals, ofBans, ofLostBans, ofKeys, ...ofHealth]
