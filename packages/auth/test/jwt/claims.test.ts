import type { Identity } from '@palisade/core'
import { describe, expect, test } from 'vitest'
import { type IdentityMapping, type JwtOptions, jwt, type VerifiedClaims } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { AUDIENCE, claims, forge, ISSUER, SECRET } from '../support/tokens.js'

const base = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }
const by = (options: Partial<JwtOptions> = {}) =>
  edge({ strategies: [jwt({ ...base, ...options } as JwtOptions)] })
const token = (changes: object = {}) => bearer(forge({ alg: 'HS256' }, { ...claims(), ...changes }))

const nothing = (identity: Identity | undefined) => ({
  scopes: [...(identity?.scopes ?? [])],
  roles: [...(identity?.roles ?? [])],
  tenant: identity?.tenant,
  permissions: identity?.permissions,
})
const EMPTY = { scopes: [], roles: [], tenant: undefined, permissions: undefined }
const ODD_LISTS: unknown[] = [{ admin: true }, 7, true, ['a', 1], ['a', {}], [['a']], ['']]
const ODD_TEXTS: unknown[] = [{ id: 't' }, 7, true, ['t']]
const kinds = [
  ...['roles', 'permissions', 'scope', 'scp'].flatMap(name => ODD_LISTS.map(odd => [name, odd] as const)),
  ...ODD_TEXTS.map(odd => ['tenant', odd] as const),
]

describe('given a claim that has the name of a part by chance, and another type', () => {
  test.each(kinds)('when %s is %j, then it grants nothing and harms nothing', async (name, odd) => {
    const { send, logs } = by()
    const { status, state } = await send(token({ [name]: odd }))
    expect([status, nothing(state.identity)]).toEqual([200, EMPTY])
    expect(state.identity?.claims[name]).toEqual(odd)
    expect(logs).toEqual([])
  })

  test('when all of them are odd, then a right one beside them still counts', async () => {
    const { state } = await by().send(
      token({ roles: 7, tenant: {}, permissions: {}, scope: {}, scp: ['read'] }),
    )
    expect(nothing(state.identity)).toEqual({ ...EMPTY, scopes: ['read'] })
  })

  test.each(kinds)(
    'when %s is %j and the team named that claim, then the token is refused',
    async (name, odd) => {
      const option = name === 'scope' || name === 'scp' ? 'scopes' : name
      const here = by({ [option]: name })
      expect((await here.send(token({ [name]: odd }))).status).toBe(401)
      expect([here.failures[0]?.reason, here.violations]).toEqual([`claim ${option}`, []])
      expect(here.debugs.at(-1)?.fields['hint']).toContain(`"${option}" names a claim`)
    },
  )

  test.each(['jti', 'sid'])('when %s is a number, then it matters only to isRevoked', async name => {
    expect((await by().send(token({ [name]: 7 }))).status).toBe(200)
    const asked = by({ isRevoked: () => false })
    expect((await asked.send(token({ [name]: 7 }))).status).toBe(401)
    expect(asked.failures[0]?.reason).toBe(`claim ${name}`)
  })
})

