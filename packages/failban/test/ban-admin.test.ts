import {
  cors,
  type Identity,
  pipeline,
  provideIdentity,
  type RequestContext,
  trustedProxies,
} from '@palisade/core'
import { fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { type BanAdminOptions, banAdmin, type FailbanOptions, failban, memoryBans } from '../src/index.js'
import { HOUR, NOW } from './support/yard.js'

const A = '203.0.113.9'
const ADMIN = '192.0.2.50'
const silent = { debug() {}, info() {}, warn() {}, error() {} }

interface Body {
  readonly success: boolean
  readonly data: Record<string, unknown> & { readonly ip: string }[]
  readonly meta: { readonly count: number; readonly total: number; readonly nextCursor: string | null }
  readonly error: {
    readonly code: string
    readonly message: string
    readonly details: { readonly fields: readonly { readonly field: string }[] }
  }
}

function office(
  options: FailbanOptions = {},
  authorize: BanAdminOptions['authorize'] = () => true,
  proxy = '10.0.0.0/8',
) {
  const clock = fakeClock(NOW)
  const bans = failban({ allowOwnAddresses: false, ...options } as FailbanOptions)
  const edge = pipeline({ clock, logger: silent, trust: trustedProxies([proxy]) })
    .use(bans)
    .use(banAdmin(bans, { path: '/admin/security', authorize }))
  edge.compile()
  const call = async (method: string, below: string, body?: unknown, more: InjectedRequest = {}) => {
    const response = await inject(edge, {
      method,
      url: `/admin/security${below}`,
      peer: ADMIN,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...more,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...more.headers },
    })
    return { ...response, body: (response.body === '' ? {} : response.json()) as Body }
  }
  const faults = async (method: string, below: string, body?: unknown) => {
    const { status, body: answer } = await call(method, below, body)
    return [status, answer.error.code, ...answer.error.details.fields.map(({ field }) => field)]
  }
  return { bans, edge, clock, call, faults }
}

