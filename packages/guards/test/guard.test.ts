import { ConfigError, type Middleware, pipeline } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import {
  allOf,
  allowIp,
  anyOf,
  defineGuard,
  guard,
  requireFreshLogin,
  requireOwnership,
  requireRole,
  requireScopes,
  requireTenant,
} from '../src/index.js'
import { edgeOf, identity, type Logged } from './support/callers.js'

const plain = (answer: unknown) => (() => answer) as () => boolean

describe('given a guard when a request comes', () => {
  test('then whom it allows reaches the handler', async () => {
    const edge = edgeOf(identity({ scopes: ['read'] })).use(guard(requireScopes('read')))
    expect(await inject(edge)).toMatchObject({ status: 200, passed: true, body: 'ok' })
  })

  test('then whom it refuses is answered 403 in the form of the pipeline, and the reason stays inside', async () => {
    const edge = edgeOf(identity({ roles: ['not-admin'] })).use(guard(requireRole('admin')))
    const answered = await inject(edge)
    expect(answered).toMatchObject({ status: 403, passed: false })
    expect(answered.json()).toEqual({
      error: {
        code: 'FORBIDDEN',
        message: 'Access denied',
        timestamp: expect.any(String),
        request_id: expect.any(String),
      },
    })
  })

  test('then nobody is answered 401 with the bare challenge', async () => {
    const { status, headers, json } = await inject(edgeOf(null).use(guard(requireRole('admin'))))
    expect({ status, challenge: headers['www-authenticate'] }).toEqual({
      status: 401,
      challenge: 'Bearer realm="api"',
    })
    expect(json()).toMatchObject({ error: { code: 'UNAUTHORIZED', message: 'Authentication is required' } })
  })

  test('then a guard that allows at once makes no promise', () => {
    const middleware = guard(requireScopes('read')) as Middleware
    const ctx = { state: { identity: identity({ scopes: ['read'] }) }, allowed: () => {} }
    expect(middleware.onRequest?.(ctx as never)).toBeUndefined()
  })
})

describe('given a plain function when it answers', () => {
  const allowed: readonly [string, unknown][] = [
    ['true', true],
    ['a promise of true', Promise.resolve(true)],
    ['a decision', { allow: true }],
    ['a promise of a decision', Promise.resolve({ allow: true })],
  ]
  test.each(allowed)('%s then the request passes', async (_, answer) => {
    expect(await inject(edgeOf().use(guard(plain(answer))))).toMatchObject({ status: 200, passed: true })
  })

  const refused: readonly [string, unknown, number][] = [
    ['false', false, 403],
    ['a promise of false', Promise.resolve(false), 403],
    ['a refusal', { allow: false, status: 404, code: 'NOT_FOUND', message: 'no', reason: 'r' }, 404],
  ]
  test.each(refused)('%s then it is refused', async (_, answer, status) => {
    expect(await inject(edgeOf().use(guard(plain(answer))))).toMatchObject({ status, passed: false })
  })

  const errors: readonly [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['1', 1],
    ['text', 'true'],
    ['an empty object', {}],
    ['an object that allows with text', { allow: 'true' }],
    [
      'a refusal with a status that is none',
      { allow: false, status: 200, code: 'OK', message: '', reason: '' },
    ],
    ['a refusal without a message', { allow: false, status: 403, code: 'FORBIDDEN', reason: '' }],
    ['a function', () => true],
    [
      'a function that is thenable',
      Object.assign(() => true, { then: (ok: (v: boolean) => void) => ok(true) }),
    ],
    ['a promise of nothing', Promise.resolve(undefined)],
    ['a promise of 1', Promise.resolve(1)],
  ]
  test.each(errors)('%s then it is refused with 500 and logged', async (_, answer) => {
    const logged: Logged[] = []
    expect(await inject(edgeOf(identity(), { logged }).use(guard(plain(answer))))).toMatchObject({
      status: 500,
      passed: false,
    })
    expect(logged).toEqual([
      { level: 'error', message: 'middleware "guard(function)" failed', error: expect.any(TypeError) },
    ])
  })

  const throwing: readonly [string, () => unknown][] = [
    [
      'a throw',
      () => {
        throw new Error('database is down')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('database is down'))],
  ]
  test.each(throwing)(
    'with %s then it is refused with 500, logged, and nothing of the cause is shown',
    async (_, decide) => {
      const logged: Logged[] = []
      const answered = await inject(edgeOf(identity(), { logged }).use(guard(decide as () => boolean)))
      expect(answered).toMatchObject({ status: 500, passed: false })
      expect(answered.body).not.toContain('database')
      expect(logged).toMatchObject([{ level: 'error', error: { message: 'database is down' } }])
    },
  )

  test('nothing, since nobody is identified, then it is not asked and the answer is 401', async () => {
    let asked = 0
    const edge = edgeOf(null).use(guard(() => ++asked > 0))
    expect(await inject(edge)).toMatchObject({ status: 401 })
    expect(asked).toBe(0)
  })
})

