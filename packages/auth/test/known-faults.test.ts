import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { fakeClock } from '@palisade/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiKey, apiKeys, basic, type JwtOptions, jwt, makeIdentity } from '../src/index.js'
import { bearer, edge } from './support/edge.js'
import { jwksServer } from './support/jwks-server.js'
import { AUDIENCE, claims, ec, ed, forge, ISSUER, NOW, rsa, SECRET, sign } from './support/tokens.js'

const shared = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }
const byPublicKey = (publicKey: KeyObject) =>
  edge({ strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, publicKey } as JwtOptions)] })
const bySecret = () => edge({ strategies: [jwt(shared)] })
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Signed by the owner of the key, whatever the header says. */
function signedBy(key: KeyObject, header: object, payload: unknown = claims()): string {
  const signed = `${encode(header)}.${encode(payload)}`
  const dsaEncoding = 'ieee-p1363'
  const isEd = key.asymmetricKeyType === 'ed25519'
  const signature = isEd
    ? signBytes(null, Buffer.from(signed), key)
    : createSign('sha256').update(signed).sign({ key, dsaEncoding })
  return `${signed}.${signature.toString('base64url')}`
}

describe('known faults of token verifiers', () => {
  test.each(['none', 'None', 'NONE', 'nOnE', 'none ', 'none\0', '', 'null', ' '])(
    'alg %j: no token is right without a signature',
    async alg => {
      const parts = `${encode({ alg })}.${encode(claims())}`
      for (const here of [bySecret(), byPublicKey(rsa.publicKey), byPublicKey(ec.publicKey)])
        for (const token of [`${parts}.`, `${parts}.AA`, parts, `${parts}..`]) {
          const { status, state } = await here.send(bearer(token))
          expect([[400, 401].includes(status), state.identity]).toEqual([true, undefined])
        }
    },
  )

  test.each([
    ['RSA', rsa.publicKey],
    ['EC', ec.publicKey],
    ['Ed25519', ed.publicKey],
  ])('algorithm confusion: a public %s key is no secret, in none of its spellings', async (_, key) => {
    const here = byPublicKey(key)
    const pem = key.export({ format: 'pem', type: 'spki' }).toString()
    const der = key.export({ format: 'der', type: 'spki' })
    const jwk = key.export({ format: 'jwk' })
    const spellings = [
      pem,
      pem.trimEnd(),
      pem.replaceAll('\n', '\r\n'),
      der,
      der.toString('base64'),
      JSON.stringify(jwk),
    ]
    const all = [
      ...spellings,
      jwk['n'] ?? jwk['x'] ?? '',
      Buffer.from(jwk['n'] ?? jwk['x'] ?? '', 'base64url'),
    ]
    for (const secret of all)
      for (const alg of ['HS256', 'HS384', 'HS512', key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256'])
        expect((await here.send(bearer(forge({ alg }, claims(), secret)))).status).toBe(401)
    expect(here.logs).toEqual([])
  })

  test('psychic signatures: a signature of zeros, or of the order, signs nothing', async () => {
    const here = byPublicKey(ec.publicKey)
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
    const numbers = ['00'.repeat(32), order, `${'00'.repeat(31)}01`]
    const parts = `${encode({ alg: 'ES256' })}.${encode(claims())}`
    for (const r of numbers)
      for (const s of numbers)
        expect(
          (await here.send(bearer(`${parts}.${Buffer.from(r + s, 'hex').toString('base64url')}`))).status,
        ).toBe(401)
    expect(here.logs).toEqual([])
  })

  test('a signature in DER, which is another form than the one that is asked for, is none', async () => {
    const here = byPublicKey(ec.publicKey)
    const parts = `${encode({ alg: 'ES256' })}.${encode(claims())}`
    const der = createSign('sha256').update(parts).sign(ec.privateKey, 'base64url')
    expect((await here.send(bearer(`${parts}.${der}`))).status).toBe(401)
    expect((await here.send(bearer(signedBy(ec.privateKey, { alg: 'ES256' })))).status).toBe(200)
  })

  test.each([0, 1, 63, 65, 512])('a signature of %i bytes is refused, and nothing breaks', async length => {
    for (const [alg, key] of [
      ['ES256', ec.publicKey],
      ['EdDSA', ed.publicKey],
      ['RS256', rsa.publicKey],
    ] as const) {
      const here = byPublicKey(key)
      const token = `${encode({ alg })}.${encode(claims())}.${Buffer.alloc(length, 1).toString('base64url')}`
      expect([(await here.send(bearer(token))).status, here.logs]).toEqual([401, []])
    }
  })

  test.each([
    ['jwk', (key: KeyObject) => ({ jwk: key.export({ format: 'jwk' }) })],
    ['x5c', (key: KeyObject) => ({ x5c: [key.export({ format: 'der', type: 'spki' }).toString('base64')] })],
    ['x5t and kid', () => ({ x5t: 'AAAA', kid: 'mine' })],
  ])('a key that the token brings itself (%s) opens nothing', async (_, header) => {
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const token = signedBy(own.privateKey, { alg: 'RS256', ...header(own.publicKey) })
    for (const here of [byPublicKey(rsa.publicKey), bySecret()])
      expect((await here.send(bearer(token))).status).toBe(401)
  })

  test.each([
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: true },
    { crit: ['b64'], b64: false },
    { crit: [] },
    { crit: 'exp' },
    { crit: null },
    { crit: ['crit'] },
    { b64: false },
    { b64: true },
    { b64: 'false' },
  ])('an extension that nobody understands is refused, signed or not: %j', async extension => {
    const { send, failures } = bySecret()
    expect((await send(bearer(forge({ alg: 'HS256', ...extension }, claims())))).status).toBe(401)
    expect(failures[0]?.reason).toMatch(/^header (?:crit|b64)$/)
  })

  test('an unencoded payload (b64=false) is not read as one', async () => {
    const { send } = bySecret()
    const header = encode({ alg: 'HS256', b64: false, crit: ['b64'] })
    const payload = JSON.stringify(claims())
    const signature = createHmac('sha256', SECRET).update(`${header}.${payload}`).digest('base64url')
    for (const middle of [payload, encode(payload)])
      expect([400, 401]).toContain((await send(bearer(`${header}.${middle}.${signature}`))).status)
  })

  test.each([
    ['an encrypted token', `${encode({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`],
    ['a compressed header', `${encode({ alg: 'HS256', zip: 'DEF' })}.AAAA.AAAA`],
    ['JSON serialisation', JSON.stringify({ payload: encode(claims()), signatures: [] })],
    ['a token in a token', `${encode({ alg: 'HS256', cty: 'JWT' })}.${encode('a.b.c')}.AAAA`],
  ])('%s is no signed token', async (_, token) => {
    const here = bySecret()
    expect([400, 401]).toContain((await here.send(bearer(token))).status)
    expect(here.logs).toEqual([])
  })

  test.each(['\n', '\r\n', ' ', '\t', '\u0000', '=', '==', '+', '/', '%2e', '.', '\u00e9'])(
    'a right token with %j in it is not the same token',
    async extra => {
      const { send } = bySecret()
      const token = await sign()
      const inside = token.indexOf('.') + 5
      const changed = [token + extra, extra + token, token.slice(0, inside) + extra + token.slice(inside)]
      for (const value of changed) {
        // Blanks at its ends are no part of a field (RFC 9110 section 5.5).
        const isTrimmed = /^[ \t\r\n]+$/.test(extra) && value !== changed[2]
        const { status } = await send({ headers: { authorization: `Bearer ${value}` } }).catch(() => ({
          status: 400,
        }))
        expect(isTrimmed ? [200, 400, 401] : [400, 401]).toContain(status)
      }
    },
  )

  test('a token of 8 KiB is read, one of a byte more and one of a megabyte are not', async () => {
    const { send, failures } = bySecret()
    const sized = (length: number) => {
      for (let n = 5000; ; n++) {
        const token = forge({ alg: 'HS256' }, claims({ filler: 'x'.repeat(n) }))
        if (token.length >= length) return token
      }
    }
    expect((await send(bearer(sized(8190).slice(0, 8192)))).status).toBe(200)
    expect((await send(bearer(sized(8193)))).status).toBe(401)
    expect((await send(bearer('a'.repeat(1_000_000)))).status).toBe(401)
    expect(failures.map(({ reason }) => reason)).toEqual(['token too long', 'token too long'])
  })

  test('a payload that is all brackets costs no more than its length', async () => {
    const { send } = bySecret()
    for (const payload of [
      '['.repeat(5000),
      `{"a":${'['.repeat(2500)}${']'.repeat(2500)}}`,
      '"'.repeat(5000),
    ])
      expect((await send(bearer(forge({ alg: 'HS256' }, payload)))).status).toBe(401)
  })

  test.each([
    ['a scope that only Object has', { scope: 'constructor' }],
    ['a role in __proto__', '{"__proto__":{"roles":["admin"]}}'],
  ])('%s is no right', async (_, changes) => {
    const here = edge({ strategies: [jwt({ ...shared, roles: ['roles'] })] })
    const payload = typeof changes === 'string' ? { ...claims(), ...JSON.parse(changes) } : claims(changes)
    const { state } = await here.send(bearer(forge({ alg: 'HS256' }, payload)))
    expect(state.identity?.roles.size).toBe(0)
    expect(({} as { roles?: unknown }).roles).toBeUndefined()
  })
})

describe('known faults of key sets', () => {
  let server: Awaited<ReturnType<typeof jwksServer>>
  let elsewhere: Awaited<ReturnType<typeof jwksServer>>
  const opened: { dispose(): Promise<void> }[] = []
  const jwks = () => {
    const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, jwksUri: server.uri })
    const here = edge({ strategies: [strategy] })
    opened.push(here)
    return here
  }
  beforeAll(async () => {
    server = await jwksServer()
    elsewhere = await jwksServer()
    server.publishes(
      { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' },
      { ...ec.publicKey.export({ format: 'jwk' }), kid: 'two', use: 'sig' },
    )
  })
  afterAll(async () => {
    await Promise.all(opened.map(each => each.dispose()))
    await Promise.all([server.close(), elsewhere.close()])
  })

  test.each(['jku', 'x5u'])(
    '%s: an address in the token is never asked, not even the right one',
    async name => {
      const { send } = jwks()
      const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
      elsewhere.publishes({ ...own.publicKey.export({ format: 'jwk' }), kid: 'one' })
      const before = server.requests.length
      for (const uri of [elsewhere.uri, server.uri, `${server.uri}#${elsewhere.uri}`])
        for (const key of [own.privateKey, rsa.privateKey])
          expect((await send(bearer(signedBy(key, { alg: 'RS256', kid: 'one', [name]: uri })))).status).toBe(
            401,
          )
      expect([elsewhere.requests.length, server.requests.length]).toEqual([0, before])
    },
  )

  test.each([
    '../../../../dev/null',
    "' OR '1'='1",
    'one\0',
    'one ',
    'ONE',
    '',
    '__proto__',
    'constructor',
    'toString',
    '0',
    '$(id)',
    'http://127.0.0.1:1/',
    '\ud800',
  ])('kid injection: %j is a name that nobody has', async kid => {
    const here = jwks()
    const { status } = await here.send(bearer(signedBy(rsa.privateKey, { alg: 'RS256', kid })))
    expect([status, here.logs]).toEqual([401, []])
  })

  test.each([[['one']], [{}], [1], [null], [true]])('kid injection: %j is no name', async kid => {
    expect((await jwks().send(bearer(signedBy(rsa.privateKey, { alg: 'RS256', kid })))).status).toBe(401)
  })

  test('a key of one type is not used for the algorithm of another', async () => {
    const here = jwks()
    for (const [key, header] of [
      [rsa.privateKey, { alg: 'RS256', kid: 'two' }],
      [ec.privateKey, { alg: 'ES256', kid: 'one' }],
      [ec.privateKey, { alg: 'RS256', kid: 'one' }],
      [rsa.privateKey, { alg: 'ES256', kid: 'two' }],
    ] as const)
      expect((await here.send(bearer(signedBy(key, header)))).status).toBe(401)
    const modulus = rsa.publicKey.export({ format: 'jwk' }).n as string
    for (const secret of [modulus, Buffer.from(modulus, 'base64url')])
      expect((await here.send(bearer(forge({ alg: 'HS256', kid: 'one' }, claims(), secret)))).status).toBe(
        401,
      )
    expect(here.logs).toEqual([])
  })

  test('strangers cannot use this server against the issuer: a hundred made-up key ids are one question', async () => {
    const here = jwks()
    expect((await here.send(bearer(signedBy(rsa.privateKey, { alg: 'RS256', kid: 'one' })))).status).toBe(200)
    const before = server.requests.length
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        here.send(bearer(signedBy(ec.privateKey, { alg: 'ES256', kid: `x${i}` }))),
      ),
    )
    expect(server.requests.length - before).toBe(1)
  })
})

