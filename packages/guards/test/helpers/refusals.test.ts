import type { Decision } from '@palisade/core/middleware'
import { fakeClock } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import {
  type AnyGuard,
  allowIp,
  check,
  defineGuard,
  during,
  ensure,
  not,
  permissions,
  recordGuard,
  requireFreshLogin,
  requireMethod,
  requireOwnership,
  requireRole,
  requireScopes,
  requireTenant,
} from '../../src/index.js'
import { identity } from '../support/callers.js'

const NOW = Date.UTC(2026, 0, 7, 12)
const services = { clock: fakeClock(NOW) }
const at = (seconds: number) => ({
  identity: identity({ claims: { auth_time: NOW / 1000 - seconds } }),
  services,
})
const ada = { identity: identity({ tenant: 'acme' }) }
const homeless = { identity: identity() }
const client = (ip: string | undefined, bannable = true) => ({ client: { ip, key: ip, bannable } })

const NO_RECORD = Symbol('no record')
type Row = readonly [
  title: string,
  guard: AnyGuard,
  about: object,
  record: unknown,
  expected: 'allow' | Partial<Extract<Decision, { allow: false }>>,
]

const NOT_FOUND = { status: 404, code: 'NOT_FOUND', message: 'The requested resource was not found' } as const
const FORBIDDEN = { status: 403, code: 'FORBIDDEN', message: 'Access denied' } as const
const UNAUTHORIZED = { status: 401, code: 'UNAUTHORIZED' } as const

const everyCaller: readonly [string, AnyGuard][] = [
  ['requireScopes', requireScopes('a')],
  ['requireRole', requireRole('a')],
  ['requireMethod', requireMethod('jwt')],
  ['requireFreshLogin', requireFreshLogin('5m')],
  ['requireOwnership', requireOwnership()],
  ['requireOwnership that conceals', requireOwnership({ conceal: true })],
  ['requireTenant', requireTenant()],
  ['permissions', permissions({ resource: 'a', action: 'read', grants: ['**'] })],
  ['defineGuard', defineGuard('mine', () => true)],
  ['recordGuard', recordGuard('mine', () => true)],
]

