import { createPublicKey, createSecretKey } from 'node:crypto'
import { fakeClock } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { type JwtOptions, jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { AUDIENCE, claims, ec, ed, forge, ISSUER, NOW, rsa, SECRET, sign } from '../support/tokens.js'

const base = { issuer: ISSUER, audience: AUDIENCE }
const shared: JwtOptions = { ...base, secret: SECRET, algorithms: ['HS256'] }
const by = (options: Partial<JwtOptions> = {}) =>
  edge({ strategies: [jwt({ ...shared, ...options } as JwtOptions)] })
const INVALID = 'Bearer realm="api", error="invalid_token", error_description="The access token is invalid"'
const EXPIRED = 'Bearer realm="api", error="invalid_token", error_description="The access token expired"'
const MALFORMED = 'Bearer realm="api", error="invalid_request", error_description="Malformed credentials"'

describe('a token that is right', () => {
  test.each([
    ['is absent', undefined, undefined],
    ['is empty', [], []],
    ['is null, as some issuers write an empty list', null, []],
    ['has one', ['a:b'], ['a:b']],
    ['is one', 'a:b', ['a:b']],
  ])(
    'given permissions where the claim %s, then that is what is known of them',
    async (_, permissions, known) => {
      const { state } = await by().send(bearer(await sign(claims({ permissions }))))
      expect(state.identity?.permissions).toEqual(known)
    },
  )

  test('given a shared secret, then its claims become a frozen identity', async () => {
    const token = await sign(
      claims({
        scope: 'read write',
        roles: ['admin'],
        tenant: 't1',
        permissions: ['orders:read'],
        nested: { a: [1] },
      }),
    )
    const { status, state } = await by().send(bearer(token))
    const { identity } = state
    expect(status).toBe(200)
    expect(identity).toMatchObject({
      subject: 'ada',
      method: 'jwt',
      tenant: 't1',
      permissions: ['orders:read'],
      expiresAt: (NOW + 600) * 1000,
    })
    expect([...(identity?.scopes ?? [])]).toEqual(['read', 'write'])
    expect([...(identity?.roles ?? [])]).toEqual(['admin'])
    if (identity === undefined) throw new Error('there is no identity')
    expect(() => (identity.scopes as Set<string>).add('admin')).toThrow(TypeError)
    expect(() => (identity.roles as Set<string>).clear()).toThrow(TypeError)
    expect(() => {
      ;(identity.claims['nested'] as { a: number[] }).a.push(2)
    }).toThrow(TypeError)
    expect(() => {
      ;(identity as { subject: string }).subject = 'eve'
    }).toThrow(TypeError)
  })

  test.each([
    ['RS256', rsa],
    ['PS512', rsa],
    ['ES256', ec],
    ['EdDSA', ed],
  ])('given a public key, then %s is inferred from it, in each of its forms', async (alg, pair) => {
    const token = await sign(claims(), { alg, key: pair.privateKey })
    const forms = [
      pair.publicKey,
      pair.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      pair.publicKey.export({ format: 'jwk' }),
    ]
    for (const publicKey of forms) {
      const { status } = await edge({ strategies: [jwt({ ...base, publicKey } as JwtOptions)] }).send(
        bearer(token),
      )
      expect(status).toBe(200)
    }
  })

  test.each(['HS256', 'HS384', 'HS512'])(
    'given a secret for all of them, then %s is verified by it',
    async alg => {
      const secret = 's'.repeat(64)
      const token = await sign(claims(), { alg, key: createSecretKey(Buffer.from(secret)) })
      const all = ['HS256', 'HS384', 'HS512']
      const { send } = by({ secret, algorithms: all })
      for (let i = 0; i < 2; i++) expect((await send(bearer(token))).status).toBe(200)
      const others = by({ secret, algorithms: all.filter(other => other !== alg) })
      expect((await others.send(bearer(token))).status).toBe(401)
    },
  )

  test.each([
    ['bearer', 200],
    ['BEARER', 200],
    ['Bearer ', 200],
  ])('given the scheme %j, then its case and spaces do not matter', async (scheme, status) => {
    expect((await by().send({ headers: { authorization: `${scheme} ${await sign()}` } })).status).toBe(status)
  })

  test('given another header, then it holds the token alone', async () => {
    const token = await sign()
    const here = by({ header: 'X-Token' })
    expect((await here.send({ headers: { 'x-token': token } })).status).toBe(200)
    expect((await here.send({ headers: { 'x-token': `Bearer ${token}` } })).status).toBe(400)
    expect((await here.send(bearer(token))).status).toBe(401)
  })

  test('given several audiences and scopes as a list, then one audience is enough', async () => {
    const token = await sign(claims({ aud: ['other', 'orders'], scp: ['read'] }))
    const { state } = await by({ audience: ['billing', 'orders'] }).send(bearer(token))
    expect([...(state.identity?.scopes ?? [])]).toEqual(['read'])
  })

  test('given roles deep in the claims, then a path leads to them', async () => {
    const token = await sign(claims({ realm_access: { roles: ['clerk'] } }))
    const { state } = await by({ roles: ['realm_access', 'roles'] }).send(bearer(token))
    expect(state.identity?.roles.has('clerk')).toBe(true)
  })

  test.each([
    [{ exp: NOW - 29 }, 200],
    [{ exp: NOW - 31 }, 401],
    [{ nbf: NOW + 29 }, 200],
    [{ nbf: NOW + 31 }, 401],
  ])('given %j, then clocks may differ by 30 seconds and no more (%i)', async (changes, status) => {
    expect((await by().send(bearer(await sign(claims(changes))))).status).toBe(status)
  })
})

describe('a token that is not', () => {
  test.each([
    ['iss missing', { iss: undefined }],
    ['iss of another', { iss: `${ISSUER}/` }],
    ['iss a list', { iss: [ISSUER] }],
  ])('given %s, then it is refused as invalid, and may be a guess', async (_, changes) => {
    const here = by()
    const { status, headers, state } = await here.send(
      bearer(forge({ alg: 'HS256' }, { ...claims(), ...changes })),
    )
    expect([status, headers['www-authenticate'], state.identity]).toEqual([401, INVALID, undefined])
    expect(here.violations.map(({ weight, source }) => [source, weight])).toEqual([['auth', 1]])
  })

  test.each([
    ['aud missing', { aud: undefined }],
    ['aud of another', { aud: 'billing' }],
    ['aud a prefix', { aud: 'order' }],
    ['aud mixed', { aud: ['orders', 1] }],
    ['exp missing', { exp: undefined }],
    ['exp text', { exp: String(NOW + 600) }],
    ['sub missing', { sub: undefined }],
    ['sub a number', { sub: 7 }],
    ['sub empty', { sub: '' }],
    ['an id token of Cognito', { token_use: 'id' }],
    ['a refresh token of Keycloak', { typ: 'Refresh' }],
    ['an id token of Keycloak', { typ: 'ID' }],
    ['an id token by at_hash', { at_hash: 'x' }],
    ['an id token by nonce', { nonce: 'x' }],
    ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
  ])('given %s, then it is refused as invalid, and was signed by the issuer', async (_, changes) => {
    const here = by()
    const { status, headers, state } = await here.send(
      bearer(forge({ alg: 'HS256' }, { ...claims(), ...changes })),
    )
    expect([status, headers['www-authenticate'], state.identity]).toEqual([401, INVALID, undefined])
    expect(here.violations).toEqual([])
  })

  test.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'refresh+jwt', 7, null])(
    'given the header typ %j, then it is no access token',
    async typ => {
      expect((await by().send(bearer(forge({ alg: 'HS256', typ }, claims())))).status).toBe(401)
    },
  )

  test('given it expired, then the client is told that and nothing else', async () => {
    const { status, headers, body } = await by().send(bearer(await sign(claims({ exp: NOW - 60 }))))
    expect([status, headers['www-authenticate']]).toEqual([401, EXPIRED])
    expect(body).not.toContain('expired')
  })

  test.each([
    ['alg none', { alg: 'none' }],
    ['alg None', { alg: 'None' }],
    ['alg a list', { alg: ['HS256'] }],
    ['no alg', {}],
    ['alg of another hash', { alg: 'HS512' }],
    ['alg of a public key', { alg: 'RS256' }],
    ['alg of the prototype', { alg: 'constructor' }],
    ['jku', { alg: 'HS256', jku: 'http://127.0.0.1:1/keys' }],
    ['jwk', { alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } }],
    ['x5u', { alg: 'HS256', x5u: 'http://127.0.0.1:1/cert' }],
    ['crit', { alg: 'HS256', crit: ['exp'], exp: 1 }],
    ['crit b64', { alg: 'HS256', crit: ['b64'], b64: false }],
    ['an empty crit', { alg: 'HS256', crit: [] }],
    ['kid a number', { alg: 'HS256', kid: 7 }],
    ['kid a kilobyte', { alg: 'HS256', kid: '../'.repeat(400) }],
    ['a header that is a list', ['HS256']],
    ['a header that is null', 'null'],
    ['a header that is no JSON', '{"alg":"HS256"'],
    ['a header that is no UTF-8', Buffer.from([0x22, 0xff, 0x22]).toString('latin1')],
    ['a header 2,000 lists deep', `{"alg":"HS256","x":${'['.repeat(2000)}${']'.repeat(2000)}}`],
  ])('given a header with %s, then it is refused, though the HMAC is right', async (what, header) => {
    const { status } = await by().send(bearer(forge(header, claims())))
    // Depth alone is no offence: nothing may break, that is all.
    expect(status).toBe(what.includes('deep') ? 200 : 401)
  })

  test('given a payload 2,000 lists deep, then it is frozen without a stack overflow', async () => {
    const deep = `{"iss":"${ISSUER}","aud":"orders","sub":"ada","exp":${NOW + 9},"x":${'['.repeat(2000)}${']'.repeat(2000)}}`
    expect((await by().send(bearer(forge({ alg: 'HS256' }, deep)))).status).toBe(200)
  })

  test('given no signature, or a changed one, then it is refused', async () => {
    const [header, payload, signature] = (await sign()).split('.') as [string, string, string]
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    for (const token of [
      `${header}.${payload}.`,
      `${header}.${payload}.${flipped}`,
      `${header}.${payload}x.${signature}`,
    ]) {
      const { status, headers } = await by().send(bearer(token))
      expect([status, headers['www-authenticate']]).toEqual([401, INVALID])
    }
  })

  test('given a public key, then a token signed by HMAC with that key is refused in every spelling of it', async () => {
    const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
    const der = rsa.publicKey.export({ format: 'der', type: 'spki' })
    const here = edge({ strategies: [jwt({ ...base, publicKey: pem })] })
    for (const key of [pem, pem.trim(), der, der.toString('base64')]) {
      for (const alg of ['HS256', 'RS256'])
        expect((await here.send(bearer(forge({ alg }, claims(), key)))).status).toBe(401)
    }
  })

  test('given an EC key, then a token that says RS256 is refused and nothing fails', async () => {
    const here = edge({ strategies: [jwt({ ...base, publicKey: createPublicKey(ec.privateKey) })] })
    const token = await sign(claims(), { alg: 'RS256', key: rsa.privateKey })
    expect((await here.send(bearer(token))).status).toBe(401)
    expect(here.logs).toEqual([])
  })

  test('given 8 KiB and a byte, then it is refused unread', async () => {
    const long = await sign(claims({ filler: 'x'.repeat(6200) }))
    expect(long.length).toBeGreaterThan(8192)
    expect((await by().send(bearer(long))).status).toBe(401)
  })

  test.each([
    ['nothing', 'Bearer'],
    ['only a space', 'Bearer '],
    ['two words', 'Bearer a b'],
    ['two lines', ['Bearer a.b.c', 'Bearer a.b.c']],
    ['a quote', 'Bearer "a.b.c"'],
    ['a comma', 'Bearer a.b.c,'],
    ['padding inside', 'Bearer a=b.c.d'],
    ['a tab', 'Bearer\ta.b.c'],
    ['no ASCII', 'Bearer \u00e9.b.c'],
  ])('given %s behind the scheme, then the request is malformed', async (_, authorization) => {
    const here = by()
    const { status, headers } = await here.send({ headers: { authorization } })
    expect([status, headers['www-authenticate']]).toEqual([400, MALFORMED])
    expect(here.violations.length).toBe(1)
  })

  test.each(['x', 'a.b', 'a.b.c.d', 'a.b.c.d.e', '..', 'a..c', 'A.A.A', '====', '~~~'])(
    'given the token %s, which is no JWS, then it is invalid or malformed',
    async token => {
      expect([400, 401]).toContain((await by().send(bearer(token))).status)
    },
  )

  test.each(['Basic YTpi', 'Bearerx a.b.c', 'Token a.b.c', ''])(
    'given %j, which is no bearer, then there is no credential',
    async authorization => {
      const here = by()
      const { status, headers } = await here.send({ headers: { authorization } })
      expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="api"'])
      expect(here.violations).toEqual([])
    },
  )
})

