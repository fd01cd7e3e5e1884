import { createHmac } from 'node:crypto'
import { apiKey, apiKeys, authenticate, basic, jwt, passwordHasher, passwordUsers } from '@palisade/auth'
import { cors, type Identity, type Logger, pipeline, provideIdentity, Reply, requestId } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { failban, ipFilter } from '@palisade/failban'
import { guard, when } from '@palisade/guards'
import { eventLoop, health } from '@palisade/health'
import { metrics, metricsEndpoint } from '@palisade/metrics'
import { byClient, compose, concurrencyLimit, createLimiter, rateLimit } from '@palisade/ratelimit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** What a team's callback may do by mistake. Each is wrong for every callback below, unless its row says otherwise. */
const WRONG: Readonly<Record<string, () => unknown>> = {
  'a promise of false': () => Promise.resolve(false),
  'a promise of true': () => Promise.resolve(true),
  'a promise of a number': () => Promise.resolve(1),
  'a rejected promise': () => Promise.reject(new Error('the database is gone')),
  'a number': () => 1,
  'a text': () => 'yes',
  'an empty object': () => ({}),
  undefined: () => undefined,
  null: () => null,
  NaN: () => Number.NaN,
  'a symbol': () => Symbol('s'),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'a throw': () => {
    throw new Error('a fault of the team')
  },
}
const PROMISED_BOOLEAN = ['a promise of false', 'a promise of true']
const NOTHING = ['undefined', 'null']

interface Place {
  readonly name: string
  /** A pipeline whose callback returns the value. */
  readonly edge: (value: never, base: ReturnType<typeof watched>['base']) => never
  readonly request?: Parameters<typeof inject>[1]
  /** Results that mean something to this callback. */
  readonly fine?: readonly string[]
}

const policy = { limit: 1, window: '1m' } as const
const identity: Identity = {
  subject: 'ada',
  method: 'test',
  scopes: new Set(),
  roles: new Set(),
  claims: {},
}
const as = (edge: unknown) => edge as never

/** Callbacks that decide over a request: a wrong result is a 500, and the handler does not run. */
const DECIDING: readonly Place[] = [
  { name: 'rateLimit skip', edge: (f, base) => as(base.use(rateLimit({ ...policy, skip: f }))) },
  {
    name: 'rateLimit key',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, key: f }))),
    fine: [...NOTHING, 'a text'],
  },
  {
    name: 'a part of compose',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, key: compose(byClient(), f) }))),
    fine: [...NOTHING, 'a text'],
  },
  {
    name: 'rateLimit limit',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, limit: f }))),
    fine: ['a number'],
  },
  {
    name: 'rateLimit cost',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, cost: f }))),
    fine: ['a number'],
  },
  {
    name: 'rateLimit burst',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, algorithm: 'gcra', burst: f }))),
    fine: ['a number'],
  },
  { name: 'concurrencyLimit skip', edge: (f, base) => as(base.use(concurrencyLimit({ limit: 1, skip: f }))) },
  {
    name: 'concurrencyLimit key',
    edge: (f, base) => as(base.use(concurrencyLimit({ limit: 1, key: f }))),
    fine: [...NOTHING, 'a text'],
  },
  {
    name: 'ipFilter key',
    edge: (f, base) => as(base.use(ipFilter({ allow: ['203.0.113.0/24'], key: f }))),
    // No address, or none that is on the list: refused with 403.
    fine: ['undefined', 'a text'],
  },
  {
    name: 'provideIdentity',
    edge: (f, base) => as(base.use(provideIdentity(f))),
    fine: NOTHING,
  },
  {
    name: 'guard',
    edge: (f, base) => as(base.use(provideIdentity(() => identity)).use(guard(f))),
    fine: PROMISED_BOOLEAN,
  },
  {
    name: 'the condition of when',
    edge: (f, base) =>
      as(base.use(provideIdentity(() => identity)).use(guard(when(f as () => boolean, () => true)))),
    fine: PROMISED_BOOLEAN,
  },
  {
    name: 'metricsEndpoint authorize',
    edge: (f, base) => {
      const counted = metrics({ path: false })
      return as(base.use(counted).use(metricsEndpoint(counted, { authorize: f })))
    },
    request: { url: '/metrics' },
    fine: PROMISED_BOOLEAN,
  },
  {
    name: 'cors origin',
    edge: (f, base) => as(base.use(cors({ origin: (_origin: string) => (f as () => boolean)() }))),
    request: { headers: { origin: 'https://app.example.com' } },
    fine: PROMISED_BOOLEAN,
  },
  {
    name: 'requestId generator',
    edge: (f, base) => as(base.use(requestId({ generator: f }))),
    fine: ['a text'],
  },
]

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown) => unhandled.push(reason)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  // Unhandled rejections are reported when the microtasks have run.
  await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

