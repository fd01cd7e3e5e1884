import { fakeClock } from '@palisade/core/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FindIssuer, type JwtOptions, jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { jwksServer } from '../support/jwks-server.js'
import { claims, forge, rsa, SECRET, sign } from '../support/tokens.js'

const OTHER = 'another secret of thirty-two characters'
const of = (iss: unknown, changes: object = {}, secret: string = SECRET) =>
  bearer(forge({ alg: 'HS256' }, { ...claims(), iss, aud: 'api', ...changes }, secret))
const options = (secret: string = SECRET) => ({ audience: 'api', secret, algorithms: ['HS256'] })

function by(find: FindIssuer, more: Partial<JwtOptions> = {}) {
  const clock = fakeClock()
  return edge({ strategies: [jwt({ issuers: find, ...more } as JwtOptions)] }, clock)
}

describe('given a function that finds issuers', () => {
  test('when a token names one, then it is verified by that one only', async () => {
    const { send } = by(async iss =>
      iss === 'https://a.test' ? options() : iss === 'https://b.test' ? options(OTHER) : undefined,
    )
    expect((await send(of('https://a.test'))).status).toBe(200)
    expect((await send(of('https://b.test', {}, OTHER))).status).toBe(200)
    expect((await send(of('https://b.test'))).status).toBe(401)
    expect((await send(of('https://a.test', {}, OTHER))).status).toBe(401)
    expect((await send(of('https://c.test'))).status).toBe(401)
  })

  test('when many tokens of one come at once and later, then it is asked once in 5 minutes', async () => {
    const asked: string[] = []
    const { send, clock } = by(async iss => {
      asked.push(iss)
      return options()
    })
    const fresh = (n: number) => of('https://a.test', { jti: n, exp: clock.now() / 1000 + 3600 })
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, n) => send(fresh(n))))
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200]))
    clock.advance(299_999)
    await send(fresh(100))
    expect(asked.length).toBe(1)
    clock.advance(1)
    await send(fresh(101))
    expect(asked.length).toBe(2)
  })

  test('when it knows none, then that is kept for 30 seconds', async () => {
    let asked = 0
    const { send, clock } = by(() => void asked++)
    for (let n = 0; n < 5; n++) expect((await send(of('https://x.test', { jti: n }))).status).toBe(401)
    expect(asked).toBe(1)
    clock.advance(30_000)
    await send(of('https://x.test', { jti: 6 }))
    expect(asked).toBe(2)
  })

  test.each<[string, unknown]>([
    ['a kilobyte', `https://${'x'.repeat(1000)}`],
    ['empty', ''],
    ['a line end', 'https://a.test\r\nX: y'],
    ['a NUL', 'https://a.test\0'],
    ['a space', 'https://a.test x'],
    ['no ASCII', 'https://\u00e4.test'],
    ['half a surrogate pair', 'https://\ud800'],
    ['a list', ['https://a.test']],
    ['an object', { toString: 'x' }],
    ['a number', 7],
    ['null', null],
    ['true', true],
  ])('when a stranger names one that is %s, then it is not even asked', async (_, iss) => {
    let asked = 0
    const { send, logs } = by(() => {
      asked++
      return options()
    })
    const { status, passed } = await send(of(iss))
    expect([status, passed, asked, logs]).toEqual([401, false, 0, []])
  })

  test.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'http://127.0.0.1:1/',
    'file:///etc/passwd',
  ])(
    'when a stranger names %s, then it is a name like any other, and nothing is fetched from there',
    async iss => {
      const asked: string[] = []
      const { send, logs } = by(name => void asked.push(name))
      expect([(await send(of(iss))).status, asked, logs]).toEqual([401, [iss], []])
    },
  )

  test('when strangers make up ten thousand, then those that were found are not pushed out', async () => {
    const asked = new Map<string, number>()
    const { send } = by(
      iss => {
        asked.set(iss, (asked.get(iss) ?? 0) + 1)
        return iss === 'https://a.test' ? options() : undefined
      },
      { cache: false },
    )
    expect((await send(of('https://a.test'))).status).toBe(200)
    for (let n = 0; n < 10_000; n++) await send(of(`https://${n}.test`, {}, 'x'))
    expect((await send(of('https://a.test'))).status).toBe(200)
    expect(asked.get('https://a.test')).toBe(1)
  })

  test('when it hangs while strangers make up names, then only so many wait, and known issuers go on', async () => {
    let waiting = 0
    const { send } = by(
      iss => {
        if (iss === 'https://a.test') return options()
        waiting++
        return new Promise(() => {})
      },
      { cache: false },
    )
    expect((await send(of('https://a.test'))).status).toBe(200)
    for (let n = 0; n < 100; n++) void send(of(`https://${n}.test`))
    expect((await send(of('https://late.test'))).status).toBe(503)
    expect(waiting).toBe(100)
    expect((await send(of('https://a.test'))).status).toBe(200)
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('secret-host')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret-host'))],
    ['returns true', () => true],
    ['returns text', () => 'https://a.test'],
    ['returns a list', () => [options()]],
    ['returns no audience', () => ({ secret: SECRET, algorithms: ['HS256'] })],
    ['returns a weak secret', () => options('short')],
    ['returns an unknown option', () => ({ ...options(), audiences: ['x'] })],
    ['returns another issuer', () => ({ ...options(), issuer: 'https://b.test' })],
    ['returns a template', () => ({ ...options(), issuer: 'https://{tenantid}', tenants: ['b.test'] })],
    ['returns a function', () => () => options()],
  ])('when it %s, then it is a 503 that is logged, and no secret of it is told', async (_, find) => {
    const here = by(find as FindIssuer)
    const { status, passed, body } = await here.send(of('https://a.test'))
    expect([status, passed, here.logs.length, here.violations]).toEqual([503, false, 1, []])
    expect(body).not.toContain('secret-host')
    expect(JSON.stringify(here.logs)).not.toContain(SECRET)
  })

  test('when it knows an issuer no more, then what that verified is refused, the cache included', async () => {
    let known = true
    const { send, clock } = by(() => (known ? options() : null), { cache: { ttl: '10m' } })
    const kept = of('https://a.test', { exp: clock.now() / 1000 + 3600 })
    expect((await send(kept)).status).toBe(200)
    known = false
    clock.advance(300_000)
    expect((await send(of('https://a.test', { jti: 'new' }))).status).toBe(401)
    expect((await send(kept)).status).toBe(401)
  })

  test('when it changes the options, then the new ones hold', async () => {
    let secret = SECRET
    const { send, clock } = by(() => options(secret))
    expect((await send(of('https://a.test'))).status).toBe(200)
    secret = OTHER
    clock.advance(300_000)
    expect((await send(of('https://a.test', { jti: 'n' }, OTHER))).status).toBe(200)
    expect((await send(of('https://a.test'))).status).toBe(401)
  })
})

