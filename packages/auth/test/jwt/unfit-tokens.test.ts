import { pipeline } from '@palisade/core'
import { fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import {
  apiKey,
  apiKeys,
  basic,
  cookie,
  type JwtOptions,
  jwt,
  type Strategy,
  bearer as tokens,
} from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { fakeLimiter } from '../support/fake-limiter.js'
import { AUDIENCE, claims, forge, ISSUER, NOW, SECRET } from '../support/tokens.js'

const base = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }
type Unfit = [what: string, token: (n: number) => string, options?: Partial<JwtOptions>]
const of =
  (changes: object, header: object = {}) =>
  (n: number) =>
    forge({ alg: 'HS256', ...header }, { ...claims(), jti: String(n), ...changes })

/** Each is signed by the issuer, and each colleague has one of his own. */
const UNFIT: Unfit[] = [
  ['expired', of({ exp: NOW - 60 })],
  ['not valid yet', of({ nbf: NOW + 600 })],
  ['of another media type', of({}, { typ: 'logout+jwt' })],
  ['of another media type than asked for', of({}, { typ: 'JWT' }), { typ: 'at+jwt' }],
  ['for another audience', of({ aud: 'billing' })],
  ['without an audience', of({ aud: undefined })],
  ['of another client', of({ client_id: 'x' }), { audience: { claim: 'client_id', values: 'y' } }],
  ['without a subject', of({ sub: undefined })],
  ['without the subject asked for', of({}), { subject: 'uid' }],
  ['without an end', of({ exp: undefined })],
  ['with an odd iat', of({ iat: 'today' })],
  ['an id token', of({ at_hash: 'x' })],
  ['a refresh token', of({ typ: 'Refresh' })],
  ['an id token of Cognito', of({ token_use: 'id' })],
  ['with odd roles', of({ groups: {} }), { roles: 'groups' }],
  ['with an odd jti', of({ jti: {} }), { isRevoked: () => false }],
  ['refused by validate', of({}), { validate: () => false }],
  ['revoked', of({}), { isRevoked: () => true }],
  ['revoked, as a promise says', of({}), { isRevoked: async () => true }],
  [
    'of another tenant',
    of({ iss: 'https://x/t1', tid: 't2' }),
    { issuer: 'https://x/{tenantid}', tenants: ['t1', 't2'] },
  ],
]

describe.each(UNFIT)('given tokens that the issuer signed, and that are %s', (_, token, options) => {
  const setUp = (limit: number) => {
    const limiter = fakeLimiter(limit)
    const strategy = jwt({ ...base, ...options } as JwtOptions)
    return { limiter, ...edge({ strategies: [strategy], throttle: { jwt: limiter } }) }
  }

  test('when five colleagues behind one address send theirs, then nothing is held against it', async () => {
    const here = setUp(2)
    for (let n = 0; n < 5; n++) expect((await here.send(bearer(token(n)))).status).toBe(401)
    expect(here.violations.reduce((sum, { weight }) => sum + weight, 0)).toBe(0)
    expect([...here.limiter.used.values()]).toEqual([0])
  })
})

describe('given tokens that the issuer did not sign', () => {
  test.each<[string, (n: number) => string]>([
    ['by another secret', n => forge({ alg: 'HS256' }, claims({ jti: String(n) }), 'x'.repeat(40))],
    [
      'by another secret, and expired',
      n => forge({ alg: 'HS256' }, claims({ jti: String(n), exp: 1 }), 'x'.repeat(40)),
    ],
    [
      'by another secret, for another audience',
      n => forge({ alg: 'HS256' }, claims({ jti: String(n), aud: 'b' }), 'x'.repeat(40)),
    ],
    ['of another issuer', n => forge({ alg: 'HS256' }, claims({ jti: String(n), iss: 'https://other' }))],
    [
      'without a signature',
      n =>
        `${forge({ alg: 'none' }, claims({ jti: String(n) }))
          .split('.')
          .slice(0, 2)
          .join('.')}.`,
    ],
    ['of no form', n => `a.b.c${n}`],
  ])('when they come %s, then each is a guess', async (_, token) => {
    const limiter = fakeLimiter(2)
    const here = edge({ strategies: [jwt(base)], throttle: { jwt: limiter } })
    const statuses: number[] = []
    for (let n = 0; n < 3; n++) statuses.push((await here.send(bearer(token(n)))).status)
    expect(statuses).toEqual([401, 401, 429])
    expect(here.violations.map(({ weight }) => weight)).toEqual([1, 1, 1])
  })
})

