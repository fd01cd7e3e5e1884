import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type JwtOptions, jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { jwksServer } from '../support/jwks-server.js'
import { AUDIENCE, claims, ec, ISSUER, rsa, sign } from '../support/tokens.js'

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

function setUp(options: Partial<JwtOptions> = {}) {
  const strategy = jwt({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUri: server.uri,
    ...options,
  } as JwtOptions)
  const here = { ...edge({ strategies: [strategy] }) }
  opened.push(here)
  return here
}

const published = (key: KeyObject, kid: string, more: object = {}) => ({
  ...key.export({ format: 'jwk' }),
  kid,
  use: 'sig',
  ...more,
})
const one = published(rsa.publicKey, 'one')
const two = published(ec.publicKey, 'two')
const byOne = (changes?: Record<string, unknown>) =>
  sign(claims(changes), { alg: 'RS256', key: rsa.privateKey, header: { kid: 'one' } })
const byTwo = (changes?: Record<string, unknown>) =>
  sign(claims(changes), { alg: 'ES256', key: ec.privateKey, header: { kid: 'two' } })
const MINUTE = 60_000

describe('keys that an issuer publishes', () => {
  test('are fetched once, whoever waits, and asked for without compression', async () => {
    server.publishes(one, two)
    const { send } = setUp()
    const tokens = await Promise.all([
      byOne(),
      byTwo(),
      ...Array.from({ length: 20 }, (_, i) => byOne({ jti: String(i) })),
    ])
    const responses = await Promise.all(tokens.map(token => send(bearer(token))))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    expect(server.requests.length).toBe(1)
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  test('are fetched again after 10 minutes, and from 8 minutes on beside the requests', async () => {
    server.publishes(one)
    const { send, clock } = setUp()
    const status = async (n: number) =>
      (await send(bearer(await byOne({ jti: String(n), exp: clock.now() / 1000 + 600 })))).status
    expect(await status(0)).toBe(200)
    clock.advance(8 * MINUTE - 1)
    expect(await status(1)).toBe(200)
    expect(server.requests.length).toBe(1)
    clock.advance(1)
    let release = () => {}
    const asked = new Promise<void>(resolve => {
      server.answers((_, res) => {
        release = () => res.end(JSON.stringify({ keys: [one] }))
        resolve()
      })
    })
    expect(await status(2)).toBe(200)
    await asked
    expect(await status(3)).toBe(200)
    expect(server.requests.length).toBe(2)
    release()
  })

  test('are looked at again when a token names one that is not there, at most every 30 seconds', async () => {
    server.publishes(one)
    const { send, clock } = setUp()
    expect((await send(bearer(await byOne()))).status).toBe(200)
    server.publishes(one, two)
    expect((await send(bearer(await byTwo()))).status).toBe(200)
    expect(server.requests.length).toBe(2)
    const foreign = await sign(claims(), { alg: 'RS256', key: rsa.privateKey, header: { kid: 'three' } })
    for (let i = 0; i < 5; i++) expect((await send(bearer(foreign))).status).toBe(401)
    expect(server.requests.length).toBe(2)
    clock.advance(30_000)
    expect((await send(bearer(foreign))).status).toBe(401)
    expect(server.requests.length).toBe(3)
  })

  test('are new within 30 seconds of a look that a stranger has used up: their tokens wait outside, and are no violations', async () => {
    server.publishes(one)
    const { send, violations, clock } = setUp()
    expect((await send(bearer(await byOne()))).status).toBe(200)
    const foreign = await sign(claims(), { alg: 'RS256', key: rsa.privateKey, header: { kid: 'three' } })
    expect((await send(bearer(foreign))).status).toBe(401)
    expect(violations).toHaveLength(1)
    server.publishes(one, two)
    for (let i = 0; i < 5; i++) expect((await send(bearer(await byTwo({ jti: String(i) })))).status).toBe(401)
    expect(violations).toHaveLength(1)
    clock.advance(30_000)
    expect((await send(bearer(await byTwo()))).status).toBe(200)
  })

  test('are waited for by every token that names a new one while they are fetched', async () => {
    server.publishes(one)
    const { send, violations } = setUp()
    expect((await send(bearer(await byOne()))).status).toBe(200)
    let release = () => {}
    const asked = new Promise<void>(resolve =>
      server.answers((_, res) => {
        release = () => res.end(JSON.stringify({ keys: [one, two] }))
        resolve()
      }),
    )
    const tokens = await Promise.all(Array.from({ length: 5 }, (_, i) => byTwo({ jti: String(i) })))
    const responses = tokens.map(token => send(bearer(token)))
    await asked
    responses.push(send(bearer(await byTwo({ jti: 'late' }))))
    await new Promise(resolve => setImmediate(resolve))
    release()
    expect((await Promise.all(responses)).map(({ status }) => status)).toEqual(Array(6).fill(200))
    expect(violations).toEqual([])
    expect(server.requests.length).toBe(2)
  })

  test('are fetched once more for many unknown ones at a time, where those that came have none of them', async () => {
    server.publishes(one)
    const { send, clock } = setUp()
    expect((await send(bearer(await byOne()))).status).toBe(200)
    // Renewed beside the requests, from before the new key was published.
    clock.advance(8 * MINUTE)
    let release = () => {}
    const asked = new Promise<void>(resolve =>
      server.answers((_, res) => {
        release = () => res.end(JSON.stringify({ keys: [one] }))
        resolve()
      }),
    )
    const exp = clock.now() / 1000 + 600
    expect((await send(bearer(await byOne({ exp })))).status).toBe(200)
    await asked
    const tokens = await Promise.all(Array.from({ length: 5 }, (_, i) => byTwo({ exp, jti: String(i) })))
    const responses = tokens.map(token => send(bearer(token)))
    await new Promise(resolve => setTimeout(resolve, 20))
    server.publishes(one, two)
    release()
    expect((await Promise.all(responses)).map(({ status }) => status)).toEqual(Array(5).fill(200))
    expect(server.requests.length).toBe(3)
  })

  test('that are gone take the tokens with them that were verified by them', async () => {
    server.publishes(one, two)
    const { send } = setUp()
    const old = bearer(await byOne())
    expect((await send(old)).status).toBe(200)
    server.publishes(two)
    const unknown = await sign(claims(), { alg: 'RS256', key: rsa.privateKey, header: { kid: 'three' } })
    expect((await send(bearer(unknown))).status).toBe(401)
    const { status, headers } = await send(old)
    expect([status, headers['www-authenticate']]).toEqual([401, expect.stringContaining('invalid_token')])
    expect((await send(bearer(await byTwo()))).status).toBe(200)
  })

  test('that were replaced do not end the cache: tokens by the new ones are remembered', async () => {
    server.publishes(one, two)
    const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, jwksUri: server.uri })
    let verified = 0
    const here = edge({
      strategies: [
        {
          ...strategy,
          verify: (credential, attempt) => {
            verified++
            return strategy.verify(credential as never, attempt)
          },
        },
      ],
    })
    opened.push(here)
    const token = bearer(await byTwo())
    expect((await here.send(token)).status).toBe(200)
    server.publishes(two)
    const unknown = await sign(claims(), { alg: 'RS256', key: rsa.privateKey, header: { kid: 'three' } })
    expect((await here.send(bearer(unknown))).status).toBe(401)
    for (let i = 0; i < 3; i++) expect((await here.send(token)).status).toBe(200)
    // At first, the unknown one, and once more after a key was gone.
    expect(verified).toBe(3)
  })

  test('without key ids are tried, those of the right type', async () => {
    const another = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { kid: _, ...first } = published(another.publicKey, '')
    const { kid: __, ...second } = one
    server.publishes(first, second, two)
    const { send } = setUp()
    expect((await send(bearer(await sign(claims(), { alg: 'RS256', key: rsa.privateKey })))).status).toBe(200)
  })

  test('cannot be used for another algorithm than theirs, nor for encryption', async () => {
    server.publishes({ ...one, alg: 'RS512' }, { ...two, use: 'enc' })
    const { send } = setUp()
    expect((await send(bearer(await byOne()))).status).toBe(401)
    expect((await send(bearer(await byTwo()))).status).toBe(401)
  })

  test('mean that the header says at+jwt where that is asked for, and nothing otherwise', async () => {
    server.publishes(one)
    const typed = (typ?: string) =>
      sign(claims(), { alg: 'RS256', key: rsa.privateKey, header: { kid: 'one', ...(typ && { typ }) } })
    const statuses = async ({ send }: ReturnType<typeof setUp>) => {
      const tokens = await Promise.all(
        ['at+jwt', 'application/at+jwt', 'JWT', undefined, 'logout+jwt'].map(typed),
      )
      return Promise.all(tokens.map(async token => (await send(bearer(token))).status))
    }
    expect(await statuses(setUp({ typ: 'at+jwt' }))).toEqual([200, 200, 401, 401, 401])
    for (const typ of [undefined, false] as const)
      expect(await statuses(setUp({ ...(typ === false && { typ }) }))).toEqual([200, 200, 200, 200, 401])
  })
})