function watched() {
  const logged: object[] = []
  const note = (fields: object) => void logged.push(fields)
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note }
  return { logged, base: pipeline({ clock: fakeClock(), logger }) }
}

describe.each(DECIDING)('$name', ({ edge, request, fine = [] }) => {
  const wrong = Object.entries(WRONG).filter(([name]) => !fine.includes(name))
  it.each(wrong)(
    '%s: the request is a 500 that is logged, and the handler does not run',
    async (_, value) => {
      const { base, logged } = watched()
      const { status, passed } = await inject(edge(value as never, base), request)
      expect({ status, passed }).toEqual({ status: 500, passed: false })
      expect(logged.length).toBeGreaterThan(0)
    },
  )

  it.each(fine.filter(name => name in WRONG))('%s: no unhandled rejection', async name => {
    const { base } = watched()
    const { status } = await inject(edge(WRONG[name] as never, base), request)
    expect(status).toBeLessThan(500)
  })
})

const everything = Object.entries(WRONG)

describe('callbacks whose result decides only what is shown', () => {
  it.each(everything)(
    'health authorize, %s: the probe answers, without details unless it is true',
    async (name, value) => {
      const answer = async (authorize: never) => {
        const edge = watched().base.use(health({ authorize, checks: [eventLoop()] }))
        const { status, body } = await inject(edge, { url: '/health' })
        return { status, body }
      }
      const withheld = await answer((() => false) as never)
      const given = await answer(value as never)
      expect(given.status).toBe(200)
      expect(given.body === withheld.body).toBe(name !== 'a promise of true')
    },
  )
})

describe('isFailure', () => {
  it.each(everything)('%s: the request stays counted, and the fault is logged', async (_, value) => {
    const { base, logged } = watched()
    const edge = base.use(rateLimit({ ...policy, count: 'failures', isFailure: value as never }))
    expect((await inject(edge)).status).toBe(200)
    expect((await inject(edge)).status).toBe(429)
    expect(logged.length).toBe(1)
  })
})

describe('basic verify', () => {
  const authorization = `Basic ${btoa('ada:secret')}`
  it.each(everything)('%s: nobody is logged in', async (_, value) => {
    const { base } = watched()
    const login = authenticate({ strategies: [basic({ verify: value as never })] })
    const { status, passed } = await inject(base.use(login), { headers: { authorization } })
    expect(passed).toBe(false)
    expect([401, 500, 503]).toContain(status)
  })
})

/** Of the password "secret", by the weakest scrypt that is accepted. */
const HASH = await passwordHasher({ cost: 10 }).hash('secret')

/** Callbacks of a login: with a wrong result no caller is logged in, and with a result that means something none is an error. */
const LOGINS: readonly {
  readonly name: string
  readonly login: (value: never) => Parameters<typeof authenticate>[0]
  readonly credential: () => string
  /** Results with which the caller is logged in. */
  readonly grants?: readonly string[]
  /** Results by which the team refuses the caller. */
  readonly refuses?: readonly string[]
}[] = [
  ...(['validate', 'isRevoked', 'identity', 'issuers'] as const).map(option => ({
    name: `jwt ${option}`,
    login: (f: never) => ({ strategies: [jwt(jwtWith(option, f))] }),
    credential: signedToken,
    grants: {
      validate: ['a promise of true'],
      isRevoked: ['a promise of false'],
      identity: ['an empty object'],
      issuers: [],
    }[option],
    refuses: {
      validate: ['a promise of false'],
      isRevoked: ['a promise of true'],
      identity: [],
      issuers: NOTHING,
    }[option],
  })),
  {
    name: 'passwordUsers find',
    login: f => ({
      strategies: [
        basic({ verify: passwordUsers({ find: f, hasher: passwordHasher({ cost: 10 }) }).verify }),
      ],
    }),
    credential: () => `Basic ${btoa('ada:secret')}`,
    // A user without a password.
    refuses: [...NOTHING, 'an empty object'],
  },
  ...(['disabled', 'passwordHash'] as const).map(field => ({
    name: `passwordUsers find, of which ${field} is what it should not be`,
    login: (f: never) => ({
      strategies: [
        basic({
          verify: passwordUsers({
            find: () => ({ subject: 'ada', passwordHash: HASH, [field]: (f as () => never)() }),
            hasher: passwordHasher({ cost: 10 }),
          }).verify,
        }),
      ],
    }),
    credential: () => `Basic ${btoa('ada:secret')}`,
    grants: field === 'disabled' ? NOTHING : [],
    refuses: field === 'disabled' ? [] : NOTHING,
  })),
]