describe('given the reason of a refusal', () => {
  const SECRET_PART = 'do-not-log-me'
  const REASONS: [what: string, changes: object, options: Partial<JwtOptions>, hint: RegExp][] = [
    ['issuer', { iss: `${ISSUER}/` }, {}, /"issuer"/],
    ['algorithm', {}, { algorithms: ['HS384'], secret: 's'.repeat(48) }, /"algorithms"/],
    ['signature', {}, { secret: 'another secret of thirty-two characters' }, /"secret"/],
    ['header typ', {}, { typ: 'at+jwt' }, /"typ"/],
    ['claim aud', { aud: undefined }, {}, /"audience".*\{ claim, values \}/],
    ['claim sub', { sub: undefined }, {}, /"subject".*"identity"/],
    ['expired', { exp: NOW - 60 }, {}, /"clockTolerance"/],
    ['claim nbf', { nbf: NOW + 60 }, {}, /"clockTolerance"/],
    ['claim exp', { exp: 'never' }, {}, /"exp"/],
    ['id token', { nonce: SECRET_PART }, {}, /access token/],
    ['claim typ', { typ: 'ID' }, {}, /access token/],
    ['claim roles', { roles: 7 }, { roles: 'roles' }, /"roles"/],
    ['validate', {}, { validate: () => false }, /"validate"/],
    ['revoked', {}, { isRevoked: () => true }, /"isRevoked"/],
  ]

  test.each(REASONS)(
    'when it is %s, then a debug line has it with the option, and no token',
    async (reason, changes, options, hint) => {
      const here = edge({ strategies: [jwt({ ...base, ...options } as JwtOptions)] })
      const token = forge({ alg: 'HS256' }, { ...claims(), email: SECRET_PART, ...changes })
      await here.send(bearer(token))
      const lines = here.debugs.filter(({ message }) => message === 'a request was not authenticated')
      expect(lines.map(({ fields }) => fields)).toEqual([
        { strategy: 'jwt', reason, hint: expect.stringMatching(hint), request_id: expect.any(String) },
      ])
      const written = JSON.stringify(here.debugs)
      for (const part of [...token.split('.'), SECRET, SECRET_PART]) expect(written).not.toContain(part)
      expect(here.logs).toEqual([])
    },
  )

  test('when a request has no credential or a broken one, then that is written too, and nothing of it', async () => {
    const here = edge({ strategies: [jwt(base)] })
    await here.send()
    await here.send({ headers: { authorization: 'Bearer do not log me' } })
    await here.send(bearer('do.not.log'))
    expect(here.debugs.map(({ fields }) => fields['reason'])).toEqual([
      'no credentials',
      'malformed',
      'no JSON',
    ])
    expect(JSON.stringify(here.debugs)).not.toContain('not.log')
  })

  const token = (header: object, changes: object = {}) => bearer(forge(header, { ...claims(), ...changes }))
  const down = {
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUri: 'https://login.example/jwks',
    fetch: () => Promise.reject(new Error('down')),
  }
  const WITHOUT_HINT: [reason: string, request: InjectedRequest, strategies?: readonly Strategy[]][] = [
    ['no credentials', {}],
    ['malformed', { headers: { authorization: 'Bearer a b' } }],
    [
      'malformed',
      { headers: { authorization: 'Bearer a.b.c', cookie: 'token=a.b.c' } },
      [jwt({ ...base, from: [tokens(), cookie('token', { csrf: 'handled' })] })],
    ],
    ['token too long', bearer(`${'a'.repeat(9000)}.b.c`)],
    ['no JWS', bearer('abc')],
    ['no JSON', bearer('a.b.c')],
    ['no signature', token({ alg: 'none' })],
    ['header jku', token({ alg: 'HS256', jku: 'https://evil.example' })],
    ['header crit', token({ alg: 'HS256', crit: ['exp'] })],
    ['header kid', token({ alg: 'HS256', kid: 7 })],
    ['claim iss', token({ alg: 'HS256' }, { iss: undefined })],
    ['issuer down', token({ alg: 'RS256', kid: 'k' }), [jwt(down)]],
    ['verification failed', token({ alg: 'HS256' }), [jwt({ ...base, validate: () => 7 as never })]],
    ['no key', { headers: { 'x-api-key': `pk_${'a'.repeat(16)}` } }, [apiKey({ keys: apiKeys() })]],
    [
      'wrong password',
      { headers: { authorization: `Basic ${btoa('ada:x')}` } },
      [basic({ verify: () => null })],
    ],
  ]

  test.each(WITHOUT_HINT)('when it is %s, then the line has no hint', async (...row) => {
    const [reason, request, strategies = [jwt(base)]] = row
    const here = edge({ strategies })
    await here.send(request)
    const line = here.debugs.find(({ message }) => message === 'a request was not authenticated')
    expect(line?.fields).toEqual({
      ...(reason !== 'no credentials' && { strategy: strategies[0]?.name }),
      reason,
      request_id: expect.any(String),
    })
  })

  test('when an attempt is throttled, then the line has no hint either', async () => {
    const here = edge({ strategies: [jwt(base)], throttle: { jwt: fakeLimiter(0) } })
    await here.send(token({ alg: 'HS256' }))
    expect(here.debugs.map(({ fields }) => fields)).toEqual([
      { strategy: 'jwt', reason: 'throttled', request_id: expect.any(String) },
    ])
  })

  test('when a logger of the team fails at it, then the request is refused as ever', async () => {
    const fail = () => {
      throw new Error('disk full')
    }
    const { authenticate } = await import('../../src/index.js')
    const logger = { debug: fail, info: fail, warn: fail, error: fail }
    const built = pipeline({ clock: fakeClock(), logger }).use(authenticate({ strategies: [jwt(base)] }))
    expect((await inject(built, bearer(forge({ alg: 'HS256' }, claims({ aud: 'x' }))))).status).toBe(401)
  })
})