describe('an issuer that is down', () => {
  test('is a 503 when there are no keys yet, with Retry-After, no violation, and nothing said of it', async () => {
    server.answers((_, res) => res.writeHead(500).end('stack trace'))
    const { send, violations, logs } = setUp()
    const { status, headers, body } = await send(bearer(await byOne()))
    expect([status, headers['retry-after'], headers['www-authenticate']]).toEqual([503, '1', undefined])
    expect(body).not.toMatch(/127\.0\.0\.1|stack|issuer/)
    expect(violations).toEqual([])
    expect(logs.map(({ message }) => message)).toEqual([
      "an issuer's keys could not be fetched",
      'authentication is not available',
    ])
  })

  test('is asked again after 1, 2, 4 ... 60 seconds, and not before', async () => {
    server.answers((_, res) => res.writeHead(500).end())
    const { send, clock } = setUp()
    const token = bearer(await byOne())
    await send(token)
    for (const [index, wait] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
      clock.advance(wait * 1000 - 1)
      expect((await send(token)).status).toBe(503)
      expect(server.requests.length).toBe(index + 1)
      clock.advance(1)
      expect((await send(token)).status).toBe(503)
      expect(server.requests.length).toBe(index + 2)
    }
    server.publishes(one)
    clock.advance(60_000)
    expect((await send(bearer(await byOne({ exp: clock.now() / 1000 + 60 })))).status).toBe(200)
  })

  test('does not matter for a day when its keys are known', async () => {
    server.publishes(one)
    const { send, clock } = setUp()
    const fresh = async () => bearer(await byOne({ exp: clock.now() / 1000 + 600 }))
    expect((await send(await fresh())).status).toBe(200)
    server.answers(req => req.socket.destroy())
    clock.advance(24 * 60 * MINUTE - 1)
    expect((await send(await fresh())).status).toBe(200)
    clock.advance(MINUTE)
    expect((await send(await fresh())).status).toBe(503)
  })

  test('holds up nobody once it is known to be down, where its keys are known', async () => {
    server.publishes(one)
    const { send, clock, logs } = setUp({ jwksTimeout: '300ms' })
    const fresh = async (n: number) => bearer(await byOne({ jti: String(n), exp: clock.now() / 1000 + 600 }))
    expect((await send(await fresh(0))).status).toBe(200)
    server.answers((_, res) => res.writeHead(500).end())
    clock.advance(10 * MINUTE)
    expect((await send(await fresh(1))).status).toBe(200)
    // The rest after the failure is over: the next fetch is under way and hangs, but no request
    // waits for its end.
    clock.advance(MINUTE)
    const asked = new Promise<void>(resolve => server.answers(() => resolve()))
    for (const n of [2, 3]) expect((await send(await fresh(n))).status).toBe(200)
    expect(logs.length).toBe(1)
    await asked
    expect(server.requests.length).toBe(3)
  })

  test('makes a token with an unknown key a 503, since it may be a new one', async () => {
    server.publishes(one)
    const { send } = setUp()
    await send(bearer(await byOne()))
    server.answers((_, res) => res.writeHead(503).end())
    const token = bearer(await byTwo())
    expect([(await send(token)).status, (await send(token)).status]).toEqual([503, 503])
    expect(server.requests.length).toBe(2)
    expect((await send(bearer(await byOne({ jti: 'other' })))).status).toBe(200)
  })
})