describe('several issuers', () => {
  const two = () =>
    edge({
      strategies: [
        jwt({
          issuers: [
            { issuer: ISSUER, audience: 'orders', secret: SECRET, algorithms: ['HS256'] },
            { issuer: 'https://b.test', audience: 'b-api', publicKey: ec.publicKey },
          ],
        }),
      ],
    })

  test('given each with its own key and audience, then both get in', async () => {
    const here = two()
    expect((await here.send(bearer(await sign()))).status).toBe(200)
    const other = await sign(claims({ iss: 'https://b.test', aud: 'b-api' }), {
      alg: 'ES256',
      key: ec.privateKey,
    })
    expect((await here.send(bearer(other))).status).toBe(200)
  })

  test('given the key or the audience of the other, then it is refused', async () => {
    const here = two()
    const ofOtherKey = await sign(claims(), { alg: 'ES256', key: ec.privateKey })
    const ofOtherAudience = await sign(claims({ iss: 'https://b.test', aud: 'orders' }), {
      alg: 'ES256',
      key: ec.privateKey,
    })
    const ofOtherSecret = await sign(claims({ iss: 'https://b.test', aud: 'b-api' }))
    for (const token of [ofOtherKey, ofOtherAudience, ofOtherSecret])
      expect((await here.send(bearer(token))).status).toBe(401)
  })

  test('given a template with tenants, then only they get in, under their own name', async () => {
    const template = 'https://login.test/{tenantid}/v2.0'
    const here = edge({
      strategies: [
        jwt({
          issuer: template,
          audience: AUDIENCE,
          secret: SECRET,
          algorithms: ['HS256'],
          tenants: ['t1', 't2'],
        }),
      ],
    })
    const token = (tid: string, named = tid) =>
      sign(claims({ iss: template.replace('{tenantid}', named), tid }))
    const { status, state } = await here.send(bearer(await token('t2')))
    expect([status, state.identity?.tenant]).toEqual([200, 't2'])
    expect((await here.send(bearer(await token('t3')))).status).toBe(401)
    expect((await here.send(bearer(await token('t1', 't2')))).status).toBe(401)
    expect((await here.send(bearer(await sign(claims({ iss: template, tid: 't1' }))))).status).toBe(401)
  })
})