describe('POST /bans', () => {
  it('given an address alone, then it is banned as long as the first jail bans, and the answer says all', async () => {
    const { call, bans } = office({ banDuration: '2h' })
    const { status, body, headers } = await call('POST', '/bans', { ip: '::ffff:203.0.113.9' })
    expect([status, headers['cache-control'], headers['location']]).toEqual([
      201,
      'no-store',
      `/admin/security/bans/${A}`,
    ])
    expect(body).toEqual({
      success: true,
      data: {
        ip: A,
        jail: 'manual',
        reason: 'banned by hand',
        violations: 0,
        banCount: 1,
        bannedAt: NOW,
        expiresAt: NOW + 2 * HOUR,
        permanent: false,
        source: 'manual',
        shadow: false,
      },
    })
    expect(bans.find(A)).toEqual(body.data)
  })

  it.each([
    ['1h', NOW + HOUR],
    [90_000, NOW + 90_000],
    ['permanent', null],
    [-1, null],
  ])('given the duration %j, then it ends at %j', async (duration, expiresAt) => {
    const { call } = office()
    const { status, body } = await call('POST', '/bans', { ip: A, duration, reason: 'spam', jail: 'default' })
    expect([status, body.data]).toMatchObject([
      201,
      { expiresAt, permanent: expiresAt === null, reason: 'spam', jail: 'default' },
    ])
  })

  it.each<[object, string[]]>([
    [{}, ['ip']],
    [{ ip: 'nobody' }, ['ip']],
    [{ ip: '203.0.113.9/24' }, ['ip']],
    [{ ip: 7 }, ['ip']],
    [
      { ip: A, duration: 'long', jail: 'x', reason: 'two\nlines', force: 'yes' },
      ['reason', 'duration', 'jail', 'force'],
    ],
    [{ ip: A, duration: 999 }, ['duration']],
    [{ ip: A, duration: -2 }, ['duration']],
    [{ ip: A, duration: '999999d' }, ['duration']],
    [{ ip: A, length: '1h' }, ['length']],
    [[], ['']],
  ])('given %j, then 400 with the faulty fields', async (body, fields) => {
    const { faults, bans } = office()
    expect(await faults('POST', '/bans', body)).toEqual([400, 'VALIDATION_ERROR', ...fields])
    expect(bans.list()).toEqual([])
  })

  it('given another media type, broken JSON or too much, then 415, 400 and 413', async () => {
    const { call } = office()
    const form = await call('POST', '/bans', 'ip=203.0.113.9', { headers: { 'content-type': 'text/plain' } })
    expect(form.status).toBe(415)
    expect((await call('POST', '/bans', '{"ip":')).status).toBe(400)
    expect((await call('POST', '/bans', { ip: A, reason: 'x'.repeat(20_000) })).status).toBe(413)
  })

  it.each([
    ['its own address', ADMIN, 201],
    ['a network with its own address', '192.0.2.0/24', 201],
    ['a network wider than /24', '198.51.0.0/16', 201],
    ['an IPv6 network wider than /48', '2001:db8::/32', 201],
    ['a network with a trusted proxy', '10.0.0.0/7', 409],
    ['a trusted proxy', '10.0.0.1', 409],
    ['an allowed address', '198.51.100.1', 409],
  ])('given %s, then 409, and with force %s is answered %d', async (_what, ip, forced) => {
    const { call, bans } = office({ allow: ['198.51.100.0/24'] })
    const { status, body } = await call('POST', '/bans', { ip })
    expect([status, body.error.code]).toEqual([409, 'CONFLICT'])
    expect(bans.list()).toEqual([])
    const range = ip === '10.0.0.0/7' ? 201 : forced
    expect((await call('POST', '/bans', { ip, force: true })).status).toBe(range)
  })

  it('given a narrow network around a trusted proxy, then 409 says so, and with force the rest is banned', async () => {
    const { call, bans } = office({}, () => true, '10.0.0.1/32')
    const { status, body } = await call('POST', '/bans', { ip: '10.0.0.0/24' })
    expect([status, body.error.message]).toEqual([409, expect.stringMatching(/^A trusted proxy/)])
    expect(bans.list()).toEqual([])
    expect((await call('POST', '/bans', { ip: '10.0.1.0/24' })).status).toBe(201)
    expect((await call('POST', '/bans', { ip: '10.0.0.0/24', force: true })).status).toBe(201)
  })

  it.each([
    ['198.51.100.0/24', 201],
    ['198.51.100.0/23', 409],
    ['2001:db8::/48', 201],
    ['2001:db8::/47', 409],
  ])('given the network %s, then %d by its width alone', async (ip, expected) => {
    const { call } = office()
    const { status, body } = await call('POST', '/bans', { ip })
    expect(status).toBe(expected)
    if (expected === 409) expect(body.error.message).toMatch(/^A network wider than/)
  })

  it('given a store that fails, then 503 says that the ban is in force', async () => {
    const { call, bans } = office({
      store: { ...memoryBans(), save: () => Promise.reject(new Error('disk full')) },
    })
    const { status, body } = await call('POST', '/bans', { ip: A })
    expect([status, body.error.message]).toEqual([503, expect.not.stringContaining('disk')])
    expect(bans.find(A)).toBeDefined()
  })
})

describe('GET /bans', () => {
  it('given many bans, then pages follow each other, the newest first, through changes in between', async () => {
    const { call, bans } = office()
    for (let i = 0; i < 7; i++) await bans.ban(`198.51.100.${i}`)
    const first = await call('GET', '/bans?limit=3')
    expect(first.body.data.map(({ ip }) => ip)).toEqual(['198.51.100.6', '198.51.100.5', '198.51.100.4'])
    expect(first.body.meta).toEqual({ count: 3, total: 7, nextCursor: expect.any(String) })
    await bans.ban('198.51.100.99')
    await bans.unban('198.51.100.2')
    const second = await call('GET', `/bans?limit=3&cursor=${first.body.meta.nextCursor}`)
    expect(second.body.data.map(({ ip }) => ip)).toEqual(['198.51.100.3', '198.51.100.1', '198.51.100.0'])
    expect(second.body.meta).toEqual({ count: 3, total: 7, nextCursor: null })
  })

  it('given a jail, then only its bans, and those that are over never', async () => {
    const { call, bans, clock, edge } = office({ maxViolations: 1, banDuration: '1h' })
    edge.events.emit('security:violation', { source: 'auth', weight: 1, key: A, bannable: true })
    await bans.ban('198.51.100.1', { duration: 1000 })
    expect((await call('GET', '/bans?jail=default')).body.data).toMatchObject([{ ip: A, source: 'auth' }])
    clock.advance(1000)
    expect((await call('GET', '/bans')).body).toMatchObject({
      data: [{ ip: A }],
      meta: { count: 1, total: 1, nextCursor: null },
    })
  })

  it.each([
    ['?limit=0', 'limit'],
    ['?limit=501', 'limit'],
    ['?limit=ten', 'limit'],
    ['?limit=1&limit=2', 'limit'],
    ['?jail=none', 'jail'],
    ['?cursor=nonsense', 'cursor'],
    [`?cursor=${Buffer.from('x.5').toString('base64url')}`, 'cursor'],
    ['?offset=10', 'offset'],
  ])('given %s, then 400 names %s', async (query, field) => {
    const { faults } = office()
    expect(await faults('GET', `/bans${query}`)).toEqual([400, 'VALIDATION_ERROR', field])
  })
})

