import { pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { accountOf, Lockout } from '../../src/basic/lockout.js'
import { authenticate, type BasicOptions, basic, clearFailures } from '../../src/index.js'
import { edge } from '../support/edge.js'
import { fakeLimiter } from '../support/fake-limiter.js'

const as = (name: string, password: string, peer = '203.0.113.9') => ({
  peer,
  headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` },
})

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

function setUp(options: Partial<BasicOptions> = {}) {
  let verified = 0
  let isDown = false
  const clock = fakeClock()
  const strategy = basic({
    verify: async (name, password) => {
      verified++
      await undefined
      if (isDown) throw new Error('down')
      return password === 'right' ? { subject: name } : undefined
    },
    cache: false,
    ...options,
  })
  const here = edge({ strategies: [strategy] }, clock)
  return { ...here, strategy, verified: () => verified, breaks: (down: boolean) => (isDown = down) }
}

test('from the fifth failure on an account waits 1, 2, 4 ... seconds, with the same answer and the same work', async () => {
  const { send, clock, verified, failures } = setUp()
  for (let i = 0; i < 5; i++) expect((await send(as('ada', `w${i}`))).status).toBe(401)
  for (const seconds of [1, 2, 4, 8]) {
    const locked = await send(as('ada', 'right'))
    expect([locked.status, locked.headers['www-authenticate'], locked.headers['retry-after']]).toEqual([
      401,
      'Basic realm="api", charset="UTF-8"',
      undefined,
    ])
    clock.advance(seconds * 1000)
    expect((await send(as('ada', 'wrong'))).status).toBe(401)
  }
  expect(failures.filter(({ reason }) => reason === 'locked').length).toBe(4)
  expect(verified()).toBe(13)
  clock.advance(16_000)
  expect((await send(as('ada', 'right'))).status).toBe(200)
  expect((await send(as('ada', 'wrong'))).status).toBe(401)
  expect((await send(as('ada', 'right'))).status).toBe(200)
})

test('20 in parallel are as many as the limit, though one of them is right', async () => {
  const { send } = setUp()
  const wrong = Array.from({ length: 19 }, (_, i) => as('ada', `w${i}`))
  const statuses = await Promise.all(
    [...wrong, as('ada', 'right')].map(async request => (await send(request)).status),
  )
  expect(new Set(statuses)).toEqual(new Set([401]))
})

test('others, and the same one from elsewhere, do not wait', async () => {
  const { send } = setUp()
  for (let i = 0; i < 6; i++) await send(as('ada', `w${i}`))
  expect((await send(as('ada', 'right'))).status).toBe(401)
  expect((await send(as('ada', 'right', '203.0.113.10'))).status).toBe(200)
  expect((await send(as('bob', 'right'))).status).toBe(200)
})

test('who guesses from many addresses meets the limit of the account, which ends by itself', async () => {
  const { send, clock } = setUp({ lockout: { perAccount: 20, longest: '1m' } })
  for (let i = 0; i < 40; i++) await send(as('ada', `w${i}`, `198.51.100.${i}`))
  expect((await send(as('ada', 'right'))).status).toBe(401)
  clock.advance(60_000)
  expect((await send(as('ada', 'right'))).status).toBe(200)
})

test('what could not be verified counts for nothing', async () => {
  const { send, breaks } = setUp()
  breaks(true)
  for (let i = 0; i < 10; i++) expect((await send(as('ada', 'right'))).status).toBe(503)
  breaks(false)
  expect((await send(as('ada', 'right'))).status).toBe(200)
})

test('it can be turned off', async () => {
  const { send } = setUp({ lockout: false })
  for (let i = 0; i < 10; i++) await send(as('ada', `w${i}`))
  expect((await send(as('ada', 'right'))).status).toBe(200)
})

test.each([
  'ADA',
  'Ada',
  'ada ',
  ' ada',
  '\uff41da',
  'a\u0064a',
  'àda',
  'ad\u00e1',
  'ad\u0323a\u0301',
  'a\u200bda',
  'ada\u00ad',
])('the spelling %j shares the wait of "ada", since a database may find the same user by it', async name => {
  const { send } = setUp()
  for (let i = 0; i < 6; i++) await send(as('ada', `w${i}`))
  expect((await send(as(name, 'right'))).status).toBe(401)
})

test.each([
  ['STRASSE', 'straße'],
  ['ΟΔΟΣ', 'οδός'],
  ['İnci', 'inci'],
])('%s and %s are one account', async (one, other) => {
  const { send } = setUp()
  for (let i = 0; i < 6; i++) await send(as(one, `w${i}`))
  expect((await send(as(other, 'right'))).status).toBe(401)
})

describe('given guesses from everywhere, when the owner logs in between them', () => {
  const owner = '192.0.2.1'
  const attack = async () => {
    const here = setUp({ lockout: { perAccount: 20, first: '10m' } })
    for (let i = 0; i < 40; i++) {
      await here.send(as('ada', `w${i}`, `198.51.100.${i}`))
      if (i % 10 === 9) expect((await here.send(as('ada', 'right', owner))).status).toBe(200)
    }
    return here
  }

  test('then the account meets its limit all the same, for who never was right', async () => {
    const { send } = await attack()
    expect((await send(as('ada', 'right', '198.51.100.200'))).status).toBe(401)
  })

  test('then the owner gets in from where it always did, and its own limit still holds there', async () => {
    const { send } = await attack()
    expect((await send(as('ada', 'right', owner))).status).toBe(200)
    for (let i = 0; i < 5; i++) await send(as('ada', `w${i}`, owner))
    expect((await send(as('ada', 'right', owner))).status).toBe(401)
  })
})

test('given an owner who mistypes each time before it is right, then its failures do not add up for the account', async () => {
  const { send } = setUp({ lockout: { perAccount: 8 } })
  for (let i = 0; i < 12; i++) {
    await send(as('ada', `w${i}`, `192.0.2.${i}`))
    expect((await send(as('ada', 'right', `192.0.2.${i}`))).status).toBe(200)
  }
  expect((await send(as('ada', 'right', '198.51.100.1'))).status).toBe(200)
})

describe('given a flood of made-up names', () => {
  const FLOOD = 10_001
  const during = async (flood: 'unanswered' | 'wrong', failures: number) => {
    const here = setUp({ lockout: { first: '10m' } })
    for (let i = 0; i < failures; i++) await here.send(as('ada', `w${i}`))
    here.breaks(flood === 'unanswered')
    await Promise.all(
      Array.from({ length: FLOOD }, (_, i) => here.send(as(`u${i}`, 'x', `198.51.${i >> 8}.${i & 255}`))),
    )
    here.breaks(false)
    return here
  }

  test.each(['unanswered', 'wrong'] as const)(
    'when they are %s, then who was locked still is',
    async flood => {
      const { send } = await during(flood, 5)
      expect((await send(as('ada', 'right'))).status).toBe(401)
    },
  )

  test('when nobody could answer them, then not even a count is lost', async () => {
    const { send } = await during('unanswered', 4)
    await send(as('ada', 'wrong'))
    expect((await send(as('ada', 'right'))).status).toBe(401)
  })

  test('when as many accounts are locked as are kept, then the one whose wait ends first makes room', () => {
    const lockout = new Lockout({
      perClient: 1,
      perAccount: 1,
      first: 1000 as never,
      longest: 60_000 as never,
    })
    const fails = (account: string, now: number) => lockout.reserve(account, '192.0.2.1', now).failed()
    fails('ada', 0)
    fails('ada', 1000)
    for (let i = 1; i < 10_000; i++) fails(`u${i}`, 1500)
    expect(lockout.isLocked('ada', '192.0.2.1', 2000)).toBe(true)
    fails('eve', 2000)
    expect(['ada', 'u1', 'u2', 'eve'].map(account => lockout.isLocked(account, '192.0.2.1', 2000))).toEqual([
      true,
      false,
      true,
      true,
    ])
  })
})

test('given attempts that are never answered, when the longest wait has passed, then they lock nobody out', () => {
  const lockout = new Lockout({
    longest: 60_000 as never,
    perClient: undefined,
    perAccount: undefined,
    first: undefined,
  })
  for (let i = 0; i < 5; i++) lockout.reserve('ada', '192.0.2.1', 0)
  expect([0, 60_000, 60_001].map(now => lockout.isLocked('ada', '192.0.2.1', now))).toEqual([
    true,
    true,
    false,
  ])
})

test('an account that was cleared lets its owner in from everywhere, also where it was locked by all', async () => {
  const { send, strategy } = setUp({ lockout: { perAccount: 8 } })
  for (let i = 0; i < 6; i++) await send(as('Ren\u00e9e x', `w${i}`))
  for (let i = 0; i < 6; i++) await send(as('Ren\u00e9e x', `w${i}`, '203.0.113.10'))
  for (let i = 0; i < 6; i++) await send(as('bob', `w${i}`))
  expect((await send(as('Ren\u00e9e x', 'right', '203.0.113.11'))).status).toBe(401)
  strategy.clear?.({ account: 'rene\u0301e X' })
  for (const peer of ['203.0.113.9', '203.0.113.10', '203.0.113.11'])
    expect((await send(as('Ren\u00e9e x', 'right', peer))).status).toBe(200)
  expect((await send(as('bob', 'right'))).status).toBe(401)
})

test('a client that was cleared waits for no account, and others still do', async () => {
  const { send, strategy } = setUp()
  for (const name of ['ada', 'bob'])
    for (const peer of ['203.0.113.9', '203.0.113.99'])
      for (let i = 0; i < 6; i++) await send(as(name, `w${i}`, peer))
  strategy.clear?.({ client: '203.0.113.9' })
  expect([
    (await send(as('ada', 'right'))).status,
    (await send(as('bob', 'right'))).status,
    (await send(as('ada', 'wrong', '203.0.113.99'))).status,
    (await send(as('bob', 'right', '203.0.113.99'))).status,
  ]).toEqual([200, 200, 401, 401])
})

describe('a remembered login tells nobody whether a guess is right', () => {
  const remembering = (throttle?: ReturnType<typeof fakeLimiter>) => {
    const clock = fakeClock()
    const verify = async (name: string, password: string) =>
      password === 'right' ? { subject: name } : undefined
    return edge(
      { strategies: [basic({ verify })], ...(throttle && { throttle: { basic: throttle } }) },
      clock,
    )
  }
  const victim = '198.51.100.1'

  test('given an account locked for a client, when its user logs in from elsewhere, then the client still waits', async () => {
    const { send } = remembering()
    for (let i = 0; i < 5; i++) await send(as('ada', `w${i}`))
    expect((await send(as('ada', 'right', victim))).status).toBe(200)
    expect((await send(as('ada', 'right', victim))).status).toBe(200)
    expect((await send(as('ada', 'right'))).status).toBe(401)
  })

  test('given a login of that very client, when somebody beside it guesses until it is locked, then a right guess looks wrong', async () => {
    const { send } = remembering()
    expect((await send(as('ada', 'right'))).status).toBe(200)
    for (let i = 0; i < 5; i++) expect((await send(as('ada', `w${i}`))).status).toBe(401)
    expect((await send(as('ada', 'right'))).status).toBe(401)
    expect((await send(as('bob', 'right'))).status).toBe(200)
  })

  test('given a throttled client, when a guess is right that was right from elsewhere or here, then it is a 429 as any other', async () => {
    const limiter = fakeLimiter(3)
    const { send, clock } = remembering(limiter)
    expect((await send(as('ada', 'right'))).status).toBe(200)
    expect((await send(as('bob', 'right', victim))).status).toBe(200)
    for (const status of [401, 401, 401, 429])
      expect((await send(as(`u${limiter.used.get('203.0.113.9')}`, 'wrong'))).status).toBe(status)
    for (const name of ['ada', 'bob', 'eve']) expect((await send(as(name, 'right'))).status).toBe(429)
    expect((await send(as('bob', 'right', victim))).status).toBe(200)
    clock.advance(1500)
    expect((await send(as('ada', 'right'))).status).toBe(200)
  })

  test('given a throttled client, when the help desk clears it, then its login is remembered again', async () => {
    const strategy = basic({ verify: (name, password) => (password === 'right' ? { subject: name } : null) })
    const login = authenticate({ strategies: [strategy], throttle: { basic: fakeLimiter(1) } })
    const edge = pipeline({ logger: silent }).use(login)
    const send = async (name: string, password: string) => (await inject(edge, as(name, password))).status
    expect(await send('ada', 'right')).toBe(200)
    for (const status of [401, 429, 429]) expect(await send('ada', 'wrong')).toBe(status)
    expect(await send('ada', 'right')).toBe(429)
    await clearFailures(login, { client: '203.0.113.9' })
    expect(await send('ada', 'right')).toBe(200)
  })
})

describe('given names that are long, or become long in their compatible form', () => {
  /** The longest names that fit into an `Authorization` field of 1 KiB. */
  const LONG = ['\ufdfa'.repeat(335), 'x'.repeat(1000), 'A\u0301'.repeat(300), '\u1f82'.repeat(300)]

  test.each(LONG)('when an account is made of one then at most 64 letters are kept', name => {
    expect(accountOf(name).length).toBeLessThanOrEqual(64)
  })

  test.each(LONG)(
    'when it is guessed in two spellings then they wait together, and another name does not',
    async name => {
      const { send, strategy } = setUp()
      for (let i = 0; i < 5; i++) await send(as(name, `w${i}`))
      expect((await send(as(`${name} `, 'right'))).status).toBe(401)
      expect((await send(as(`${name.slice(0, -1)}z`, 'right'))).status).toBe(200)
      strategy.clear?.({ account: name })
      expect((await send(as(name, 'right'))).status).toBe(200)
    },
  )
})

describe('given a key as the user or as the password, without the other', () => {
  test('when a client guesses users without a name then it waits, and a client that was right before does not', async () => {
    const { send } = setUp({ verify: (_, password) => (password === 'right' ? { subject: 'u1' } : null) })
    expect((await send(as('', 'right', '192.0.2.1'))).status).toBe(200)
    for (let i = 0; i < 5; i++) expect((await send(as('', `w${i}`))).status).toBe(401)
    expect((await send(as('', 'right'))).status).toBe(401)
    expect((await send(as('', 'right', '192.0.2.1'))).status).toBe(200)
  })
})