describe('verified tokens', () => {
  test('given a token that was verified, then a request with it makes no promise', async () => {
    const here = by({ isRevoked: () => false })
    const token = await sign()
    await here.send(bearer(token))
    const compiled = here.pipeline.compile()
    const { ctx } = await here.send({ ...bearer(token), method: 'GET' })
    expect(ctx.state).toMatchObject({ identity: { subject: 'ada' } })
    expect(compiled.run(freshContext(compiled, ctx))).toBeUndefined()
  })

  test('given 60 seconds pass, or the token expires before, then it is verified again', async () => {
    const asked: number[] = []
    const clock = fakeClock()
    const strategy = jwt(shared)
    const here = edge(
      {
        strategies: [
          {
            ...strategy,
            verify: (c, a) => {
              asked.push(clock.now())
              return strategy.verify(c as never, a)
            },
          },
        ],
      },
      clock,
    )
    const long = bearer(await sign())
    for (const ms of [0, 59_999, 1, 0]) {
      clock.advance(ms)
      expect((await here.send(long)).status).toBe(200)
    }
    expect(asked.length).toBe(2)
    const short = bearer(await sign(claims({ exp: NOW + 65 })))
    expect((await here.send(short)).status).toBe(200)
    clock.advance(5000)
    expect((await here.send(short)).status).toBe(200)
    expect(asked.length).toBe(4)
    clock.advance(30_000)
    expect((await here.send(short)).status).toBe(401)
  })

  test('given another token with the same end, then it is not taken for the first', async () => {
    const here = by()
    const token = await sign()
    await here.send(bearer(token))
    const [, , signature] = token.split('.') as [string, string, string]
    const forged = `${forge({ alg: 'HS256' }, claims({ sub: 'eve' }))
      .split('.')
      .slice(0, 2)
      .join('.')}.${signature}`
    expect((await here.send(bearer(forged))).status).toBe(401)
    expect((await here.send(bearer(token))).status).toBe(200)
  })

  test.each([
    ['true', () => true, 401],
    ['a promise of true', async () => true, 401],
    ['nothing', () => undefined as unknown as boolean, 503],
    ['text', () => 'no' as unknown as boolean, 503],
    [
      'an error',
      () => {
        throw new Error('secret-host down')
      },
      503,
    ],
    ['a rejection', () => Promise.reject(new Error('secret-host down')), 503],
  ])(
    'given isRevoked answers %s, then a verified token is refused, in the cache or not',
    async (_, answer, status) => {
      let isOut = false
      const here = by({ isRevoked: () => (isOut ? answer() : false) })
      const token = await sign()
      expect((await here.send(bearer(token))).status).toBe(200)
      isOut = true
      const response = await here.send(bearer(token))
      expect(response.status).toBe(status)
      expect(response.body).not.toContain('secret-host')
      expect((await here.send(bearer(await sign(claims({ jti: 'new' }))))).status).toBe(status)
    },
  )

  test('given isRevoked, then it is told whose token it is', async () => {
    const told: unknown[] = []
    const here = by({ isRevoked: facts => told.push(facts) < 0 })
    await here.send(bearer(await sign(claims({ jti: 'j', sid: 's' }))))
    expect(told).toEqual([{ iss: ISSUER, sub: 'ada', jti: 'j', sid: 's', iat: NOW }])
  })
})

function freshContext(
  compiled: ReturnType<ReturnType<typeof edge>['pipeline']['compile']>,
  like: object,
): never {
  const copy = Object.create(Object.getPrototypeOf(like), Object.getOwnPropertyDescriptors(like)) as {
    state: object
    runs: unknown
    ended: unknown
  }
  copy.state = compiled.newState()
  copy.runs = undefined
  copy.ended = undefined
  return copy as never
}
