import type { Identity } from '@palisade/core'
import type { Decision } from '@palisade/core/middleware'
import { isPromise } from '@palisade/core/middleware'
import { inject } from '@palisade/core/testing'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  type Action,
  type AnyGuard,
  anyOf,
  check,
  compileGrants,
  type Grant,
  type GrantRow,
  guard,
  type NamedGuard,
  not,
  type PermissionsOptions,
  permissions,
  requireRole,
  when,
} from '../../src/index.js'
import { edgeOf, identity, type Logged } from '../support/callers.js'

const ACTIONS = ['read', 'create', 'update', 'delete'] as const

const can = (grants: readonly Grant[], resource: string) =>
  ACTIONS.filter(action => compileGrants(grants).allows(resource, action)).join(' ')

describe('given grants when a resource is asked about', () => {
  const vectors: readonly [grants: readonly Grant[], resource: string, can: string][] = [
    [[], 'users', ''],
    [[{ resource: 'users', read: true }], 'users', 'read'],
    [[{ resource: 'users', read: true, create: false, update: false, delete: false }], 'users', 'read'],
    [[{ resource: 'users', read: true }], 'orders', ''],
    [[{ resource: 'users', read: true }], 'Users', ''],
    [['users:read', 'users:delete'], 'users', 'read delete'],
    [['users:*'], 'users', 'read create update delete'],
    [['*:read'], 'users', 'read'],
    [['*:read'], 'db1:users', ''],
    [['db1:*:read'], 'db1:users', 'read'],
    [['db1:*:read'], 'db1', ''],
    [['db1:*:read'], 'db1:users:emails', ''],
    [['**:read'], 'db1:users:emails', 'read'],
    [['db1:**:read'], 'db1:users:emails', 'read'],
    [['db1:**:read'], 'db1', ''],
    [['db1:**'], 'db1', 'read create update delete'],
    [['db1:**'], 'db1:users:emails', 'read create update delete'],
    [['db1:**'], 'db10:users', ''],
    [['**'], 'a:b:c', 'read create update delete'],
    [[{ resource: 'db1:**', read: true, update: true }], 'db1:users', 'read update'],
    [[{ resource: '*:users', read: true }], 'db7:users', 'read'],
    // Not granted is not denied; denied is, however it is granted elsewhere.
    [['users:read', { resource: 'users', read: false }], 'users', 'read'],
    [['users:*', { resource: 'users', delete: 'deny' }], 'users', 'read create update'],
    [[{ resource: 'users', delete: 'deny' }, 'users:*'], 'users', 'read create update'],
    [['**', '!users:delete'], 'users', 'read create update'],
    [['users:delete', '!**'], 'users', ''],
    [['db1:users:delete', '!db1:*:delete'], 'db1:users', ''],
    [['**', '!db1:**'], 'db1:users', ''],
    [['**', '!db1:**'], 'db2:users', 'read create update delete'],
    [['!users:read'], 'users', ''],
    // Nothing of JavaScript's is special.
    [['users:read'], '__proto__', ''],
    [['__proto__:read'], '__proto__', 'read'],
    [['__proto__:read'], 'constructor', ''],
    // What is no plain name is not asked about.
    [['**'], '', ''],
    [['**'], '*', ''],
    [['**'], '**', ''],
    [['**'], 'a::b', ''],
    [['**'], ':a', ''],
    [['**'], 'a:', ''],
    [['**'], 'a:b:c:d:e:f', 'read create update delete'],
    [['**'], 'a:b:c:d:e:f:g', ''],
    [['**'], 'a'.repeat(512), 'read create update delete'],
    [['**'], 'a'.repeat(513), ''],
  ]
  test.each(vectors)('%j and %s then one can %s', (grants, resource, expected) => {
    expect(can(grants, resource)).toBe(expected)
  })

  test('any grants then they agree with a reading row by row', () => {
    const segment = fc.constantFrom('a', 'b', '__proto__')
    const resource = fc.array(segment, { minLength: 1, maxLength: 3 }).map(parts => parts.join(':'))
    const pattern = fc
      .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 3 }), fc.boolean())
      .filter(([parts, deep]) => parts.length > 0 || deep)
      .map(([parts, deep]) => [...parts, ...(deep ? ['**'] : [])].join(':'))
    const granted = fc.constantFrom(true, false, 'deny' as const)
    const row: fc.Arbitrary<GrantRow> = fc.record(
      { resource: pattern, read: granted, create: granted, update: granted, delete: granted },
      { requiredKeys: ['resource'] },
    )
    const written = fc
      .tuple(fc.constantFrom('', '!'), pattern, fc.constantFrom(...ACTIONS, '*'))
      .map(([sign, name, action]) => `${sign}${name}:${action}`)
    fc.assert(
      fc.property(fc.array(fc.oneof(row, written), { maxLength: 8 }), resource, (grants, name) => {
        const naive = ACTIONS.filter(action => naivelyAllows(grants, name, action)).join(' ')
        expect(can(grants, name)).toBe(naive)
      }),
      { numRuns: 3000 },
    )
  })
})

