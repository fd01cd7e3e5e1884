import { generateKeyPairSync } from 'node:crypto'
import { ConfigError } from '@palisade/core'
import { describe, expect, test } from 'vitest'
import {
  apiKey,
  apiKeys,
  basic,
  jwt,
  keyValueKeys,
  memoryKeys,
  passwordHasher,
  passwordUsers,
} from '../src/index.js'
import { ec, rsa, SECRET } from './support/tokens.js'

const base = { issuer: 'i', audience: 'a' }
const hs = { ...base, secret: SECRET, algorithms: ['HS256'] }
const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
const der = rsa.publicKey.export({ format: 'der', type: 'spki' })
const pkcs1 = rsa.publicKey.export({ format: 'der', type: 'pkcs1' })
const jwk = rsa.publicKey.export({ format: 'jwk' })
const privateJwk = rsa.privateKey.export({ format: 'jwk' })
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
const x25519 = generateKeyPairSync('x25519').publicKey
const secp = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey

type Row = readonly [owner: string, option: string, options: unknown]
const secret = (value: unknown): Row => ['jwt', 'secret', { ...hs, secret: value }]
const key = (value: unknown): Row => ['jwt', 'publicKey', { ...base, publicKey: value }]
const uri = (value: unknown): Row => ['jwt', 'jwksUri', { ...base, jwksUri: value }]
const set = (value: unknown): Row => ['jwt', 'jwks', { ...base, jwks: value }]

const factories: Record<string, (options: never) => unknown> = {
  jwt,
  apiKeys,
  apiKey,
  basic,
  keyValueKeys,
  memoryKeys,
  passwordHasher,
  passwordUsers,
}