describe('known faults of the Authorization header', () => {
  const strategies = () => [
    jwt(shared),
    basic({
      verify: (name, password) => (name === 'ada' && password === 'right' ? { subject: 'ada' } : null),
    }),
  ]
  const password = `Basic ${Buffer.from('ada:right').toString('base64')}`

  test('two of them are refused, whichever comes first, though each is right by itself', async () => {
    const { send } = edge({ strategies: strategies() })
    const token = `Bearer ${await sign()}`
    for (const one of [token, password]) {
      expect((await send({ headers: { authorization: one } })).status).toBe(200)
      for (const two of [token, password, 'Bearer x', 'Basic x', '']) {
        const status = async (authorization: string | string[]) =>
          (await send({ headers: { authorization } })).status
        expect([400, 401]).toContain(await status([one, two]))
        expect([400, 401]).toContain(await status([two, one]))
        expect([400, 401]).toContain(await status(`${one}, ${two}`))
      }
    }
  })

  test.each(['Bearer', 'bearer', 'Basic', 'BASIC', 'Bearer ', 'Basic  ', ',', ', ', '""', 'Digest x'])(
    '%j alone lets nobody in, and nobody is anonymous for it where credentials are read',
    async authorization => {
      const { send } = edge({ strategies: strategies(), rules: [{ path: '/**', login: 'optional' }] })
      const { status, state } = await send({ headers: { authorization } })
      const isCredential = /^(bearer|basic)/i.test(authorization)
      expect([isCredential ? [400, 401].includes(status) : status === 200, state.identity]).toEqual([
        true,
        undefined,
      ])
    },
  )

  test('a token where a password belongs, and a password where a token belongs, are wrong', async () => {
    const { send } = edge({ strategies: strategies() })
    const token = await sign()
    for (const authorization of [`Basic ${token}`, password.replace('Basic', 'Bearer')])
      expect((await send({ headers: { authorization } })).status).toBe(401)
  })
})