function naivelyAllows(grants: readonly Grant[], resource: string, action: Action): boolean {
  let allowed = false
  for (const grant of grants) {
    const row = typeof grant === 'string' ? rowOf(grant) : grant
    if (!covers(row.resource.split(':'), resource.split(':'))) continue
    if (row[action] === 'deny') return false
    if (row[action] === true) allowed = true
  }
  return allowed
}

function rowOf(text: string): GrantRow {
  const value = text.startsWith('!') ? 'deny' : true
  const parts = text.replace('!', '').split(':')
  const action = parts.pop()
  const row: GrantRow = { resource: parts.join(':') }
  for (const one of ACTIONS) if (action === '*' || action === one) row[one] = value
  return row
}

function covers([head, ...tail]: readonly string[], [segment, ...rest]: readonly string[]): boolean {
  if (head === undefined || segment === undefined) return head === segment
  if (head === '**') return true
  return (head === '*' || head === segment) && covers(tail, rest)
}

const who = (allowed?: readonly string[]): Identity =>
  identity({ method: 'api-key', ...(allowed !== undefined && { permissions: allowed }) })
const ask = (guard: AnyGuard, method = 'GET', me: Identity | undefined = who()) =>
  check(guard as NamedGuard<unknown>, { identity: me, method })

describe('given permissions when a request comes with', () => {
  const rows: readonly Grant[] = [{ resource: 'users', read: true, create: true, update: true, delete: true }]
  const each = Object.fromEntries(
    ACTIONS.map(action => [
      action,
      permissions({ grants: [{ resource: 'users', [action]: true }], resource: () => 'users' }),
    ]),
  ) as Record<Action, ReturnType<typeof permissions>>

  test.each([
    ['GET', 'read'],
    ['HEAD', 'read'],
    ['POST', 'create'],
    ['PUT', 'update'],
    ['PATCH', 'update'],
    ['DELETE', 'delete'],
    ['OPTIONS', ''],
    ['TRACE', ''],
    ['QUERY', ''],
    ['get', ''],
    ['__proto__', ''],
    ['', ''],
  ])('%s then it is to %s', (method, expected) => {
    const needed = ACTIONS.filter(action => (ask(each[action], method) as Decision).allow)
    expect(needed.join(' ')).toBe(expected)
  })

  test('a method that is not known then even everything granted does not help, nor does not()', () => {
    const guard = permissions({ grants: ['**'], resource: () => 'users' })
    expect(ask(guard, 'PURGE')).toMatchObject({ allow: false, status: 403, undecided: true })
    expect(ask(not(guard), 'PURGE')).toMatchObject({ allow: false, status: 403 })
  })

  test('no permission then the refusal says which', () => {
    const guard = permissions({ grants: ['users:read'], resource: () => 'users' })
    expect(ask(guard, 'POST')).toEqual({
      allow: false,
      status: 403,
      code: 'FORBIDDEN',
      message: 'The create permission for this resource is required',
      reason: 'no permission to create "users"',
      missing: ['users:create'],
    })
  })

  test('no permission for what is concealed then it is not there', () => {
    const guard = permissions({ grants: [], resource: () => 'users', conceal: true })
    expect(ask(guard)).toEqual({
      allow: false,
      status: 404,
      code: 'NOT_FOUND',
      message: 'The requested resource was not found',
      reason: 'no permission to read "users"',
    })
  })

  test.each<[unknown]>([
    [undefined],
    [null],
    [''],
    ['a:*'],
    ['**'],
    [42],
    [{}],
    [Symbol('users')],
    [Object.create(null)],
  ])('%s for a resource then it refuses, now or later', async resource => {
    for (const found of [() => resource, async () => resource]) {
      const guard = permissions({ grants: ['**'], resource: found as () => string })
      expect(await ask(guard)).toMatchObject({ allow: false, undecided: true })
      expect(await ask(not(guard))).toMatchObject({ allow: false })
    }
  })

  test('a resource and an action that are found later then they are waited for', async () => {
    const later = (name: string, action: Action) =>
      permissions({
        grants: async () => ['users:read'],
        resource: async () => name,
        action: async () => action,
      })
    expect(await ask(later('users', 'read'))).toEqual({ allow: true })
    expect(await ask(later('users', 'update'))).toMatchObject({ allow: false, missing: ['users:update'] })
    expect(await ask(later('orders', 'read'))).toMatchObject({ allow: false, missing: ['orders:read'] })
    const byMethod = permissions({ grants: ['users:read'], resource: async () => 'users' })
    expect(await ask(byMethod, 'GET')).toEqual({ allow: true })
    expect(await ask(byMethod, 'DELETE')).toMatchObject({ allow: false })
  })

  const fails = async () => {
    throw new Error('database is down')
  }
  test.each<[string, object]>([
    ['a resource that rejects', { resource: fails, grants: ['**'] }],
    [
      'a resource that rejects, where the action is not known',
      { resource: fails, grants: ['**'], action: () => null },
    ],
    ['an action that rejects', { resource: 'users', grants: ['**'], action: fails }],
    ['grants that reject', { resource: 'users', grants: fails }],
    ['grants that reject, behind a resource that waits', { resource: async () => 'users', grants: fails }],
    ['all of them reject', { resource: fails, action: fails, grants: fails }],
  ])('%s then it is a 500 with its cause in the log, and no rejection is left', async (_, options) => {
    const one = permissions(options as PermissionsOptions)
    for (const asked of [one, not(one), anyOf(one, requireRole('nobody')), when(() => true, one)]) {
      const logged: Logged[] = []
      const answered = await inject(edgeOf(identity(), { logged }).use(guard(asked)))
      // An unhandled rejection would end the process, and fails this run.
      await new Promise(resolve => setImmediate(resolve))
      expect(answered).toMatchObject({ status: 500, passed: false })
      expect(answered.body).not.toContain('database')
      expect(logged).toMatchObject([{ level: 'error', error: { message: 'database is down' } }])
    }
  })

  test('an action of the team then the method does not count', () => {
    const search = permissions({ grants: ['users:read'], resource: 'users', action: 'read' })
    expect(ask(search, 'POST')).toEqual({ allow: true })
    const found = permissions({ grants: ['users:read'], resource: 'users', action: () => undefined })
    expect(ask(found)).toMatchObject({ allow: false, undecided: true })
  })

  test('a record then the resource may depend on it', () => {
    const guard = permissions({
      grants: ['public:read'],
      resource: (_: unknown, post?: { shelf: string } | null) => post?.shelf,
      action: 'read',
    })
    expect(check(guard, { identity: who() }, { shelf: 'public' })).toEqual({ allow: true })
    expect(check(guard, { identity: who() }, { shelf: 'secret' })).toMatchObject({ allow: false })
    expect(check(guard, { identity: who() })).toMatchObject({ undecided: true })
  })

  const owned: readonly [string, readonly string[] | undefined, readonly Grant[] | undefined, boolean][] = [
    ['neither', undefined, undefined, false],
    ["the key's alone", ['users:read'], undefined, true],
    ["the owner's alone", undefined, ['users:read'], true],
    ['both', ['users:read'], ['users:*'], true],
    ["only the key's of two", ['users:read'], [], false],
    ["only the owner's of two", [], ['users:read'], false],
    ["a denial of the key's", ['**', '!users:read'], ['**'], false],
    ["a denial of the owner's", ['**'], ['**', '!users:read'], false],
  ]
  test.each(owned)(
    'permissions of %s then a key does no more than its owner',
    async (_, key, owner, allow) => {
      const grants = owner === undefined ? {} : { grants: owner }
      const now = permissions({ ...grants, resource: () => 'users' })
      expect((await ask(now, 'GET', who(key))).allow).toBe(allow)
      if (owner === undefined) return
      const found = permissions({ grants: () => owner, resource: () => 'users' })
      expect((await ask(found, 'GET', who(key))).allow).toBe(allow)
      const late = permissions({ grants: async () => compileGrants(owner), resource: () => 'users' })
      expect((await ask(late, 'GET', who(key))).allow).toBe(allow)
    },
  )

  test('things in a credential that are no permissions then they grant nothing, and a denial that cannot be read is an error', () => {
    const guard = permissions({ resource: () => 'users' })
    const odd = [
      'read',
      'users',
      ':read',
      'users:',
      'us*rs:read',
      'users:admin',
      '*',
      '',
      'a:b:c:d:e:f:g:read',
    ]
    expect(ask(guard, 'GET', who(odd))).toMatchObject({ allow: false })
    expect(ask(guard, 'GET', who([...odd, 'users:read']))).toEqual({ allow: true })
    expect(() => ask(guard, 'GET', who(['users:read', '!users']))).toThrow(TypeError)
    expect(() => ask(guard, 'GET', who(['users:read', 1 as unknown as string]))).toThrow(TypeError)
  })

  test('rows that change between requests then the next request sees them', () => {
    const mutable: Grant[] = ['users:read']
    const guard = permissions({ grants: () => mutable, resource: () => 'users' })
    expect(ask(guard)).toEqual({ allow: true })
    mutable[0] = '!users:read'
    expect(ask(guard)).toMatchObject({ allow: false })
    const row: GrantRow = { resource: 'users', read: true }
    const frozen = permissions({ grants: () => list, resource: () => 'users' })
    const list = Object.freeze([row])
    expect(ask(frozen)).toEqual({ allow: true })
    row.read = 'deny'
    expect(ask(frozen)).toMatchObject({ allow: false })
  })

  test('an identity that is not frozen then its permissions are read each time', () => {
    const mine = ['users:read']
    const me = { ...who(), permissions: mine }
    const guard = permissions({ resource: () => 'users' })
    expect(ask(guard, 'GET', me)).toEqual({ allow: true })
    mine.pop()
    expect(ask(guard, 'GET', me)).toMatchObject({ allow: false })
  })

  test('an identity that is frozen and permissions that are not then they are read each time', () => {
    const mine = ['users:read']
    const me = Object.freeze({ ...who(), permissions: mine })
    const guard = permissions({ resource: () => 'users' })
    expect(ask(guard, 'GET', me)).toEqual({ allow: true })
    mine.pop()
    expect(ask(guard, 'GET', me)).toMatchObject({ allow: false })
  })

  test.each([
    ['nothing', () => undefined],
    ['a wrong row', () => [{ resource: 'users', raed: true }]],
    ['a wrong row later', async () => ['users']],
    [
      'a throw',
      () => {
        throw new Error('down')
      },
    ],
  ])('grants found as %s then it is an error', async (_, grants) => {
    const guard = permissions({ grants: grants as never, resource: () => 'users' })
    await expect((async () => ask(guard))()).rejects.toThrow(Error)
  })

  test('ten rows or a hundred thousand then as many questions are put to the map', () => {
    const questions = (rows: number) => {
      const grants = compileGrants([
        'db1:*:read',
        '!db1:**',
        ...Array.from({ length: rows }, (_, i) => `db${i % 7}:table${i}:read`),
      ])
      const one = permissions({ grants, resource: 'db3:table3' })
      const get = vi.spyOn(Map.prototype, 'get')
      try {
        expect(ask(one)).toEqual({ allow: true })
        return get.mock.calls.length
      } finally {
        get.mockRestore()
      }
    }
    expect(questions(100_000)).toBe(questions(10))
    expect(questions(10)).toBeLessThanOrEqual(3)
  })

  test('known permissions then no promise is made', () => {
    expect(isPromise(ask(permissions({ grants: rows, resource: () => 'users' })))).toBe(false)
  })
})