const rows: readonly Row[] = [
  ...everyCaller.map(
    ([name, guard]): Row => [
      `${name} without an identity`,
      guard,
      { identity: undefined, services, method: 'GET' },
      { ownerId: 'ada' },
      { ...UNAUTHORIZED, message: 'Authentication is required' },
    ],
  ),

  [
    'a role that is held',
    requireRole('admin'),
    { identity: identity({ roles: ['admin'] }) },
    NO_RECORD,
    'allow',
  ],
  [
    'one of two roles',
    requireRole('admin', 'editor'),
    { identity: identity({ roles: ['editor'] }) },
    NO_RECORD,
    'allow',
  ],
  [
    'one of two roles where all are needed',
    requireRole('admin', 'editor', { all: true }),
    { identity: identity({ roles: ['editor'] }) },
    NO_RECORD,
    { ...FORBIDDEN, missing: ['admin'], reason: 'the roles lack all of: admin' },
  ],
  [
    'both of two roles',
    requireRole(['admin', 'editor'], { all: true }),
    { identity: identity({ roles: ['editor', 'admin'] }) },
    NO_RECORD,
    'allow',
  ],
  [
    'a role that is a part of another',
    requireRole('admin'),
    { identity: identity({ roles: ['not-admin', 'admin2', 'ADMIN'] }) },
    NO_RECORD,
    { ...FORBIDDEN, missing: ['admin'] },
  ],
  [
    'a wildcard, which no role is',
    requireRole('admin'),
    { identity: identity({ roles: ['*', '**'] }) },
    NO_RECORD,
    FORBIDDEN,
  ],
  [
    "a role named as a prototype's property",
    requireRole('__proto__'),
    { identity: identity() },
    NO_RECORD,
    FORBIDDEN,
  ],

  ['the method', requireMethod('session', 'jwt'), ada, NO_RECORD, 'allow'],
  [
    'another method',
    requireMethod('session'),
    ada,
    NO_RECORD,
    { ...FORBIDDEN, reason: 'identified by "jwt", not by session' },
  ],

  ['a login of just now', requireFreshLogin('5m'), at(0), NO_RECORD, 'allow'],
  ['a login exactly as old as it may be', requireFreshLogin('5m'), at(300), NO_RECORD, 'allow'],
  [
    'a login a second too old',
    requireFreshLogin('5m'),
    at(301),
    NO_RECORD,
    { ...UNAUTHORIZED, message: 'A more recent login is required', reason: 'the login is too old' },
  ],
  ['a login by a clock that runs a little ahead', requireFreshLogin('5m'), at(-30), NO_RECORD, 'allow'],
  [
    'a login in the future',
    requireFreshLogin('5m'),
    at(-31),
    NO_RECORD,
    { ...UNAUTHORIZED, undecided: true, reason: 'auth_time lies in the future' },
  ],
  [
    'a login of an unknown time',
    requireFreshLogin('5m'),
    { ...ada, services },
    NO_RECORD,
    { ...UNAUTHORIZED, undecided: true },
  ],
  [
    'a time of login in text',
    requireFreshLogin('5m'),
    { identity: identity({ claims: { auth_time: String(NOW / 1000) } }), services },
    NO_RECORD,
    UNAUTHORIZED,
  ],
  [
    'a time of login that is no number',
    requireFreshLogin('5m'),
    { identity: identity({ claims: { auth_time: Number.NaN } }), services },
    NO_RECORD,
    UNAUTHORIZED,
  ],

  ['the owner', requireOwnership(), ada, { ownerId: 'ada' }, 'allow'],
  [
    'the owner by a number',
    requireOwnership(),
    { identity: identity({ subject: '42' }) },
    { ownerId: 42 },
    'allow',
  ],
  [
    'the owner by a large number',
    requireOwnership(),
    { identity: identity({ subject: '90071992547409930' }) },
    { ownerId: 90071992547409930n },
    'allow',
  ],
  ['the owner in another field', requireOwnership('userId'), ada, { userId: 'ada' }, 'allow'],
  [
    'the owner by a function',
    requireOwnership({ owner: (order: { customer: { id: string } }) => order.customer.id }),
    ada,
    { customer: { id: 'ada' } },
    'allow',
  ],
  [
    "somebody else's record",
    requireOwnership(),
    ada,
    { ownerId: 'bob' },
    { ...FORBIDDEN, reason: 'requireOwnership said no' },
  ],
  [
    "somebody else's record, concealed",
    requireOwnership({ conceal: true }),
    ada,
    { ownerId: 'bob' },
    { ...NOT_FOUND, reason: 'requireOwnership said no' },
  ],
  ["nobody's record", requireOwnership(), ada, {}, FORBIDDEN],
  [
    "nobody's record and a caller without a name",
    requireOwnership(),
    { identity: identity({ subject: '' }) },
    { ownerId: '' },
    FORBIDDEN,
  ],
  [
    "nobody's record and a caller named as nothing",
    requireOwnership(),
    { identity: identity({ subject: 'undefined' }) },
    { ownerId: undefined },
    FORBIDDEN,
  ],
  ['a record that does not exist', requireOwnership(), ada, undefined, { ...NOT_FOUND, undecided: true }],
  ['a record that is null', requireOwnership(), ada, null, { ...NOT_FOUND, undecided: true }],
  [
    'no record to own',
    requireOwnership(),
    ada,
    NO_RECORD,
    { ...FORBIDDEN, undecided: true, reason: 'requireOwnership was given no record' },
  ],
  [
    'no record to own, concealed',
    requireOwnership({ conceal: true }),
    ada,
    NO_RECORD,
    { ...NOT_FOUND, undecided: true },
  ],
  [
    'a record that is loaded',
    requireOwnership({ load: () => ({ ownerId: 'ada' }) }),
    ada,
    NO_RECORD,
    'allow',
  ],
  [
    'a record that cannot be found',
    requireOwnership({ load: async () => undefined }),
    ada,
    NO_RECORD,
    { ...NOT_FOUND, undecided: true },
  ],
  [
    'a given record before a loaded one',
    requireOwnership({ load: () => ({ ownerId: 'ada' }) }),
    ada,
    { ownerId: 'bob' },
    FORBIDDEN,
  ],

  ['a tenant', requireTenant(), ada, NO_RECORD, 'allow'],
  [
    'no tenant',
    requireTenant(),
    homeless,
    NO_RECORD,
    { ...FORBIDDEN, undecided: true, reason: 'the caller has no tenant' },
  ],
  [
    'an empty tenant where the caller alone is asked',
    requireTenant(),
    { identity: identity({ tenant: '' }) },
    NO_RECORD,
    { ...FORBIDDEN, undecided: true, reason: 'the caller has no tenant' },
  ],
  ['an empty tenant', requireTenant(), { identity: identity({ tenant: '' }) }, { tenantId: '' }, FORBIDDEN],
  ["the tenant's record", requireTenant(), ada, { tenantId: 'acme' }, 'allow'],
  ["the tenant's record in another field", requireTenant('org'), ada, { org: 'acme' }, 'allow'],
  ["another tenant's record", requireTenant(), ada, { tenantId: 'globex' }, FORBIDDEN],
  [
    "another tenant's record, concealed",
    requireTenant({ conceal: true }),
    ada,
    { tenantId: 'globex' },
    NOT_FOUND,
  ],
  ["nobody's record for a tenant", requireTenant(), ada, {}, FORBIDDEN],
  ["nobody's record for no tenant", requireTenant(), homeless, {}, FORBIDDEN],
  ["nobody's record for no tenant, concealed", requireTenant({ conceal: true }), homeless, {}, NOT_FOUND],
  [
    "a tenant's record that does not exist",
    requireTenant(),
    ada,
    undefined,
    { ...NOT_FOUND, undecided: true },
  ],
  [
    'no record where a field of one is named',
    requireTenant('org'),
    ada,
    NO_RECORD,
    { ...FORBIDDEN, undecided: true },
  ],
  [
    'a record of a tenant that is loaded',
    requireTenant({ load: async () => ({ tenantId: 'acme' }) }),
    ada,
    NO_RECORD,
    'allow',
  ],

  ['an address in a range', allowIp(['10.0.0.0/8']), client('10.1.2.3'), NO_RECORD, 'allow'],
  [
    'an address outside',
    allowIp(['10.0.0.0/8']),
    client('11.0.0.1'),
    NO_RECORD,
    { ...FORBIDDEN, reason: 'the address 11.0.0.1 is not in the ranges' },
  ],
  ['an address of version 6', allowIp(['2001:db8::/32']), client('2001:db8::7'), NO_RECORD, 'allow'],
  [
    'no address',
    allowIp(['0.0.0.0/0', '::/0']),
    client(undefined),
    NO_RECORD,
    { ...FORBIDDEN, undecided: true },
  ],
  [
    'a listed address that came through a translator',
    allowIp(['192.0.2.0/24']),
    { client: { ip: '64:ff9b::c000:221', key: '192.0.2.33', bannable: true } },
    NO_RECORD,
    { ...FORBIDDEN, undecided: true },
  ],
  [
    "a proxy's own address",
    allowIp(['10.0.0.0/8']),
    client('10.0.0.1', false),
    NO_RECORD,
    { ...FORBIDDEN, undecided: true },
  ],
  [
    "a proxy's own address where that is meant",
    allowIp(['10.0.0.0/8'], { unverified: true }),
    client('10.0.0.1', false),
    NO_RECORD,
    'allow',
  ],

  ['an hour within', during('12:00-12:01', 'UTC'), { services }, NO_RECORD, 'allow'],
  [
    'an hour outside',
    during('Mon-Fri 13:00-17:00', 'UTC'),
    { services },
    NO_RECORD,
    {
      ...FORBIDDEN,
      message: 'Access is not allowed at this time',
      reason: 'now is outside of Mon-Fri 13:00-17:00 UTC',
    },
  ],

  [
    "a team's own yes",
    recordGuard('editor', (ctx, post: { editors: string[] }) =>
      post.editors.includes(ctx.state.identity.subject),
    ),
    ada,
    { editors: ['ada'] },
    'allow',
  ],
  [
    "a team's own no",
    recordGuard('editor', async () => false),
    ada,
    {},
    { ...FORBIDDEN, reason: 'editor said no' },
  ],
  [
    "a team's own no, concealed",
    recordGuard('editor', async () => false, { conceal: true }),
    ada,
    {},
    NOT_FOUND,
  ],
  [
    "a team's own refusal, concealed",
    recordGuard(
      'editor',
      () => ({ allow: false, status: 403, code: 'LOCKED', message: 'It is locked', reason: 'locked' }),
      { conceal: true },
    ),
    ada,
    {},
    { ...NOT_FOUND, reason: 'locked' },
  ],
  [
    "a team's own 401, which hides nothing",
    recordGuard(
      'editor',
      () => ({ allow: false, status: 401, code: 'UNAUTHORIZED', message: 'again', reason: 'r' }),
      { conceal: true },
    ),
    ada,
    {},
    { ...UNAUTHORIZED, message: 'again' },
  ],
]