describe('given the function "identity"', () => {
  test('when it maps parts, then these count, and the others are read as ever', async () => {
    const identity = ({ sub, org, groups }: VerifiedClaims): IdentityMapping => ({
      subject: `user:${String(sub)}`,
      tenant: (org as { id: string }).id,
      roles: new Set(groups as string[]),
      claims: { org },
    })
    const { state } = await by({ identity }).send(
      token({ org: { id: 'o1' }, groups: ['a', 'b'], scope: 'read', roles: ['admin'], permissions: ['x:y'] }),
    )
    expect(state.identity).toMatchObject({
      subject: 'user:ada',
      tenant: 'o1',
      permissions: ['x:y'],
      claims: { org: { id: 'o1' } },
    })
    expect([...(state.identity?.roles ?? [])]).toEqual(['a', 'b'])
    expect([...(state.identity?.scopes ?? [])]).toEqual(['read'])
    expect(state.identity?.claims['iss']).toBeUndefined()
  })

  test('when it maps a part to undefined, then the claim of that name is not taken instead', async () => {
    const identity = () => ({
      tenant: undefined,
      roles: undefined,
      scopes: undefined,
      permissions: undefined,
    })
    const { state } = await by({ identity }).send(
      token({ tenant: 't', roles: ['admin'], scope: 'all', permissions: ['a:b'] }),
    )
    expect(nothing(state.identity)).toEqual(EMPTY)
  })

  test('when it finds the subject, then a token without sub is right, and isRevoked is told the same', async () => {
    const told: string[] = []
    const here = by({
      identity: async ({ client_id }) => ({ subject: `client:${String(client_id)}` }),
      isRevoked: ({ sub }) => told.push(sub) < 0,
    })
    const { status, state } = await here.send(token({ sub: undefined, client_id: 'batch' }))
    expect([status, state.identity?.subject, told]).toEqual([200, 'client:batch', ['client:batch']])
  })

  test.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['a list', () => []],
    ['text', () => 'ada'],
    ['a misspelt part', () => ({ role: ['admin'] })],
    ['a role that is text', () => ({ roles: 'admin' })],
    ['a scope that is a number', () => ({ scopes: [1] })],
    ['an empty role', () => ({ roles: [''] })],
    ['a permission set', () => ({ permissions: new Set(['a:b']) })],
    ['a tenant that a query reads as an operator', () => ({ tenant: { $ne: null } })],
    ['a subject that is a number', () => ({ subject: 7 })],
    ['a promise of nothing', async () => undefined],
    ['claims that are a list', () => ({ claims: [] })],
    [
      'an error',
      () => {
        throw new Error('secret-host')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('secret-host'))],
    [
      'a change of the claims',
      (claims?: { sub: string }) => {
        ;(claims as { sub: string }).sub = 'root'
        return {}
      },
    ],
  ] as never)('when it returns %s, then it is a 503 that is logged', async (_, identity) => {
    const here = by({ identity: identity as never })
    const { status, passed, body } = await here.send(token())
    expect([status, passed, here.logs.length, here.violations]).toEqual([503, false, 1, []])
    expect(body).not.toContain('secret-host')
  })

  test.each(['', undefined])('when it maps the subject to %j, then the token has none', async subject => {
    const here = by({ identity: () => ({ subject }) })
    expect([(await here.send(token())).status, here.failures[0]?.reason]).toEqual([401, 'claim sub'])
  })
})

describe('given the function "validate"', () => {
  test.each<[string, unknown, number]>([
    ['true', true, 200],
    ['a promise of true', Promise.resolve(true), 200],
    ['false', false, 401],
    ['a promise of false', Promise.resolve(false), 401],
    ['nothing', undefined, 503],
    ['null', null, 503],
    ['1', 1, 503],
    ['text', 'yes', 503],
    ['an object', {}, 503],
    ['a promise of text', Promise.resolve('yes'), 503],
  ])('when it says %s, then the request is %3$i', async (_, answer, status) => {
    const here = by({ validate: () => answer as boolean })
    const response = await here.send(token())
    expect([response.status, response.passed, here.violations]).toEqual([status, status === 200, []])
    expect(here.logs.length).toBe(status === 503 ? 1 : 0)
    if (status === 401) expect(here.failures[0]?.reason).toBe('validate')
  })

  test.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('secret-host')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret-host'))],
    [
      'throws what cannot be inspected',
      () => {
        throw Proxy.revocable({}, {}).proxy
      },
    ],
  ])('when it %s, then it is a 503 that is logged, and nothing of it is told', async (_, validate) => {
    const here = by({ validate })
    const { status, body } = await here.send(token())
    expect([status, here.logs.length, body.includes('secret-host')]).toEqual([503, 1, false])
  })

  test('when a token is in the cache, then it is not asked again, and never for what is not right', async () => {
    const seen: unknown[] = []
    const here = by({ validate: ({ sub }) => seen.push(sub) > 0 })
    for (let i = 0; i < 3; i++) await here.send(token())
    await here.send(token({ aud: 'other' }))
    await here.send(bearer(forge({ alg: 'HS256' }, claims(), 'another secret of thirty-two characters')))
    expect(seen).toEqual(['ada'])
  })

  test('when it refuses, then that is not remembered', async () => {
    let isRight = false
    const here = by({ validate: () => isRight })
    expect((await here.send(token())).status).toBe(401)
    isRight = true
    expect((await here.send(token())).status).toBe(200)
  })
})