describe('known faults of Basic', () => {
  const seen: string[] = []
  const setUp = () => {
    seen.length = 0
    return edge({
      strategies: [
        basic({
          verify: (name, pw) => {
            seen.push(`${name}:${pw}`)
            return { subject: name }
          },
          cache: false,
        }),
      ],
    })
  }
  const of = (bytes: string | number[]) => ({
    headers: { authorization: `Basic ${Buffer.from(bytes as string).toString('base64')}` },
  })

  test.each<[what: string, bytes: string | number[]]>([
    ['a NUL that ends the name', 'ada\0eve:pw'],
    ['a NUL that ends the password', 'ada:pw\0more'],
    ['a line end in the name', 'ada\r\nX-Admin: 1:pw'],
    ['a carriage return in the password', 'ada:pw\r'],
    ['an escape for a terminal', 'ada\u001b[2J:pw'],
    ['a delete', 'ada\u007f:pw'],
    ['a C1 control', 'ada\u009b:pw'],
    ['an overlong slash', [0x61, 0xc0, 0xaf, 0x3a, 0x70]],
    ['an overlong NUL', [0x61, 0xc0, 0x80, 0x3a, 0x70]],
    ['half a surrogate pair', [0x61, 0xed, 0xa0, 0x80, 0x3a, 0x70]],
    ['what is past Unicode', [0x61, 0xf4, 0x90, 0x80, 0x80, 0x3a, 0x70]],
    ['a sequence that is cut off', [0x61, 0x3a, 0x70, 0xc3]],
    ['Latin-1', [0x72, 0xe9, 0x3a, 0x70]],
    ['UTF-16', [0xff, 0xfe, 0x61, 0x00, 0x3a, 0x00, 0x70, 0x00]],
    ['no colon', 'ada'],
    ['nothing', ''],
  ])('%s reaches nobody', async (_, bytes) => {
    const { send } = setUp()
    expect([(await send(of(bytes))).status, seen]).toEqual([401, []])
  })

  test.each<[what: string, text: string, name: string, password: string]>([
    ['a colon in the password', 'ada:a:b:', 'ada', 'a:b:'],
    ['a byte order mark, which is a character', '\ufeffada:pw', '\ufeffada', 'pw'],
    ['blanks, which belong to it', ' ada : pw ', ' ada ', ' pw '],
    ['a decomposed letter', 'rene\u0301:o\u0308', 'ren\u00e9', '\u00f6'],
    ['an emoji', 'ada:🔑', 'ada', '🔑'],
    ['quotes and percent signs', `a"d'a:%00%3a`, `a"d'a`, '%00%3a'],
  ])('%s is read as it was written', async (_, text, name, password) => {
    const { send } = setUp()
    expect([(await send(of(text))).status, seen]).toEqual([200, [`${name}:${password}`]])
  })

  test('another base64 of the same password is not the same login', async () => {
    const { send } = setUp()
    const canonical = Buffer.from('ada:pw').toString('base64')
    const padded = Buffer.from('ada:pwd').toString('base64')
    for (const value of [
      `${canonical}=`,
      `${canonical.slice(0, 4)} ${canonical.slice(4)}`,
      padded.replace('=', ''),
      Buffer.from('ada:\u00ff\u00fe?').toString('base64url'),
    ])
      expect((await send({ headers: { authorization: `Basic ${value}` } })).status).toBe(401)
    expect(seen).toEqual([])
  })

  test('a remembered login is that of one password, and not of another one for the same user', async () => {
    const { send } = edge({
      strategies: [basic({ verify: (name, pw) => (pw === 'right' ? { subject: name } : null) })],
    })
    for (const [pw, status] of [
      ['right', 200],
      ['wrong', 401],
      ['right', 200],
      ['right ', 401],
    ] as const)
      expect((await send(of(`ada:${pw}`))).status).toBe(status)
  })
})

