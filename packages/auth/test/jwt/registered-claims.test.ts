import { describe, expect, test } from 'vitest'
import { type JwtOptions, jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { AUDIENCE, claims, ec, forge, ISSUER, NOW, SECRET, sign } from '../support/tokens.js'

const base = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }
const by = (options: Partial<JwtOptions> = {}) =>
  edge({ strategies: [jwt({ ...base, ...options } as JwtOptions)] })

/** What becomes of claims that were signed with the right key. */
async function verdictOn(changes: Record<string, unknown>, options: Partial<JwtOptions> = {}) {
  const { send, failures } = by(options)
  const { status } = await send(bearer(forge({ alg: 'HS256' }, { ...claims(), ...changes })))
  return status === 200 ? 'accepted' : failures[0]?.reason
}

/** Of text that JSON.stringify would not write. */
async function verdictOnText(payload: string) {
  const { send, failures } = by()
  const { status, state } = await send(bearer(forge({ alg: 'HS256' }, payload)))
  return status === 200 ? (state.identity?.subject ?? 'nobody') : failures[0]?.reason
}

describe('given a signed token', () => {
  test.each<[what: string, changes: Record<string, unknown>, verdict: string]>([
    ['iss missing', { iss: undefined }, 'claim iss'],
    ['iss null', { iss: null }, 'claim iss'],
    ['iss a list with ours', { iss: [ISSUER] }, 'claim iss'],
    ['iss of another case', { iss: ISSUER.toUpperCase() }, 'issuer'],
    ['iss with a slash more', { iss: `${ISSUER}/` }, 'issuer'],
    ['iss of the prototype', { iss: '__proto__' }, 'issuer'],
    ['aud missing', { aud: undefined }, 'claim aud'],
    ['aud null', { aud: null }, 'claim aud'],
    ['aud empty', { aud: '' }, 'claim aud'],
    ['aud of another', { aud: 'billing' }, 'claim aud'],
    ['aud of another case', { aud: 'Orders' }, 'claim aud'],
    ['aud with ours in it', { aud: 'orders billing' }, 'claim aud'],
    ['aud a list with ours', { aud: ['billing', 'orders'] }, 'accepted'],
    ['aud an empty list', { aud: [] }, 'claim aud'],
    ['aud a list in a list', { aud: [['orders']] }, 'claim aud'],
    ['aud a list with ours and a list', { aud: ['orders', ['billing']] }, 'claim aud'],
    ['aud a list with ours and a null', { aud: ['orders', null] }, 'claim aud'],
    ['aud an object', { aud: { 0: 'orders', length: 1 } }, 'claim aud'],
    ['sub missing', { sub: undefined }, 'claim sub'],
    ['sub empty', { sub: '' }, 'claim sub'],
    ['sub null', { sub: null }, 'claim sub'],
    ['sub a number', { sub: 7 }, 'claim sub'],
    ['sub a list', { sub: ['ada'] }, 'claim sub'],
    ['exp missing', { exp: undefined }, 'claim exp'],
    ['exp null', { exp: null }, 'claim exp'],
    ['exp text', { exp: String(NOW + 600) }, 'claim exp'],
    ['exp a list', { exp: [NOW + 600] }, 'claim exp'],
    ['exp true', { exp: true }, 'claim exp'],
    ['exp 1e308', { exp: 1e308 }, 'claim exp'],
    ['exp in milliseconds', { exp: NOW * 1000 + 600_000 }, 'accepted'],
    ['exp past the last Date', { exp: 8_640_000_000_001 }, 'claim exp'],
    ['exp negative', { exp: -1 }, 'expired'],
    ['exp 0', { exp: 0 }, 'expired'],
    ['exp with a fraction', { exp: NOW + 0.5 }, 'accepted'],
    ['exp 30 seconds ago', { exp: NOW - 30 }, 'expired'],
    ['exp 29 seconds ago', { exp: NOW - 29 }, 'accepted'],
    ['nbf in 30 seconds', { nbf: NOW + 30 }, 'accepted'],
    ['nbf in 31 seconds', { nbf: NOW + 31 }, 'claim nbf'],
    ['nbf negative', { nbf: -1 }, 'accepted'],
    ['nbf text', { nbf: '0' }, 'claim nbf'],
    ['nbf null', { nbf: null }, 'claim nbf'],
    ['iat missing', { iat: undefined }, 'accepted'],
    ['iat text', { iat: 'today' }, 'claim iat'],
    ['iat null', { iat: null }, 'claim iat'],
    ['events', { events: {} }, 'logout token'],
    ['c_hash', { c_hash: 'x' }, 'id token'],
    ['a nonce', { nonce: 'x' }, 'id token'],
    ['a nonce, but typ Bearer', { nonce: 'x', typ: 'Bearer' }, 'accepted'],
    ['typ ID', { typ: 'ID' }, 'claim typ'],
    ['token_use id', { token_use: 'id' }, 'claim token_use'],
  ])('with %s, then it is %3$s', async (_, changes, verdict) => {
    expect(await verdictOn(changes)).toBe(verdict)
  })

  test('without a tolerance, then the second of its end is too late', async () => {
    const exact = { clockTolerance: 0 } as const
    expect([
      await verdictOn({ exp: NOW + 1 }, exact),
      await verdictOn({ exp: NOW }, exact),
      await verdictOn({ nbf: NOW + 1 }, exact),
    ]).toEqual(['accepted', 'expired', 'claim nbf'])
  })

  test('with a number that JSON can write and no machine can hold, then it has no end', async () => {
    const rest = `"iss":"${ISSUER}","aud":"orders","sub":"ada"`
    expect(await verdictOnText(`{${rest},"exp":1e999}`)).toBe('claim exp')
    expect(await verdictOnText(`{${rest},"exp":-1e999}`)).toBe('claim exp')
    expect(await verdictOnText(`{${rest},"exp":${NOW + 9},"nbf":-1e999}`)).toBe('claim nbf')
  })

  // RFC 7519 section 4: a parser refuses them or takes the last one. The verified text and the used
  // text are the same, read once.
  test('with a claim in it twice, then the last one counts everywhere', async () => {
    const rest = `"aud":"orders","exp":${NOW + 9}`
    expect(await verdictOnText(`{"iss":"${ISSUER}",${rest},"sub":"ada","sub":"eve"}`)).toBe('eve')
    expect(await verdictOnText(`{"iss":"${ISSUER}",${rest},"sub":"ada","sub":7}`)).toBe('claim sub')
    expect(await verdictOnText(`{"iss":"${ISSUER}","iss":"https://b.test",${rest},"sub":"ada"}`)).toBe(
      'issuer',
    )
    expect(await verdictOnText(`{"iss":"${ISSUER}",${rest},"exp":1,"sub":"ada"}`)).toBe('expired')
  })

  test('with claims in __proto__, then they are no claims', async () => {
    const inherited = `{"iss":"${ISSUER}","aud":"orders","exp":${NOW + 9},"__proto__":{"sub":"root"}}`
    expect(await verdictOnText(inherited)).toBe('claim sub')
  })

  test.each([
    [undefined, 'header typ'],
    ['JWT', 'header typ'],
    ['at+jwt', 'accepted'],
    ['AT+JWT', 'accepted'],
    ['application/at+jwt', 'accepted'],
    ['application/jwt', 'header typ'],
    [['at+jwt'], 'header typ'],
    [null, 'header typ'],
  ])('and typ "at+jwt" is wanted and %j is said, then it is %s', async (typ, verdict) => {
    const { send, failures } = by({ typ: 'at+jwt' })
    const { status } = await send(bearer(forge({ alg: 'HS256', typ }, claims())))
    expect(status === 200 ? 'accepted' : failures[0]?.reason).toBe(verdict)
  })

  test("and a type of the team's own is wanted, then it is no other, and needs no other name", async () => {
    const { send } = by({ typ: 'invoice+jwt' })
    expect((await send(bearer(forge({ alg: 'HS256', typ: 'invoice+jwt' }, claims())))).status).toBe(200)
    expect((await send(bearer(forge({ alg: 'HS256', typ: 'at+jwt' }, claims())))).status).toBe(401)
  })
})

test('given two issuers and a token that names both, then only the key of the last one opens', async () => {
  const { send } = edge({
    strategies: [
      jwt({
        issuers: [
          base,
          { issuer: 'https://b.test', audience: 'b-api', publicKey: ec.publicKey, algorithms: ['ES256'] },
        ],
      }),
    ],
  })
  const both = `{"iss":"https://b.test","iss":"${ISSUER}","aud":["orders","b-api"],"sub":"ada","exp":${NOW + 9}}`
  const other = `{"iss":"${ISSUER}","iss":"https://b.test","aud":["orders","b-api"],"sub":"ada","exp":${NOW + 9}}`
  expect((await send(bearer(forge({ alg: 'HS256' }, both)))).status).toBe(200)
  expect((await send(bearer(forge({ alg: 'HS256' }, other)))).status).toBe(401)
  expect(
    (
      await send(
        bearer(
          await sign(claims({ iss: 'https://b.test', aud: 'b-api' }), { alg: 'ES256', key: ec.privateKey }),
        ),
      )
    ).status,
  ).toBe(200)
})