test('given a new key, when the first fetch fails, then the next one is after the rest and not after 30 seconds', async () => {
  server.publishes(one)
  const { send, clock } = setUp()
  await send(bearer(await byOne()))
  server.answers((_, res) => res.writeHead(500).end())
  const token = bearer(await byTwo())
  const { status, headers } = await send(token)
  expect([status, headers['retry-after']]).toEqual([503, '1'])
  server.publishes(one, two)
  clock.advance(999)
  expect((await send(token)).status).toBe(503)
  expect(server.requests.length).toBe(2)
  clock.advance(1)
  expect((await send(token)).status).toBe(200)
  expect(server.requests.length).toBe(3)
})

describe('an answer that is not taken', () => {
  const keys = JSON.stringify({ keys: [one] })

  test.each<[string, Parameters<Awaited<ReturnType<typeof jwksServer>>['answers']>[0]]>([
    [
      'a redirect',
      (req, res) => (req.url === '/jwks' ? res.writeHead(302, { Location: '/other' }).end() : res.end(keys)),
    ],
    ['204', (_, res) => res.writeHead(204).end()],
    ['404 with keys', (_, res) => res.writeHead(404).end(keys)],
    ['a compressed one', (_, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(keys))],
    ['over 256 KiB, announced', (_, res) => res.end(keys + ' '.repeat(262_144))],
    [
      'over 256 KiB, in chunks',
      (_, res) => {
        res.write(keys)
        for (let i = 0; i < 5; i++) res.write(' '.repeat(65_536))
        res.end()
      },
    ],
    ['no JSON', (_, res) => res.end('<html>')],
    ['no UTF-8', (_, res) => res.end(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['a list', (_, res) => res.end('[]')],
    ['null', (_, res) => res.end('null')],
    ['keys that are no list', (_, res) => res.end('{"keys":{}}')],
    ['101 keys', (_, res) => res.end(JSON.stringify({ keys: Array.from({ length: 101 }, () => one) }))],
    [
      'cut off',
      (_, res) => {
        res.writeHead(200, { 'Content-Length': '1000' }).write('{')
        res.socket?.destroy()
      },
    ],
  ])('%s is a 503', async (_, answer) => {
    server.answers(answer)
    const { send } = setUp()
    expect((await send(bearer(await byOne()))).status).toBe(503)
    expect(server.requests.length).toBe(1)
  })

  test('one that never comes, or never ends, is a 503 in time', async () => {
    const drip: NodeJS.Timeout[] = []
    for (const answer of [
      () => {},
      (_: unknown, res: { write(text: string): void }) => {
        res.write('{')
        drip.push(setInterval(() => res.write(' '), 5))
      },
    ]) {
      server.answers(answer)
      const { send } = setUp({ jwksTimeout: '100ms' })
      expect((await send(bearer(await byOne()))).status).toBe(503)
    }
    for (const timer of drip) clearInterval(timer)
  })

  test('100 keys are read, and the last one opens', async () => {
    const others = Array.from({ length: 99 }, (_, i) => ({ ...two, kid: `k${i}` }))
    server.publishes(...others, one)
    expect((await setUp().send(bearer(await byOne()))).status).toBe(200)
  })

  test('a weak key among the keys is no key, and the others are', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
    server.publishes(published(weak.publicKey, 'weak'), { kty: 'RSA', kid: 'none', e: 'AQAB' }, one)
    const { send, logs } = setUp()
    const header = { alg: 'RS256', kid: 'weak' }
    const signed = [header, claims()]
      .map(each => Buffer.from(JSON.stringify(each)).toString('base64url'))
      .join('.')
    const signature = createSign('sha256').update(signed).sign(weak.privateKey, 'base64url')
    expect((await send(bearer(`${signed}.${signature}`))).status).toBe(401)
    expect((await send(bearer(await byOne()))).status).toBe(200)
    expect(logs).toEqual([])
  })

  test('a secret among the keys is no key, and the others are', async () => {
    server.publishes(
      { kty: 'oct', k: Buffer.from('x'.repeat(32)).toString('base64url'), kid: 'oct', alg: 'HS256' },
      one,
    )
    const { send } = setUp()
    expect((await send(bearer(await byOne()))).status).toBe(200)
  })

  test('a fetch that is under way ends when the pipeline is disposed', async () => {
    const asked = new Promise<void>(resolve => server.answers(() => resolve()))
    const here = setUp()
    const response = here.send(bearer(await byOne()))
    await asked
    await here.dispose()
    expect((await response).status).toBe(503)
  })
})