describe('known faults of API keys', () => {
  const setUp = () => {
    const clock = fakeClock()
    const keys = apiKeys({ clock, prefix: 'shop' })
    const here = edge({ strategies: [apiKey({ keys })] }, clock)
    return { ...here, keys, use: (key: string | string[]) => here.send({ headers: { 'x-api-key': key } }) }
  }

  test('what looks like a key and is none is refused, before any store is asked, and breaks nothing', async () => {
    const { keys, use, logs, failures } = setUp()
    const { key } = await keys.create({ name: 'n', owner: 'o' })
    const odd = [
      key.replace('shop', 'SHOP'),
      key.replace('shop', 'sh.p'),
      key.replace('shop', 'shopp'),
      key.replace('shop_', 'shop__'),
      key.replace('shop_', 'shop-'),
      key.replace('shop_', ''),
      `_${key}`,
      `${key}_`,
      `"${key}"`,
      `${key},${key}`,
      `Bearer ${key}`,
      key.toUpperCase(),
      key.replace('shop', 'sh\u00f6p'),
      `${key}\u0001`,
      `${key.slice(0, -1)}\u00df`,
      key.replaceAll('_', '\u00af'),
      `shop_${'_'.repeat(16)}_${'0'.repeat(49)}`,
      `shop_${'../'.repeat(5)}x_${'0'.repeat(49)}`,
      '__proto__',
      'shop_',
      'x'.repeat(100_000),
    ]
    for (const each of odd) expect((await use(each)).status).toBe(401)
    expect((await use([key, key])).status).toBe(401)
    expect(new Set(failures.map(({ reason }) => reason))).toEqual(new Set(['no key']))
    expect(logs).toEqual([])
    expect((await use(key)).status).toBe(200)
  })

  test('a key with a right checksum that somebody made up is refused as one with a wrong secret', async () => {
    const { keys, use, failures } = setUp()
    const one = await keys.create({ name: 'n', owner: 'o' })
    const other = apiKeys({ prefix: 'shop' })
    const foreign = await other.create({ name: 'n', owner: 'o' })
    expect((await use(foreign.key)).status).toBe(401)
    expect(failures.at(-1)).toMatchObject({ reason: 'unknown key', subject: undefined })
    expect((await use(one.key)).status).toBe(200)
  })

  test('a hash that was copied into the record of another key makes no key of it', async () => {
    const clock = fakeClock()
    const records = new Map<string, { id: string; hash: string; version: number }>()
    const store = {
      get: (id: string) => records.get(id) as never,
      add: (record: { id: string }) => records.set(record.id, record as never) && true,
      replace: () => true,
      list: () => ({ records: [] }),
      count: () => 1,
      touch: () => undefined,
      lastUsedAt: () => undefined,
    }
    const keys = apiKeys({ store, clock })
    const poor = await keys.create({ name: 'n', owner: 'poor' })
    const rich = await keys.create({ name: 'n', owner: 'rich', scopes: ['admin'] })
    const { hash } = records.get(poor.record.id) as { hash: string }
    records.set(rich.record.id, { ...(records.get(rich.record.id) as { id: string; version: number }), hash })
    const { send } = edge({ strategies: [apiKey({ keys })] }, clock)
    expect((await send({ headers: { 'x-api-key': poor.key } })).state.identity?.subject).toBe('poor')
    expect((await send({ headers: { 'x-api-key': rich.key } })).status).toBe(401)
  })
})