describe('/bans/:ip', () => {
  it.each([
    ['203.0.113.9', A],
    ['::ffff:cb00:7109', A],
    ['203.0.113.9%2F32', A],
    ['198.51.100.0%2F24', '198.51.100.0/24'],
    ['198.51.100.0%2f24', '198.51.100.0/24'],
    ['198.51.100.200', '198.51.100.0/24'],
    ['198.51.100.128%2F25', '198.51.100.0/24'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001%3ADB8%3A%3A%2F64', '2001:db8::/64'],
  ])('given %s, then it shows and lifts the ban that contains it', async (text, ip) => {
    const { call, bans } = office()
    for (const banned of [A, '198.51.100.0/24', '2001:db8::1']) await bans.ban(banned)
    const shown = await call('GET', `/bans/${text}`)
    expect([shown.status, shown.body]).toMatchObject([200, { success: true, data: { ip, jail: 'manual' } }])
    const lifted = await call('DELETE', `/bans/${text}`)
    expect([lifted.status, lifted.body]).toMatchObject([
      200,
      { success: true, data: { ip: expect.any(String), removed: [ip] } },
    ])
    expect(bans.list()).toHaveLength(2)
    expect((await call('DELETE', `/bans/${text}`)).status).toBe(404)
    expect((await call('GET', `/bans/${text}`)).status).toBe(404)
  })

  it.each(['nobody', '203.0.113.9%2F24', '203.0.113.256'])(
    'given %s, then 400 names the address',
    async text => {
      const { faults } = office()
      for (const method of ['GET', 'DELETE'])
        expect(await faults(method, `/bans/${text}`)).toEqual([400, 'VALIDATION_ERROR', 'ip'])
    },
  )

  it('given a slash that is not escaped, or a broken escape, then there is no such route, or 400', async () => {
    const { call } = office()
    expect((await call('GET', '/bans/198.51.100.0/24')).status).toBe(404)
    expect((await call('GET', '/bans/%zz')).status).toBe(400)
  })
})

describe('/bans?ip=', () => {
  it.each([
    ['203.0.113.9', A],
    ['203.0.113.9/32', A],
    ['198.51.100.0/24', '198.51.100.0/24'],
    ['198.51.100.0%2F24', '198.51.100.0/24'],
    ['198.51.100.128/25', '198.51.100.0/24'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8::/64', '2001:db8::/64'],
  ])('given %s, then it lists and lifts the bans that contain it', async (text, ip) => {
    const { call, bans } = office()
    for (const banned of [A, '198.51.100.0/24', '2001:db8::1']) await bans.ban(banned)
    const listed = await call('GET', `/bans?ip=${text}`)
    expect([listed.status, listed.body]).toMatchObject([200, { data: [{ ip }], meta: { total: 1 } }])
    expect((await call('GET', `/bans?ip=${text}&jail=default`)).body.data).toEqual([])
    const lifted = await call('DELETE', `/bans?ip=${text}`)
    expect([lifted.status, lifted.body]).toMatchObject([200, { success: true, data: { removed: [ip] } }])
    expect(bans.list()).toHaveLength(2)
    expect((await call('GET', `/bans?ip=${text}`)).body.data).toEqual([])
    expect((await call('DELETE', `/bans?ip=${text}`)).status).toBe(404)
  })

  it('given an address in a banned network that is narrower than its client, then it is found and lifted', async () => {
    const { call, bans } = office()
    await bans.ban('2001:db8::/80')
    expect((await call('GET', '/bans?ip=2001:db8::1')).body.data).toHaveLength(1)
    expect((await call('GET', '/bans?ip=2001:db8:0:0:1::1')).body.data).toHaveLength(0)
    expect((await call('DELETE', '/bans?ip=2001:db8::1')).status).toBe(200)
  })

  it.each(['?ip=nobody', '?ip=203.0.113.9/24', '?ip=', '?ip=1.2.3.4&ip=1.2.3.5'])(
    'given %s, then 400 names the address',
    async query => {
      const { faults } = office()
      for (const method of ['GET', 'DELETE'])
        expect(await faults(method, `/bans${query}`)).toEqual([400, 'VALIDATION_ERROR', 'ip'])
    },
  )

  it('given no address, then DELETE lifts nothing and 400 names what is missing', async () => {
    const { faults, bans } = office()
    await bans.ban(A)
    expect(await faults('DELETE', '/bans')).toEqual([400, 'VALIDATION_ERROR', 'ip'])
    expect(bans.list()).toHaveLength(1)
  })

  it.each(['198.51.100.0/24', '2001:db8::1'])(
    'given a ban of %s that was made, then the answer says where to find it, with no slash in the path',
    async ip => {
      const { call } = office()
      const { headers } = await call('POST', '/bans', { ip })
      const location = String(headers['location'])
      expect(location).toMatch(/^\/admin\/security\/bans\?ip=[^/]+$/)
      expect((await call('GET', location.replace('/admin/security', ''))).body.data).toHaveLength(1)
    },
  )
})

describe('a query that a route does not read', () => {
  it.each([
    ['POST', '/bans', { ip: '198.51.100.1' }],
    ['GET', `/bans/${A}`, undefined],
    ['DELETE', `/bans/${A}`, undefined],
    ['DELETE', '/bans', undefined],
    ['GET', '/bans', undefined],
    ['GET', '/stats', undefined],
  ])('given %s %s, then 400 names it and nothing is changed', async (method, below, body) => {
    const { faults, bans } = office()
    await bans.ban(A)
    const [status, code, field] = await faults(method, `${below}?dryRun=true`, body)
    expect([status, code, field]).toEqual([400, 'VALIDATION_ERROR', 'dryRun'])
    expect(bans.list().map(({ ip }) => ip)).toEqual([A])
  })
})

describe('GET /stats', () => {
  it('given bans and violations, then their numbers, and no addresses', async () => {
    const { call, bans, edge } = office({ maxViolations: 2 })
    await bans.ban(A)
    for (const key of ['198.51.100.1', '198.51.100.1', '198.51.100.2'])
      edge.events.emit('security:violation', { source: 'auth', weight: 1, key, bannable: true })
    const { status, body } = await call('GET', '/stats')
    expect(status).toBe(200)
    expect(body).toEqual({
      success: true,
      data: {
        activeBans: 2,
        byJail: { manual: 1, default: 1 },
        violations: 3,
        refusals: 0,
        trackedKeys: 1,
        evictions: 0,
      },
    })
    expect((await call('GET', '/stats?verbose=1')).status).toBe(400)
  })
})

describe('methods', () => {
  it.each([
    ['PUT', '/bans', 'GET, HEAD, POST, DELETE'],
    ['POST', '/bans/1.2.3.4', 'GET, HEAD, DELETE'],
    ['DELETE', '/stats', 'GET, HEAD'],
  ])('given %s %s, then 405 says what is allowed', async (method, below, allow) => {
    const { call } = office()
    const { status, headers } = await call(method, below)
    expect([status, headers['allow']]).toEqual([405, allow])
  })

  it('given HEAD, then it is answered as GET', async () => {
    const { call } = office()
    expect((await call('HEAD', '/bans')).status).toBe(200)
  })
})

describe('who may use it', () => {
  it.each<[string, BanAdminOptions['authorize'], number]>([
    ['says no', () => false, 403],
    ['says later no', async () => false, 403],
    [
      'decides 401',
      () => ({ allow: false, status: 401, code: 'UNAUTHORIZED', message: 'Log in', reason: 'nobody' }),
      401,
    ],
    [
      'throws',
      () => {
        throw new Error('down')
      },
      500,
    ],
    ['rejects', () => Promise.reject(new Error('down')), 500],
    ['says something else', () => 'yes' as never, 500],
    ['says nothing', () => undefined as never, 500],
  ])(
    'given a guard that %s, then every path is closed and nothing is changed',
    async (_what, authorize, expected) => {
      const { call, bans } = office({}, authorize)
      await bans.ban(A)
      for (const [method, below, body] of [
        ['GET', '/bans', undefined],
        ['GET', '/nothing', undefined],
        ['POST', '/bans', { ip: '198.51.100.1' }],
        ['DELETE', `/bans/${A}`, undefined],
        ['GET', '/stats', undefined],
      ] as const)
        expect((await call(method, below, body)).status).toBe(expected)
      expect(bans.list().map(({ ip }) => ip)).toEqual([A])
    },
  )

  it('given a guard of the identity in front, then it decides by that', async () => {
    const bans = failban()
    const identity = (scopes: string[]): Identity => ({
      subject: 'a',
      method: 'x',
      scopes: new Set(scopes),
      roles: new Set<string>(),
      claims: {},
    })
    const edge = pipeline()
      .use(bans)
      .use(provideIdentity(ctx => identity([ctx.header('x-scope') ?? ''])))
      .use(
        banAdmin(bans, {
          path: '/admin/security',
          authorize: (ctx: RequestContext<{ identity: Identity }>) =>
            ctx.state.identity.scopes.has('security:admin'),
        }),
      )
    const ask = (scope: string) =>
      inject(edge, { url: '/admin/security/stats', headers: { 'x-scope': scope } })
    expect([(await ask('security:admin')).status, (await ask('read')).status]).toEqual([200, 403])
  })

  it('given a branch with the API, when it is disposed of, then its path is no longer open to those who are banned', async () => {
    const bans = failban({ allowOwnAddresses: false })
    const edge = pipeline({ logger: silent }).use(bans)
    const admin = edge.branch().use(banAdmin(bans, { path: '/admin/security', authorize: () => true }))
    admin.compile()
    await bans.ban(A)
    const statusOf = async () => (await inject(edge, { url: '/admin/security/bans', peer: A })).status
    expect(await statusOf()).toBe(200)
    await admin.dispose()
    expect(await statusOf()).toBe(403)
  })

  it('given an administrator who is banned, then the API, and only that, is open', async () => {
    const { call, edge, bans } = office()
    await bans.ban(ADMIN)
    expect((await inject(edge, { peer: ADMIN, url: '/orders' })).status).toBe(403)
    expect((await inject(edge, { peer: ADMIN, url: '/admin/securityx' })).status).toBe(403)
    expect((await call('DELETE', `/bans/${ADMIN}`)).status).toBe(200)
    expect((await inject(edge, { peer: ADMIN, url: '/orders' })).status).toBe(200)
  })

  it('given a deny list, then that holds here too', async () => {
    const { call } = office({ deny: [ADMIN] })
    expect((await call('GET', '/bans')).status).toBe(403)
  })

  it('given another pipeline that only shares the bans, then the path is not open there', async () => {
    const { bans, clock } = office()
    const other = pipeline({ clock, logger: silent }).use(bans)
    await bans.ban(A)
    expect((await inject(other, { peer: A, url: '/admin/security/bans' })).status).toBe(403)
  })

  it('given it is mounted on a branch, then bans let it through to there', async () => {
    const bans = failban({ allowOwnAddresses: false })
    const edge = pipeline({ logger: silent })
      .use(cors({ origin: '*' }))
      .use(bans)
    const admin = edge.branch().use(banAdmin(bans, { path: '/admin/security', authorize: () => true }))
    admin.compile()
    await bans.ban(A)
    expect((await inject(admin, { peer: A, url: '/admin/security/stats' })).status).toBe(200)
    expect((await inject(admin, { peer: A, url: '/' })).status).toBe(403)
  })

  it.each([
    '/../../orders',
    '/..',
    '/bans/..%2f..%2forders',
    '/%2e%2e/orders',
    '/.%2E/orders',
    '/./bans',
    '//bans',
    '/..\\orders',
    '/..%5corders',
  ])('given %s below it, which a router may take for another path, then bans hold', async below => {
    const bans = failban({ allowOwnAddresses: false })
    const edge = pipeline({ logger: silent }).use(bans)
    edge
      .branch()
      .use(banAdmin(bans, { path: '/admin/security', authorize: () => true }))
      .compile()
    await bans.ban(A)
    expect((await inject(edge, { url: '/admin/security/bans', peer: A })).status).toBe(200)
    expect((await inject(edge, { url: '/admin/security/bans/203.0.113.0%2F24', peer: A })).status).toBe(200)
    expect((await inject(edge, { url: `/admin/security${below}`, peer: A })).status).toBe(403)
  })

  it('given another path, then the request goes on', async () => {
    const { edge } = office()
    expect((await inject(edge, { url: '/admin' })).passed).toBe(true)
  })
})
