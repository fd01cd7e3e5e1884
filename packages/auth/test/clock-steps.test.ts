import type { Limiter } from '@palisade/core/middleware'
import { type FakeClock, fakeClock } from '@palisade/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ApiKeyStore,
  apiKey,
  apiKeys,
  type BasicOptions,
  basic,
  jwt,
  keyValueKeys,
  memoryKeys,
  type Strategy,
} from '../src/index.js'
import { bearer, edge } from './support/edge.js'
import { fakeLimiter } from './support/fake-limiter.js'
import { jwksServer } from './support/jwks-server.js'
import { AUDIENCE, claims, forge, ISSUER, NOW, rsa, SECRET, sign } from './support/tokens.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** What an operator or NTP does to the time of day. */
const STEPS = [
  { name: 'back by an hour', by: -HOUR },
  { name: 'forward by an hour', by: HOUR },
]

const as = (name: string, password: string, peer = '203.0.113.9') => ({
  peer,
  headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` },
})

/** Users whose password is `right`, and how often their passwords were asked for. */
function users(options: Partial<BasicOptions> = {}, throttle?: Record<string, Limiter>) {
  const count = { asked: 0 }
  const strategy = basic({
    verify: (subject, password) => {
      count.asked++
      return password === 'right' ? { subject } : undefined
    },
    ...options,
  })
  return { ...edge({ strategies: [strategy], ...(throttle && { throttle }) }), count }
}

/** A strategy, and how often it had to verify. */
function counted(strategy: Strategy) {
  const count = { verified: 0 }
  const verify: Strategy['verify'] = (credential, attempt) => {
    count.verified++
    return strategy.verify(credential, attempt)
  }
  return { ...edge({ strategies: [{ ...strategy, verify }] }), count }
}

const login = fc.record({
  do: fc.constant('login' as const),
  name: fc.constantFrom('ada', 'bob'),
  password: fc.constantFrom('right', 'wrong', 'wronger'),
  peer: fc.constantFrom('203.0.113.9', '203.0.113.10'),
})
const action = fc.oneof(
  { weight: 6, arbitrary: login },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 8000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('step' as const), by: fc.constantFrom(-HOUR, HOUR) }) },
)

test('given any history of logins, when the time of day steps in the middle, then nothing changes', async () => {
  const lockout = { perClient: 2, perAccount: 3, longest: '4s' } as const
  const options: Partial<BasicOptions> = { lockout, cache: { ttl: '5s' } }
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async actions => {
      const [stepping, still] = [
        users(options, { basic: fakeLimiter(4) }),
        users(options, { basic: fakeLimiter(4) }),
      ]
      for (const one of actions) {
        if (one.do === 'step') stepping.clock.set(stepping.clock.now() + one.by)
        else if (one.do === 'wait') for (const { clock } of [stepping, still]) clock.advance(one.ms)
        else {
          const request = as(one.name, one.password, one.peer)
          expect((await stepping.send(request)).status).toBe((await still.send(request)).status)
        }
      }
      expect(stepping.count).toEqual(still.count)
      expect(stepping.failures).toEqual(still.failures)
    }),
  )
})

describe.each(STEPS)('given a time of day that steps $name', ({ by }) => {
  const step = (clock: FakeClock) => clock.set(clock.now() + by)

  test('when an account is locked, then it waits for as long as it had to', async () => {
    const { send, clock } = users({ cache: false })
    for (let i = 0; i < 8; i++) {
      await send(as('ada', `w${i}`))
      clock.advance(i < 4 ? 0 : SECOND * 2 ** (i - 4))
    }
    await send(as('ada', 'w'))
    step(clock)
    clock.advance(16 * SECOND - 1)
    expect((await send(as('ada', 'right'))).status).toBe(401)
    clock.advance(1)
    expect((await send(as('ada', 'right'))).status).toBe(200)
  })

  test('when failures are not yet forgotten, then they count, and afterwards they do not', async () => {
    for (const [wait, status] of [
      [30 * MINUTE, 401],
      [30 * MINUTE + 1, 200],
    ] as const) {
      const { send, clock } = users({ cache: false })
      for (let i = 0; i < 4; i++) await send(as('ada', `w${i}`))
      step(clock)
      clock.advance(wait)
      await send(as('ada', 'w'))
      expect((await send(as('ada', 'right'))).status).toBe(status)
    }
  })

  test('when attempts hang, then they count for as long as the longest wait', async () => {
    const { send, clock } = users({
      cache: false,
      lockout: { perClient: 2, longest: '1m' },
      verify: (subject, password) => (password === 'right' ? { subject } : new Promise(() => {})),
    })
    for (let i = 0; i < 2; i++) void send(as('ada', 'hangs'))
    step(clock)
    clock.advance(MINUTE)
    expect((await send(as('ada', 'right'))).status).toBe(401)
    clock.advance(1)
    expect((await send(as('ada', 'right'))).status).toBe(200)
  })

  test('when a throttle has refused a client, then no cache tells it for that long that a guess is right', async () => {
    for (const [wait, status] of [
      [1499, 429],
      [1500, 200],
    ] as const) {
      const { send, clock } = users({}, { basic: fakeLimiter(2) })
      const statusOf = async (password: string) => (await send(as('ada', password))).status
      expect([await statusOf('right'), await statusOf('w1'), await statusOf('w2')]).toEqual([200, 401, 401])
      expect(await statusOf('w3')).toBe(429)
      step(clock)
      clock.advance(wait)
      expect(await statusOf('right')).toBe(status)
    }
  })

  test('when a login is remembered, then for as long as it should, and a changed password is seen after that', async () => {
    const { send, clock, count } = users()
    await send(as('ada', 'right'))
    step(clock)
    clock.advance(MINUTE - 1)
    await send(as('ada', 'right'))
    expect(count.asked).toBe(1)
    clock.advance(1)
    await send(as('ada', 'right'))
    expect(count.asked).toBe(2)
  })

  test('when a token is remembered, then for as long as it should', async () => {
    const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] })
    const { send, clock, count } = counted(strategy as Strategy)
    const token = bearer(await sign(claims({ iat: undefined, exp: NOW + 7200 })))
    await send(token)
    step(clock)
    clock.advance(MINUTE - 1)
    await send(token)
    expect(count.verified).toBe(1)
    clock.advance(1)
    await send(token)
    expect(count.verified).toBe(2)
  })

  test('when the last use of a key was noted, then the next one is noted after a minute, with the time of day', async () => {
    const touched: number[] = []
    const store: ApiKeyStore = { ...memoryKeys(), touch: (_, at) => void touched.push(at) }
    const clock = fakeClock()
    const keys = apiKeys({ store, clock })
    const { key } = await keys.create({ name: 'app', owner: 'u1' })
    const { send } = edge({ strategies: [apiKey({ keys })] }, clock)
    const use = () => send({ headers: { 'x-api-key': key } })
    await use()
    step(clock)
    clock.advance(MINUTE - 1)
    await use()
    expect(touched.length).toBe(1)
    clock.advance(1)
    await use()
    expect(touched).toEqual([NOW * 1000, clock.now()])
  })

  test('when memoryKeys counts, then a counter is forgotten after its time, and not before', () => {
    const clock = fakeClock()
    const { count } = memoryKeys({ clock })
    count('a', MINUTE, 9)
    step(clock)
    clock.advance(MINUTE - 1)
    expect(count('a', MINUTE, 9)).toBe(2)
    clock.advance(1)
    expect(count('a', MINUTE, 9)).toBe(1)
  })

  test('when keys were fetched, then they are fetched again after 10 minutes, and not before', async () => {
    const server = await jwksServer()
    server.publishes({ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' })
    const here = edge({ strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, jwksUri: server.uri })] })
    const use = async (jti: string) => {
      const lasting = claims({ jti, iat: undefined, exp: NOW + 2 * 3600 })
      return here.send(
        bearer(await sign(lasting, { alg: 'RS256', key: rsa.privateKey, header: { kid: 'one' } })),
      )
    }
    await use('a')
    step(here.clock)
    expect((await use('b')).status).toBe(200)
    expect(server.requests.length).toBe(1)
    here.clock.advance(10 * MINUTE)
    expect((await use('c')).status).toBe(200)
    expect(server.requests.length).toBe(2)
    await here.dispose()
    await server.close()
  })

  test('when an issuer was found, then it is asked for again after 5 minutes, and not before', async () => {
    let asked = 0
    const issuers = () => {
      asked++
      return { audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }
    }
    const { send, clock } = edge({ strategies: [jwt({ issuers })] })
    const use = (jti: string) =>
      send(bearer(forge({ alg: 'HS256' }, claims({ jti, iat: undefined, exp: NOW + 7200 }))))
    await use('a')
    step(clock)
    clock.advance(5 * MINUTE - 1)
    await use('b')
    expect(asked).toBe(1)
    clock.advance(1)
    expect((await use('c')).status).toBe(200)
    expect(asked).toBe(2)
  })
})

describe('dates are dates of the time of day', () => {
  test('given a token that is remembered, when the time of day steps past its exp, then it is refused', async () => {
    const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] })
    const { send, clock, failures } = counted(strategy as Strategy)
    const token = bearer(await sign())
    expect((await send(token)).status).toBe(200)
    clock.set(NOW * 1000 + 600_000 + 29_999)
    expect((await send(token)).status).toBe(200)
    clock.set(NOW * 1000 + 600_000 + 30_000)
    expect((await send(token)).status).toBe(401)
    expect(failures).toMatchObject([{ reason: 'expired' }])
  })

  test('given a token within its tolerance, then it is verified each time', async () => {
    const strategy = jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] })
    const { send, clock, count } = counted(strategy as Strategy)
    const token = bearer(await sign())
    await send(token)
    clock.set(NOW * 1000 + 600_000)
    for (let i = 0; i < 2; i++) expect((await send(token)).status).toBe(200)
    expect(count.verified).toBe(3)
  })

  test('given a login that is remembered, when the time of day steps past its end, then the user is looked up', async () => {
    let asked = 0
    const verify = (subject: string) => ({ subject, expiresAt: NOW * 1000 + HOUR + asked++ * HOUR })
    const { send, clock } = users({ verify })
    await send(as('ada', 'right'))
    clock.set(NOW * 1000 + HOUR)
    expect((await send(as('ada', 'right'))).status).toBe(200)
    expect(asked).toBe(2)
  })

  const places: [string, (clock: FakeClock) => ApiKeyStore][] = [
    ['memoryKeys', clock => memoryKeys({ clock })],
    ['keyValueKeys', clock => keyValueKeys({ store: expiring(clock) })],
  ]

  test.each(places)(
    'given a quota in %s, when the time of day steps back, then its period is longer, and no new one begins',
    async (_, make) => {
      const clock = fakeClock()
      const keys = apiKeys({ store: make(clock), clock })
      const { send } = edge({ strategies: [apiKey({ keys })] }, clock)
      const { key } = await keys.create({ name: 'app', owner: 'u1', quota: { limit: 2, window: '1d' } })
      const use = () => send({ headers: { 'x-api-key': key } })
      for (let i = 0; i < 2; i++) expect((await use()).status).toBe(200)
      const end = Math.ceil((NOW * 1000) / (24 * HOUR)) * 24 * HOUR
      const left = end - clock.now()
      clock.set(clock.now() - HOUR)
      clock.advance(left + HOUR - SECOND)
      const refused = await use()
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1'])
      clock.advance(SECOND)
      expect((await use()).status).toBe(200)
    },
  )
})

/**
 * A store on another machine, which forgets by a clock of its own: what passes there is what passes
 * here.
 */
function expiring(clock: FakeClock) {
  const values = new Map<string, { readonly value: unknown; readonly until: number }>()
  return {
    get: (key: string) => {
      const found = values.get(key)
      return Promise.resolve(found !== undefined && found.until > clock.monotonic() ? found.value : undefined)
    },
    set: (key: string, value: unknown, ttl = Number.POSITIVE_INFINITY) => {
      values.set(key, { value, until: clock.monotonic() + ttl })
      return Promise.resolve(true)
    },
    delete: (key: string) => Promise.resolve(values.delete(key)),
  }
}