describe('known faults of what stands in front of a handler', () => {
  test('a strategy that is down does not make its client anonymous, nor another strategy decide', async () => {
    const { send } = edge({
      strategies: [
        basic({ verify: () => Promise.reject(new Error('db-host')) }),
        apiKey({ keys: apiKeys() }),
      ],
      rules: [{ path: '/**', login: 'optional' }],
    })
    const { status, passed } = await send({ headers: { authorization: 'Basic YTpi' } })
    expect([status, passed]).toEqual([503, false])
  })

  test('an identity of one request is not that of the next, whatever a handler does to it', async () => {
    const parts = { subject: 'ada', method: 'own', scopes: ['read'], claims: { a: { b: [1] } } }
    const identity = makeIdentity(parts)
    expect(() => (identity.scopes as Set<string>).add('admin')).toThrow(TypeError)
    expect(() => Object.assign(identity, { subject: 'root' })).toThrow(TypeError)
    expect(() => (identity.claims['a'] as { b: number[] }).b.push(2)).toThrow(TypeError)
    parts.scopes.push('admin')
    expect([...identity.scopes]).toEqual(['read'])
  })

  test('keys of the configuration are read once: what happens to the object afterwards changes nothing', async () => {
    const secret = Buffer.from(SECRET)
    const algorithms = ['HS256']
    const audience = [AUDIENCE]
    const here = edge({ strategies: [jwt({ issuer: ISSUER, audience, secret, algorithms })] })
    secret.fill(0)
    algorithms.push('none')
    audience.push('billing')
    expect((await here.send(bearer(await sign()))).status).toBe(200)
    expect(
      (await here.send(bearer(forge({ alg: 'HS256' }, claims(), Buffer.alloc(SECRET.length))))).status,
    ).toBe(401)
    expect((await here.send(bearer(await sign(claims({ aud: 'billing' }))))).status).toBe(401)
  })

  test('given a private key of the issuer by mistake, then it is refused when the strategy is made', () => {
    const pem = rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    for (const publicKey of [pem, createPrivateKey(pem)])
      expect(() => jwt({ issuer: ISSUER, audience: AUDIENCE, publicKey } as JwtOptions)).toThrow('publicKey')
    expect(() => jwt({ issuer: ISSUER, audience: AUDIENCE, publicKey: createPublicKey(pem) })).not.toThrow()
  })

  test('the moment of expiry is that of the clock that was given, also for what is cached', async () => {
    const clock = fakeClock()
    const { send } = edge({ strategies: [jwt({ ...shared, clockTolerance: 0 })] }, clock)
    const token = bearer(await sign(claims({ exp: NOW + 10 })))
    expect((await send(token)).status).toBe(200)
    clock.advance(9999)
    expect((await send(token)).status).toBe(200)
    clock.advance(1)
    expect((await send(token)).status).toBe(401)
  })
})