const TOKENS = {
  issuer: 'shop',
  audience: 'shop',
  secret: 'a secret of thirty-two characters',
  algorithms: ['HS256'],
}

function jwtWith(option: string, value: unknown): Parameters<typeof jwt>[0] {
  return (option === 'issuers' ? { issuers: value } : { ...TOKENS, [option]: value }) as never
}

function signedToken(): string {
  const now = Math.floor(fakeClock().now() / 1000)
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encoded({ alg: 'HS256' })}.${encoded({ iss: 'shop', aud: 'shop', sub: 'ada', exp: now + 60 })}`
  return `Bearer ${text}.${createHmac('sha256', TOKENS.secret).update(text).digest('base64url')}`
}

describe.each(LOGINS)('$name', ({ login, credential, grants = [], refuses = [] }) => {
  it.each(everything)('%s: the caller is logged in only where that is said', async (name, value) => {
    const { base, logged } = watched()
    const edge = base.use(authenticate(login(value as never)))
    const { status, passed } = await inject(edge, { headers: { authorization: credential() } })
    const expected = grants.includes(name) ? 200 : refuses.includes(name) ? 401 : 503
    expect({ status, passed }).toEqual({ status: expected, passed: expected === 200 })
    expect(logged.length > 0).toBe(expected === 503)
  })
})

describe('passwordUsers rehash', () => {
  it.each(everything)('%s: the login is right all the same', async (_, value) => {
    const weak = await passwordHasher({ cost: 10 }).hash('secret')
    const users = passwordUsers({
      find: () => ({ subject: 'ada', passwordHash: weak }),
      rehash: value as never,
      hasher: passwordHasher({ cost: 11 }),
    })
    expect(await users.verify('ada', 'secret')).toMatchObject({ subject: 'ada' })
    expect(await users.verify('ada', 'wrong')).toBeUndefined()
  })
})

/** What makes the limiters of API keys, and what these say. */
const KEY_LIMITERS: readonly (readonly [string, (value: () => unknown) => unknown])[] = [
  ['limiter', value => value],
  ['consume', value => () => ({ consume: value, refund() {}, reset() {} })],
  [
    'the decision',
    value => () => ({ consume: () => ({ allowed: value(), retryAfterMs: 1 }), refund() {}, reset() {} }),
  ],
]

describe.each(KEY_LIMITERS)('apiKeys limiter: %s', (_, limiterOf) => {
  it.each(everything)('%s: no key is accepted', async (_name, value) => {
    const { base } = watched()
    const keys = apiKeys({ limiter: limiterOf(value) as never, clock: base.compile().services.clock })
    const { key } = await keys.create({ name: 'k', owner: 'ada', rateLimit: { limit: 1, window: '1m' } })
    const edge = base.use(authenticate({ strategies: [apiKey({ keys })] }))
    const { status, passed } = await inject(edge, { headers: { 'x-api-key': key } })
    expect(passed).toBe(false)
    expect([429, 500, 503]).toContain(status)
  })
})

describe('failban escalation', () => {
  it.each(everything.filter(([name]) => name !== 'a throw'))(
    'random, %s: the ban is in force',
    async (_, value) => {
      const { base } = watched()
      const bans = failban({ maxViolations: 1, escalate: { jitter: '1m', random: value as never } })
      const edge = base.use(bans)
      edge.compile()
      await inject(edge, { url: '/wp-login.php', handler: new Reply(404) })
      expect((await inject(edge)).status).toBe(403)
      await edge.dispose()
    },
  )
})

describe('createLimiter onStoreError and logger', () => {
  it.each(everything)('%s: the attempt is decided all the same', async (_, value) => {
    const failing = { open: () => failingEngine }
    const limiter = createLimiter({ ...policy, store: failing as never, onStoreError: value as never })
    expect((await limiter.consume('k')).allowed).toBe(true)
    expect((await limiter.consume('k')).allowed).toBe(false)
  })

  const failingEngine = {
    immediate: false,
    available: true,
    now: () => 0,
    decide: () => Promise.reject(new Error('the store is gone')),
    refund: () => undefined,
    reset: () => undefined,
  }
})