describe('given a guard that needs an identity when the pipeline gives none', () => {
  const untyped = (one: unknown) => one as Middleware

  test.each([
    ['a helper', guard(requireRole('admin'))],
    ['a plain function', guard(() => true)],
    ['a combination of which one part needs it', guard(anyOf(allowIp(['loopback']), requireRole('admin')))],
  ])('then %s is refused at start-up', (_, one) => {
    expect(() => pipeline().use(untyped(one))).toThrow(ConfigError)
  })

  test.each([
    ['an address', guard(allowIp(['0.0.0.0/0']))],
    [
      'a function that says so',
      guard(defineGuard('get', (ctx: { method: string }) => ctx.method === 'GET', { needs: [] })),
    ],
  ])('then %s needs none and works', async (_, one) => {
    expect(await inject(pipeline().use(one))).toMatchObject({ status: 200 })
  })
})

describe('given a guard that refuses when somebody listens', () => {
  const denied = async (edge = edgeOf().use(guard(requireScopes('a', 'b'), { name: 'writers' }))) => {
    const heard: unknown[] = []
    edge.events.on('decision:refused', event => heard.push(event))
    await inject(edge, { url: '/orders?secret=1' })
    return heard
  }

  test('then the event names the guard, the caller, the code and the reason', async () => {
    expect(await denied()).toEqual([
      {
        requestId: expect.any(String),
        method: 'GET',
        path: '/orders',
        ip: '203.0.113.9',
        by: 'guard',
        rule: 'writers',
        decision: 'refuse',
        enforced: true,
        status: 403,
        code: 'FORBIDDEN',
        reason: 'the scopes lack all of: a b',
        key: '203.0.113.9',
        subject: 'ada',
        tenant: undefined,
        session: undefined,
        route: undefined,
      },
    ])
  })

  test('then a combination is named by its parts', async () => {
    const edge = edgeOf().use(guard(anyOf(requireRole('admin'), requireScopes('x'))))
    expect(await denied(edge)).toMatchObject([
      {
        rule: 'anyOf(requireRole, requireScopes)',
        reason: 'the roles lack any of: admin; the scopes lack all of: x',
      },
    ])
  })

  test('then a request without an identity has no subject', async () => {
    expect(await denied(edgeOf(null).use(guard(requireRole('a'))))).toMatchObject([
      { subject: undefined, status: 401 },
    ])
  })
})

describe('given shadow mode when a guard', () => {
  const shadow = { mode: 'shadow' } as const

  test.each([
    ['refuses', guard(requireRole('admin'), shadow)],
    ['refuses later', guard(async () => false, shadow)],
  ])('%s then the event says so, and it sets no header and lets through', async (_, one) => {
    const edge = edgeOf().use(one)
    const heard: unknown[] = []
    edge.events.on('decision:refused', event => heard.push(event))
    const { status, passed, headers } = await inject(edge)
    expect({ status, passed, headers }).toEqual({ status: 200, passed: true, headers: {} })
    expect(heard).toMatchObject([{ status: 403, by: 'guard', enforced: false }])
  })

  test.each([
    [
      'throws',
      guard(() => {
        throw new Error('down')
      }, shadow),
    ],
    ['rejects', guard(() => Promise.reject(new Error('down')), shadow)],
    [
      'cannot load',
      guard(requireOwnership(), {
        ...shadow,
        load: () => {
          throw new Error('down')
        },
      }),
    ],
  ])('%s then it logs and lets through', async (_, one) => {
    const logged: Logged[] = []
    expect(await inject(edgeOf(identity(), { logged }).use(one))).toMatchObject({ status: 200 })
    expect(logged).toMatchObject([{ level: 'error', error: { message: 'down' } }])
  })

  test('allows then the event says so', async () => {
    const edge = edgeOf().use(guard(() => true, { ...shadow, name: 'open' }))
    const heard: unknown[] = []
    edge.events.on('decision:*', event => heard.push(event))
    await inject(edge)
    expect(heard).toMatchObject([{ decision: 'allow', by: 'guard', rule: 'open', code: undefined }])
  })
})

