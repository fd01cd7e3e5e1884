import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { jwksServer } from '../support/jwks-server.js'
import { AUDIENCE, claims, ec, ed, ISSUER, rsa, sign } from '../support/tokens.js'

let server: Awaited<ReturnType<typeof jwksServer>>
let opened: { dispose(): Promise<void> }[] = []
beforeEach(async () => {
  server = await jwksServer()
})
afterEach(async () => {
  await Promise.all(opened.map(each => each.dispose()))
  opened = []
  await server.close()
})

function setUp() {
  const here = edge({ strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, jwksUri: server.uri })] })
  opened.push(here)
  return here
}

const jwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: 'jwk' }), use: 'sig', ...more })
const good = jwk(rsa.publicKey, { kid: 'good' })
const by = (kid: string | undefined, more: object = {}, alg = 'RS256', key: KeyObject = rsa.privateKey) =>
  sign(claims({ jti: String(kid), ...more }), { alg, key, header: kid === undefined ? {} : { kid } })
const MINUTE = 60_000

describe('given a set without keys', () => {
  test.each<[what: string, keys: unknown[]]>([
    ['an empty list', []],
    ['secrets only', [{ kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url'), kid: 'good' }]],
    ['private keys only', [{ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'good' }]],
    ['a private key of each type', [rsa, ec, ed].map(({ privateKey }) => jwk(privateKey, { kid: 'good' }))],
    ['keys for encryption only', [{ ...good, use: 'enc' }]],
    ['malformed keys only', [{ kty: 'RSA', kid: 'good' }]],
    ['what are no keys', [null, 'good', 7, [], [[[]]]]],
  ])(
    'when it is %s, then a token is a 401, weighs nothing, and the operator is told once',
    async (_, keys) => {
      server.answers((_, res) => res.end(JSON.stringify({ keys })))
      const { send, violations, logs } = setUp()
      for (const kid of ['good', 'other', undefined])
        expect((await send(bearer(await by(kid)))).status).toBe(401)
      expect(violations).toEqual([])
      expect(new Set(logs.map(({ message }) => message))).toEqual(
        new Set([
          'an issuer publishes no key that a token could be verified with: all its tokens are refused',
        ]),
      )
    },
  )

  test('when keys were there before, then what they verified is refused at once, and not for a day', async () => {
    server.publishes(good)
    const { send, clock } = setUp()
    const fresh = async (n: number) =>
      bearer(await by('good', { jti: String(n), exp: clock.now() / 1000 + 1200 }))
    const kept = await fresh(0)
    expect((await send(kept)).status).toBe(200)
    server.publishes()
    clock.advance(10 * MINUTE)
    expect((await send(await fresh(1))).status).toBe(401)
    expect((await send(kept)).status).toBe(401)
    server.publishes(good)
    clock.advance(MINUTE)
    expect((await send(await fresh(2))).status).toBe(200)
  })
})

describe('given a set with a key that is malformed', () => {
  const { n: _, ...noModulus } = good as { n: string }
  const { y: __, ...noY } = jwk(ec.publicKey) as { y: string }
  const malformed: [what: string, key: unknown][] = [
    ['null', null],
    ['a text', 'x'],
    ['a number', 7],
    ['a list', [good]],
    ['an empty object', {}],
    ['RSA without a modulus', { ...noModulus, kid: 'bad' }],
    ['RSA with an exponent that is no base64', { ...good, e: '!!', kid: 'bad' }],
    ['RSA without an exponent', { ...good, e: undefined, kid: 'bad' }],
    ['RSA with an empty exponent', { ...good, e: '', kid: 'bad' }],
    ['RSA with an even exponent', { ...good, e: 'Ag', kid: 'bad' }],
    ['RSA with a modulus that is a number', { ...good, n: 7, kid: 'bad' }],
    ['RSA with a modulus of zeros', { ...good, n: Buffer.alloc(256).toString('base64url'), kid: 'bad' }],
    ['EC without a coordinate', { ...noY, kid: 'bad' }],
    [
      'EC with a point that is not on its curve',
      { ...jwk(ec.publicKey), y: jwk(ec.publicKey).x, kid: 'bad' },
    ],
    ['EC on a curve that nobody knows', { ...jwk(ec.publicKey), crv: 'P-999', kid: 'bad' }],
    ['EC on a curve for no algorithm', { ...jwk(ec.publicKey), crv: 'secp256k1', kid: 'bad' }],
    ['OKP with a short key', { ...jwk(ed.publicKey), x: 'AAAA', kid: 'bad' }],
    ['OKP for key agreement', { ...jwk(generateKeyPairSync('x25519').publicKey), kid: 'bad' }],
    ['a type that nobody knows', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA', kid: 'bad' }],
    ['a type that is an object', { kty: {}, kid: 'bad' }],
    ['a kid that is a number', { ...good, kid: 7 }],
    ['a kid of a kilobyte', { ...good, kid: 'x'.repeat(1024) }],
    ['an alg that does not fit', { ...good, alg: 'ES256', kid: 'bad' }],
    ['key_ops that are no list', { ...good, key_ops: 'verify', kid: 'bad' }],
    ['the name of the prototype', JSON.parse('{"__proto__":{"kty":"RSA"},"kid":"bad"}')],
  ]

  test.each(malformed)(
    'when it is %s, then the others open, and its own tokens are a 401',
    async (_, key) => {
      server.answers((_, res) => res.end(JSON.stringify({ keys: [key, good] })))
      const { send, logs } = setUp()
      for (const [alg, signer] of [
        ['RS256', rsa.privateKey],
        ['ES256', ec.privateKey],
        ['EdDSA', ed.privateKey],
      ] as const)
        for (const kid of ['bad', '7'])
          expect((await send(bearer(await by(kid, {}, alg, signer)))).status).toBe(401)
      expect((await send(bearer(await by('good')))).status).toBe(200)
      expect((await send(bearer(await by(undefined)))).status).toBe(200)
      expect(logs).toEqual([])
    },
  )

  test('when all of them are there at once, then the good one opens', async () => {
    server.answers((_, res) => res.end(JSON.stringify({ keys: [...malformed.map(([, key]) => key), good] })))
    expect((await setUp().send(bearer(await by('good')))).status).toBe(200)
    expect((await setUp().send(bearer(await by(undefined)))).status).toBe(200)
  })
})

describe('given keys without a name', () => {
  const others = Array.from({ length: 16 }, () =>
    jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
  )
  const mine = jwk(ec.publicKey)
  const token = () => by(undefined, {}, 'ES256', ec.privateKey)

  test('when the right one is the sixteenth, then it opens', async () => {
    server.publishes(...others.slice(0, 15), mine)
    expect((await setUp().send(bearer(await token()))).status).toBe(200)
  })

  test('when the right one is the seventeenth, then it is not tried', async () => {
    server.publishes(...others, mine)
    expect((await setUp().send(bearer(await token()))).status).toBe(401)
  })

  test('when two keys have one name, as while a key is replaced, then both are tried', async () => {
    server.publishes({ ...others[0], kid: 'k' }, { ...mine, kid: 'k' })
    expect((await setUp().send(bearer(await by('k', {}, 'ES256', ec.privateKey)))).status).toBe(200)
  })
})

test('given an unknown key, when the issuer answers, then it is a 401 and never a 503', async () => {
  server.publishes(good)
  const { send } = setUp()
  for (let i = 0; i < 3; i++) expect((await send(bearer(await by(`unknown${i}`)))).status).toBe(401)
  const header = Buffer.from('{"alg":"HS256","kid":"good"}').toString('base64url')
  const payload = Buffer.from(JSON.stringify(claims())).toString('base64url')
  const forged = `${header}.${payload}.${createHmac('sha256', 'x').update(`${header}.${payload}`).digest('base64url')}`
  expect((await send(bearer(forged))).status).toBe(401)
})

describe('given the option jwks', () => {
  const withKeys = (...keys: object[]) => jwt({ issuer: ISSUER, audience: AUDIENCE, jwks: { keys } as never })
  const secretKey = { kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url'), use: 'sig' }
  const ownKeys = [rsa, ec, ed].map(({ privateKey }) => jwk(privateKey))

  test.each([...ownKeys, secretKey])('when its key is private ($kty), then it is a ConfigError', key => {
    expect(() => withKeys(key)).toThrow(/option "jwks".*a JSON Web Key Set of public keys/)
  })

  test('when a private key stands beside a public one, then it verifies nothing', async () => {
    const strategy = withKeys(jwk(rsa.publicKey, { kid: 'good' }), jwk(ec.privateKey, { kid: 'private' }))
    const { send } = edge({ strategies: [strategy] })
    const status = async (token: string) => (await send(bearer(token))).status
    expect(await status(await by('good'))).toBe(200)
    expect(await status(await by('private', {}, 'ES256', ec.privateKey))).toBe(401)
  })
})
