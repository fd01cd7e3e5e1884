import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jwt } from '../../src/index.js'
import { isBroken, readToken } from '../../src/jwt/token.js'
import { bearer, edge } from '../support/edge.js'
import { AUDIENCE, claims, forge, ISSUER, SECRET } from '../support/tokens.js'

const part = fc.oneof(
  fc.string(),
  fc.json().map(text => Buffer.from(text).toString('base64url')),
  fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('base64url')),
)

test('whatever it is given, reading a token says what it is and never throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part, { maxLength: 6 }).map(parts => parts.join('.')),
      ),
      token => {
        const read = readToken(token)
        if (!isBroken(read))
          expect([typeof read.header.alg, typeof read.claims.iss]).toEqual(['string', 'string'])
      },
    ),
    { numRuns: 2000 },
  )
})

test('one changed character of a token lets nobody in, unless it decodes to the same bytes', async () => {
  const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] })
  const { send } = edge({ strategies: [strategy] })
  const token = forge({ alg: 'HS256' }, claims())
  const bytes = (text: string) =>
    text
      .split('.')
      .map(each => Buffer.from(each, 'base64url').toString('hex'))
      .join('.')
  await fc.assert(
    fc.asyncProperty(
      fc.nat(token.length - 1),
      fc.constantFrom(...'AZaz09-_.=+/ ,~'),
      async (at, character) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        const { status } = await send(bearer(changed))
        if (bytes(changed) !== bytes(token)) expect([400, 401]).toContain(status)
      },
    ),
    { numRuns: 300 },
  )
})

test('any claims signed with the right key make an identity or are refused, and break nothing', async () => {
  const { send, logs } = edge({
    strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] })],
  })
  const names = fc.constantFrom(
    'sub',
    'exp',
    'aud',
    'scope',
    'scp',
    'roles',
    'tenant',
    'permissions',
    'jti',
    'sid',
    'iat',
    'nbf',
    'typ',
    '__proto__',
  )
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }), async changes => {
      const { status, state } = await send(bearer(forge({ alg: 'HS256' }, { ...claims(), ...changes })))
      expect([200, 401]).toContain(status)
      if (status === 200) expect(state.identity?.subject).toBe(changes['sub'] ?? 'ada')
    }),
    { numRuns: 500 },
  )
  expect(logs).toEqual([])
})