describe('given a refusal when the caller came by', () => {
  const challenge = async (
    one: Middleware<{ identity: import('@palisade/core').Identity }>,
    method: string,
  ) => (await inject(edgeOf(identity({ method })).use(one))).headers['www-authenticate']

  test('a bearer token then the challenge of RFC 6750 names the scopes', async () => {
    expect(await challenge(guard(requireScopes('a', 'b')), 'jwt')).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="a b"',
    )
  })

  test('a bearer token then any of several scopes is asked for by the first', async () => {
    expect(await challenge(guard(requireScopes('a', 'b', { any: true })), 'jwt')).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="a"',
    )
  })

  test.each(['session', 'api-key', 'basic'])('%s then a 403 has no challenge', async method => {
    expect(await challenge(guard(requireScopes('a')), method)).toBeUndefined()
  })

  test('a bearer token then a role has no challenge', async () => {
    expect(await challenge(guard(requireRole('a')), 'jwt')).toBeUndefined()
  })

  test("the team's own bearer method then it is told too, in the team's realm", async () => {
    const one = guard(requireScopes('a'), { bearerMethods: ['opaque'], realm: 'the "shop"' })
    expect(await challenge(one, 'opaque')).toBe(
      'Bearer realm="the \\"shop\\"", error="insufficient_scope", scope="a"',
    )
    expect(await challenge(one, 'jwt')).toBeUndefined()
  })

  test('a bearer token then an old login is told to log in again as RFC 9470 says', async () => {
    expect(await challenge(guard(requireFreshLogin('5m')), 'jwt')).toBe(
      'Bearer realm="api", error="insufficient_user_authentication", error_description="A more recent authentication is required", max_age="300"',
    )
    expect(await challenge(guard(requireFreshLogin('5m')), 'session')).toBe('Bearer realm="api"')
  })
})

describe('given an administrator, or the owner within a tenant, when a request comes', () => {
  const orders: Readonly<Record<string, { ownerId: string }>> = { '/1': { ownerId: 'ada' } }
  const one = guard(
    anyOf(
      requireRole('admin'),
      allOf(
        requireTenant(),
        requireOwnership({ load: async ctx => orders[ctx.path], owner: order => order.ownerId }),
      ),
    ),
  )

  test.each([
    ['an administrator', identity({ roles: ['admin'] }), '/1', 200],
    ['an administrator, where there is no record', identity({ roles: ['admin'] }), '/2', 200],
    ['the owner within a tenant', identity({ tenant: 'acme' }), '/1', 200],
    ['the owner without a tenant', identity(), '/1', 403],
    ['somebody else of a tenant', identity({ subject: 'bob', tenant: 'acme' }), '/1', 403],
    ['the owner of nothing', identity({ tenant: 'acme' }), '/2', 404],
    ['nobody', null, '/1', 401],
  ])('then %s', async (_, who, url, status) => {
    expect((await inject(edgeOf(who).use(one), { url })).status).toBe(status)
  })
})

describe('given load when a request comes', () => {
  const orders: Readonly<Record<string, { ownerId: string }>> = {
    1: { ownerId: 'ada' },
    2: { ownerId: 'bob' },
  }
  const answers = (one: Middleware<{ identity: import('@palisade/core').Identity }>) =>
    Promise.all(['/1', '/2', '/3'].map(async url => (await inject(edgeOf().use(one), { url })).status))

  test.each([
    ['at once', (ctx: { path: string }) => orders[ctx.path.slice(1)]],
    ['later', async (ctx: { path: string }) => orders[ctx.path.slice(1)]],
    ['or null', (ctx: { path: string }) => orders[ctx.path.slice(1)] ?? null],
  ])('then the record it finds %s is what guards decide on', async (_, load) => {
    expect(await answers(guard(requireOwnership(), { load }))).toEqual([200, 403, 404])
  })

  test('then one record serves all guards', async () => {
    let loads = 0
    const load = () => {
      loads++
      return { ownerId: 'bob', userId: 'ada' }
    }
    const one = guard(anyOf(requireOwnership(), requireOwnership('userId')), { load })
    expect((await inject(edgeOf().use(one))).status).toBe(200)
    expect(loads).toBe(1)
  })

  test('then a load that fails is a 500', async () => {
    const load = () => Promise.reject(new Error('down'))
    expect(await answers(guard(requireOwnership(), { load }))).toEqual([500, 500, 500])
  })
})