describe('given a helper when it is asked about', () => {
  test.each(rows)('%s', async (_, guard, about, record, expected) => {
    const ask = check as (...given: readonly unknown[]) => unknown
    const decision = await (record === NO_RECORD ? ask(guard, about) : ask(guard, about, record))
    if (expected === 'allow') expect(decision).toEqual({ allow: true })
    else expect(decision).toMatchObject({ allow: false, ...expected })
  })

  test('a record that is there then only for the want of one is a refusal undecided', () => {
    expect(check(requireOwnership(), ada, { ownerId: 'bob' })).not.toHaveProperty('undecided')
    expect(check(requireTenant(), ada, { tenantId: 'globex' })).not.toHaveProperty('undecided')
  })
})

describe('given a record that does not say whose it is, when a guard on it is turned round, then nobody knows and nobody gets in', () => {
  const unset: readonly [string, unknown][] = [
    ['no such field', {}],
    ['null', { ownerId: null, tenantId: null }],
    ['undefined', { ownerId: undefined, tenantId: undefined }],
    ['an empty text', { ownerId: '', tenantId: '' }],
  ]
  const guards: readonly [string, AnyGuard, number][] = [
    ['requireOwnership', requireOwnership(), 403],
    ['requireOwnership that conceals', requireOwnership({ conceal: true }), 404],
    ['requireTenant', requireTenant(), 403],
    ['requireTenant that conceals', requireTenant({ conceal: true }), 404],
  ]
  test.each(guards.flatMap(guard => unset.map(record => [...guard, ...record] as const)))(
    '%s (%o, %d): %s',
    (_, guard, status, __, record) => {
      for (const each of [guard, not(guard)])
        expect(check(each, ada as never, record as never)).toMatchObject({
          allow: false,
          status,
          undecided: true,
        })
    },
  )

  test.each([undefined, ''])(
    'a caller whose subject is %j is no owner, nor decidedly somebody else',
    subject => {
      const about = { identity: { ...identity(), subject } } as never
      for (const record of [{ ownerId: subject }, { ownerId: 'bob' }, { ownerId: 'undefined' }])
        for (const guard of [requireOwnership(), not(requireOwnership())])
          expect(check(guard as AnyGuard, about, record as never)).toMatchObject({
            allow: false,
            undecided: true,
          })
    },
  )
})