describe('options that are wrong name themselves', () => {
  test.each<Row>([
    ['jwt', 'issuer', {}],
    ['jwt', 'issuer', { audience: 'a', secret: SECRET, algorithms: ['HS256'] }],
    ['jwt', 'audience', { issuer: 'i', secret: SECRET, algorithms: ['HS256'] }],
    ['jwt', 'audience', { ...hs, audience: [] }],
    ['jwt', 'audience[1]', { ...hs, audience: ['a', ''] }],
    ['jwt', 'jwksUri', base],
    ['jwt', 'publicKey', { ...hs, publicKey: pem }],
    ['jwt', 'algorithms', { ...base, secret: SECRET }],
    ['jwt', 'algorithms[0]', { ...hs, algorithms: ['none'] }],
    ['jwt', 'algorithms[0]', { ...hs, algorithms: ['hs256'] }],
    ['jwt', 'algorithms[1]', { ...hs, algorithms: ['HS256', 'RS256'] }],
    ['jwt', 'algorithms[0]', { ...base, publicKey: pem, algorithms: ['HS256'] }],
    ['jwt', 'algorithms[0]', { ...base, publicKey: ec.publicKey, algorithms: ['ES384'] }],
    ['jwt', 'algorithms[0]', { ...base, jwksUri: 'https://x.test/', algorithms: ['HS256'] }],
    ['jwt', 'clockTolerance', { ...hs, clockTolerance: '6m' }],
    ['jwt', 'typ', { ...hs, typ: true }],
    ['jwt', 'tenants', { ...hs, tenants: ['t'] }],
    ['jwt', 'tenants', { ...hs, issuer: 'https://x/{tenantid}' }],
    ['jwt', 'tenants[0]', { ...hs, issuer: 'https://x/{tenantid}', tenants: ['a/b'] }],
    ['jwt', 'issuer', { ...hs, issuers: [hs] }],
    ['jwt', 'issuers', { issuers: [] }],
    ['jwt', 'issuers', { issuers: [hs, hs] }],
    ['jwt', 'issuers[1].secret', { issuers: [hs, { ...hs, issuer: 'j', secret: 'short' }] }],
    ['jwt', 'issuers[0].realm', { issuers: [{ ...hs, realm: 'x' }] }],
    ['jwt', 'realm', { ...hs, realm: 'a\r\nb' }],
    ['jwt', 'realm', { ...hs, realm: 'é' }],
    ['jwt', 'header', { ...hs, header: 'a b' }],
    ['jwt', 'isRevoked', { ...hs, isRevoked: true }],
    ['jwt', 'cache.maxKeys', { ...hs, cache: { maxKeys: 0 } }],
    ['jwt', 'cache.ttl', { ...hs, cache: { ttl: '1h' } }],
    ['jwt', 'scopes', { ...hs, scopes: 7 }],
    ['jwt', 'jwksTimeout', { ...base, jwksUri: 'https://x.test/', jwksTimeout: '6s' }],
    ['jwt', 'jwksTimeout', { ...hs, jwksTimeout: '1s' }],
    ['jwt', 'verify', { ...hs, verify: false }],
    secret(''),
    secret('x'.repeat(31)),
    secret(7),
    secret(pem),
    secret(` \n${pem}`),
    secret(der),
    secret(pkcs1),
    secret(der.toString('base64')),
    secret(der.toString('base64url')),
    secret(der.toString('hex')),
    secret(Buffer.from(pem).toString('base64')),
    secret(JSON.stringify(jwk)),
    secret(JSON.stringify({ keys: [jwk] })),
    secret(`ssh-rsa ${der.toString('base64')} me@host`),
    ['jwt', 'secret', { ...hs, secret: 'x'.repeat(47), algorithms: ['HS384'] }],
    ['jwt', 'secret', { ...hs, secret: 'x'.repeat(63), algorithms: ['HS256', 'HS512'] }],
    key(''),
    key('x'),
    key(rsa.privateKey),
    key(rsa.privateKey.export({ format: 'pem', type: 'pkcs8' })),
    key(privateJwk),
    key({ kty: 'oct', k: 'AAAA' }),
    key({ ...jwk, alg: 'HS256' }),
    key({ ...jwk, alg: 'ES256' }),
    key(weak),
    key(x25519),
    key(secp),
    uri('http://issuer.test/jwks'),
    uri('ftp://127.0.0.1/jwks'),
    uri('https://user:pass@issuer.test/'),
    uri('https://issuer.test/#x'),
    uri('/jwks'),
    uri('http://127.0.0.1.issuer.test/'),
    uri('http://localhost.issuer.test/'),
    set({}),
    set({ keys: [] }),
    set({ keys: [{ kty: 'oct', k: 'AAAA' }] }),
    set({ keys: [privateJwk] }),
    ['apiKeys', 'store', { store: new Map() }],
    ['apiKeys', 'prefix', { prefix: 'my_key' }],
    ['apiKeys', 'prefix', { prefix: 'PK' }],
    ...['', '1pk', 'p k', 'p-k', 'p.k', 'pk\n', 'pké', '../pk', '__proto__', 'p'.repeat(21)].map(
      (prefix): Row => ['apiKeys', 'prefix', { prefix }],
    ),
    ['apiKeys', 'pepper', { pepper: 'short' }],
    ['apiKeys', 'pepper', { pepper: [] }],
    ['apiKeys', 'pepper', { pepper: undefined }],
    ['apiKeys', 'limiter', { limiter: {} }],
    ['apiKeys', 'lastUsedEvery', { lastUsedEvery: '2d' }],
    ['apiKeys', 'peper', { peper: 'x'.repeat(32) }],
    ['apiKey', 'keys', {}],
    ['apiKey', 'keys', { keys: { verify() {} } }],
    ['apiKey', 'header', { keys: apiKeys(), header: 'x api key' }],
    ['apiKey', 'scheme', { keys: apiKeys(), scheme: 'Bearer' }],
    ['apiKey', 'scheme', { keys: apiKeys(), header: 'authorization', scheme: 'a b' }],
    ['keyValueKeys', 'store', {}],
    ['memoryKeys', 'maxKeys', { maxKeys: 0 }],
    ['basic', 'verify', {}],
    ['basic', 'realm', { verify: () => undefined, realm: '' }],
    ['basic', 'cache.ttl', { verify: () => undefined, cache: { ttl: '1h' } }],
    ['basic', 'lockout.longest', { verify: () => undefined, lockout: { longest: '2d' } }],
    ['basic', 'lockout.permanent', { verify: () => undefined, lockout: { permanent: true } }],
    ['passwordUsers', 'find', {}],
    ['passwordUsers', 'hasher', { find: () => undefined, hasher: {} }],
    ['passwordHasher', 'cost', { cost: 9 }],
    ['passwordHasher', 'cost', { cost: 2 ** 17 }],
    ['passwordHasher', 'concurrency', { concurrency: 0 }],
    ['passwordHasher', 'waiting', { waiting: -1 }],
  ])('%s: "%s"', (owner, option, options) => {
    const build = () => factories[owner]?.(options as never)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(`${owner}: option "${option}"`)
    // A secret is not told, however wrong it is.
    if (option === 'secret' && typeof (options as { secret: unknown }).secret === 'string')
      expect(build).not.toThrow((options as { secret: string }).secret || 'never')
  })
})

describe('options that are right', () => {
  test.each<Row>([
    ['jwt', '', hs],
    ['jwt', '', { ...hs, secret: Buffer.alloc(32, 7) }],
    ['jwt', '', { ...hs, secret: 'deadbeef'.repeat(8) }],
    ['jwt', '', { ...hs, secret: Buffer.alloc(64, 7).toString('base64'), algorithms: ['HS512'] }],
    ['jwt', '', { ...base, publicKey: { ...jwk, alg: 'RS256' } }],
    ['jwt', '', { ...base, jwks: { keys: [jwk] } }],
    ['jwt', '', { ...base, jwksUri: 'http://[::1]:8080/jwks' }],
    ['jwt', '', { ...base, jwksUri: 'http://localhost/jwks' }],
    ['jwt', '', { ...hs, cache: false, clockTolerance: 0 }],
    ['apiKeys', '', { pepper: ['x'.repeat(32), 'y'.repeat(32)] }],
  ])('%s takes %#', (owner, _, options) => {
    expect(() => factories[owner]?.(options as never)).not.toThrow()
  })
})
