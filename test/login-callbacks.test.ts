import { createHmac } from 'node:crypto'
import { apiKey, apiKeys, authenticate, basic, jwt, passwordHasher, passwordUsers } from '@palisade/auth'
import { fakeClock, inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { watched } from './support/watched.js'
import { NOTHING, type WrongResult, watchRejections, wrongResults } from './support/wrong-results.js'

watchRejections()

const everything = wrongResults()

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

interface Login {
  readonly name: string
  readonly login: (value: never) => Parameters<typeof authenticate>[0]
  readonly credential: () => string
  /** Results with which the caller is logged in. */
  readonly grants?: readonly WrongResult[]
  /** Results by which the team refuses the caller. */
  readonly refuses?: readonly WrongResult[]
}

const JWT_CALLBACKS: Readonly<Record<string, Pick<Login, 'grants' | 'refuses'>>> = {
  validate: { grants: ['true', 'a promise of true'], refuses: ['false', 'a promise of false'] },
  isRevoked: { grants: ['false', 'a promise of false'], refuses: ['true', 'a promise of true'] },
  identity: { grants: ['an empty object'] },
  issuers: { refuses: NOTHING },
}

/**
 * With a wrong result no caller is logged in, and with a result that means something none is an
 * error.
 */
const LOGINS: readonly Login[] = [
  ...Object.entries(JWT_CALLBACKS).map(([option, results]) => ({
    name: `jwt ${option}`,
    login: (f: never) => ({ strategies: [jwt(jwtWith(option, f))] }),
    credential: signedToken,
    ...results,
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
  ...(['disabled', 'passwordHash'] as const).map(
    (field): Login => ({
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
      grants: field === 'disabled' ? [...NOTHING, 'false'] : [],
      refuses: field === 'disabled' ? ['true'] : NOTHING,
    }),
  ),
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

describe.each(KEY_LIMITERS)('apiKeys limiter: %s', (place, limiterOf) => {
  it.each(wrongResults(place === 'the decision' ? ['true'] : []))(
    '%s: no key is accepted',
    async (_name, value) => {
      const { base } = watched()
      const keys = apiKeys({ limiter: limiterOf(value) as never, clock: base.compile().services.clock })
      const { key } = await keys.create({ name: 'k', owner: 'ada', rateLimit: { limit: 1, window: '1m' } })
      const edge = base.use(authenticate({ strategies: [apiKey({ keys })] }))
      const { status, passed } = await inject(edge, { headers: { 'x-api-key': key } })
      expect(passed).toBe(false)
      expect([429, 500, 503]).toContain(status)
    },
  )
})