describe('given an id in a record when it is none', () => {
  const ask = (ownerId: unknown) => () =>
    check(requireOwnership() as AnyGuard, ada as never, { ownerId } as never)

  test.each([
    ['a promise', Promise.resolve('ada')],
    ['an object', { toString: () => 'ada' }],
    ['a list', ['ada']],
    ['a fraction', 1.5],
    ['a boolean', true],
  ])('%s then it is an error and no answer', (_, ownerId) => {
    expect(ask(ownerId)).toThrow(TypeError)
  })

  test('a promise that rejects then it is the same error, and no rejection is left', async () => {
    for (const guard of [
      requireOwnership({ owner: (async () => Promise.reject(new Error('down'))) as never }),
      requireTenant({ tenant: (async () => Promise.reject(new Error('down'))) as never }),
    ])
      expect(() => check(guard as AnyGuard, ada as never, {} as never)).toThrow(TypeError)
    // An unhandled rejection would end the process, and fails this run.
    await new Promise(resolve => setImmediate(resolve))
  })
})

describe('given a record that somebody forgot to wait for when it is asked about', () => {
  const later = (record: unknown) => Promise.resolve(record) as never
  const forgotten = async (guard: AnyGuard, record: unknown) => check(guard, ada as never, later(record))

  test('then it is waited for, and its negation is no yes', async () => {
    expect(await forgotten(requireOwnership(), { ownerId: 'ada' })).toEqual({ allow: true })
    expect(await forgotten(requireOwnership(), { ownerId: 'bob' })).toMatchObject({ status: 403 })
    expect(await forgotten(requireOwnership(), undefined)).toMatchObject({ status: 404 })
    expect(await forgotten(not(requireOwnership()), { ownerId: 'ada' })).toMatchObject({ allow: false })
    await expect(
      ensure(requireOwnership() as AnyGuard, ada as never, later({ ownerId: 'bob' })),
    ).rejects.toThrow('Access denied')
  })

  test('then its rejection is the answer', async () => {
    const rejected = Promise.reject(new Error('down')) as never
    await expect((async () => check(requireOwnership(), ada, rejected))()).rejects.toThrow('down')
  })
})