describe('given issuers with keys of their own', () => {
  let server: Awaited<ReturnType<typeof jwksServer>>
  beforeEach(async () => {
    server = await jwksServer()
    server.publishes({ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'one' })
  })
  afterEach(() => server.close())

  test('when the function says the same again, then the keys that were fetched are kept', async () => {
    const here = by(() => ({ audience: ['api'], jwksUri: server.uri }))
    const token = async (jti: string) =>
      bearer(
        await sign(claims({ iss: 'https://a.test', aud: 'api', jti, exp: here.clock.now() / 1000 + 600 }), {
          alg: 'RS256',
          key: rsa.privateKey,
          header: { kid: 'one' },
        }),
      )
    expect((await here.send(await token('1'))).status).toBe(200)
    here.clock.advance(301_000)
    expect((await here.send(await token('2'))).status).toBe(200)
    expect(server.requests.length).toBe(1)
    await here.dispose()
  })
})

test.each<[string, unknown]>([
  ['issuer', { issuers: () => undefined, issuer: 'a' }],
  ['audience', { issuers: () => undefined, audience: 'a' }],
  ['issuers', { issuers: 'https://a.test' }],
  ['issuers', { issuers: {} }],
])('"%s" is named when it is wrong beside a function', (option, wrong) => {
  expect(() => jwt(wrong as JwtOptions)).toThrow(`jwt: option "${option}"`)
})
