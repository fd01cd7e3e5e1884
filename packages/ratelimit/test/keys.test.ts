import { createHash } from 'node:crypto'
import { ConfigError, type Identity, type Middleware, pipeline, trustedProxies } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import {
  byApiKey,
  byClient,
  byHeader,
  byIdentity,
  byRoute,
  byTenant,
  compose,
  concurrencyLimit,
  createLimiter,
  type KeyFunction,
  rateLimit,
} from '@palisade/ratelimit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundedKey } from '../src/keys/bounded-key.js'

/** Says who is calling as the headers say: a stand-in for any login. */
const login: Middleware<{}, { identity: Identity | undefined }> = {
  name: 'login',
  gives: ['identity'],
  onRequest(ctx) {
    const subject = ctx.header('x-user')
    const tenant = ctx.header('x-tenant')
    const method = ctx.header('x-method') ?? 'jwt'
    if (subject === undefined) return
    const none: ReadonlySet<string> = new Set()
    ctx.state.identity = {
      subject,
      method,
      scopes: none,
      roles: none,
      claims: {},
      ...(tenant !== undefined && { tenant }),
    }
  },
}

/** Whether two requests share a count. */
async function share(key: KeyFunction, first: object, second: object): Promise<boolean> {
  const edge = pipeline({ clock: fakeClock() })
    .use(login)
    .use(rateLimit({ limit: 1, window: '1m', key }))
  expect((await inject(edge, first)).status).toBe(200)
  return (await inject(edge, second)).status === 429
}

const from = (peer: string, headers: Record<string, string> = {}) => ({ peer, headers })

describe('keys', () => {
  it('byClient follows the trust of the pipeline', async () => {
    const edge = pipeline({ clock: fakeClock(), trust: trustedProxies(['10.0.0.0/8']) }).use(
      rateLimit({ limit: 1, window: '1m', key: byClient() }),
    )
    const by = (ip: string) => from('10.0.0.1', { 'x-forwarded-for': `6.6.6.6, ${ip}` })
    expect((await inject(edge, by('198.51.100.1'))).status).toBe(200)
    expect((await inject(edge, by('198.51.100.2'))).status).toBe(200)
    expect((await inject(edge, by('198.51.100.1'))).status).toBe(429)
  })

  it('byClient leaves a client without an address uncounted: all such would be one', async () => {
    expect(await share(byClient(), { peer: null }, { peer: null })).toBe(false)
  })

  it.each([
    ['one user from two places', { 'x-user': 'ada' }, { 'x-user': 'ada' }, true],
    ['two users', { 'x-user': 'ada' }, { 'x-user': 'bob' }, false],
    ['a user and nobody', { 'x-user': 'ada' }, {}, false],
    ['a user named like an address', { 'x-user': '203.0.113.9' }, {}, false],
    [
      'one name in two tenants',
      { 'x-user': 'ada', 'x-tenant': 'a' },
      { 'x-user': 'ada', 'x-tenant': 'b' },
      false,
    ],
    [
      'a tenant and a name that read alike when joined',
      { 'x-user': 'bc', 'x-tenant': 'a' },
      { 'x-user': 'c', 'x-tenant': 'ab' },
      false,
    ],
  ])('byIdentity: %s', async (_title, first, second, expected) => {
    const [one, two] = expected ? ['203.0.113.1', '203.0.113.2'] : ['203.0.113.9', '203.0.113.9']
    expect(await share(byIdentity(), from(one, first), from(two, second))).toBe(expected)
  })

  it('byIdentity falls back to the client', async () => {
    expect(await share(byIdentity(), from('203.0.113.1'), from('203.0.113.1'))).toBe(true)
    expect(await share(byIdentity(), from('203.0.113.1'), from('203.0.113.2'))).toBe(false)
  })

  it('byTenant counts all users of a tenant together, and refuses a request without one', async () => {
    const as = (user: string, tenant: string) => from('203.0.113.1', { 'x-user': user, 'x-tenant': tenant })
    expect(await share(byTenant(), as('ada', 'acme'), as('bob', 'acme'))).toBe(true)
    expect(await share(byTenant(), as('ada', 'acme'), as('ada', 'other'))).toBe(false)
    const edge = pipeline({ clock: fakeClock() })
      .use(login)
      .use(rateLimit({ limit: 9, window: '1m', key: byTenant() }))
    expect((await inject(edge)).status).toBe(400)
  })

  it('byApiKey counts by the key that was sent, else by the owner of a verified one, else lacks its key', async () => {
    const sent = (key: string) => from('203.0.113.1', { 'x-api-key': key })
    const verified = (owner: string) => from('203.0.113.1', { 'x-user': owner, 'x-method': 'api-key' })
    expect(await share(byApiKey(), sent('one'), sent('one'))).toBe(true)
    expect(await share(byApiKey(), sent('one'), sent('two'))).toBe(false)
    expect(await share(byApiKey(), verified('ada'), verified('ada'))).toBe(true)
    const edge = pipeline({ clock: fakeClock() })
      .use(login)
      .use(rateLimit({ limit: 9, window: '1m', key: byApiKey() }))
    expect((await inject(edge, from('203.0.113.1', { 'x-user': 'ada' }))).status).toBe(400)
  })

  it('byApiKey puts no secret into events', async () => {
    const edge = pipeline({ clock: fakeClock() }).use(rateLimit({ limit: 0, window: '1m', key: byApiKey() }))
    const seen: unknown[] = []
    edge.events.on('*', payload => seen.push(payload))
    await inject(edge, from('203.0.113.1', { 'x-api-key': 'sk_live_secret' }))
    expect(seen.length).toBeGreaterThan(0)
    expect(JSON.stringify(seen)).not.toContain('sk_live_secret')
  })

  it('byHeader reads the header in any case, and a long value like any other', async () => {
    const sent = (key: string) => from('203.0.113.1', { 'X-Customer': key })
    expect(await share(byHeader('X-CUSTOMER'), sent('a'), sent('a'))).toBe(true)
    expect(await share(byHeader('x-customer'), sent('a'), sent('b'))).toBe(false)
    const long = 'x'.repeat(4000)
    expect(await share(byHeader('x-customer'), sent(`${long}a`), sent(`${long}b`))).toBe(false)
    expect(await share(byHeader('x-customer'), sent(`${long}a`), sent(`${long}a`))).toBe(true)
  })

  it('compose joins parts so that no two combinations read alike', async () => {
    const parts = fc.array(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })
    const keyOf = (values: readonly string[]) => compose(...values.map(value => () => value))({} as never)
    fc.assert(
      fc.property(parts, parts, (first, second) => {
        expect(keyOf(first) === keyOf(second)).toBe(JSON.stringify(first) === JSON.stringify(second))
      }),
    )
  })

  it('compose joins parts that hold what stands between parts so that they do not read alike', () => {
    const of = (first: string, second: string) =>
      compose(
        () => first,
        () => second,
      )({} as never)
    expect(of('a:b', 'c')).not.toBe(of('a', 'b:c'))
    expect(of('a', '1:b')).not.toBe(of('a1:', 'b'))
  })

  it('a key that reads like the digest of a long one does not share its count', () => {
    const limiter = createLimiter({ limit: 1, window: '1m', clock: fakeClock() })
    const long = 'x'.repeat(4000)
    const digest = `~${createHash('sha256').update(long).digest('base64url')}`
    expect(boundedKey(long)).toBe(digest)
    limiter.consume(long)
    expect(limiter.consume(digest).allowed).toBe(true)
    expect(limiter.consume(long).allowed).toBe(false)
  })

  it('compose lacks its key when one part does, and is uncounted when one part is', () => {
    const nothing = () => undefined
    const uncounted = () => false as const
    expect(compose(() => 'a', nothing)({} as never)).toBe(undefined)
    expect(compose(uncounted, () => 'a')({} as never)).toBe(false)
  })

  it.each([undefined, null, ''])(
    'a key function that returns %o refuses with 400 by default',
    async nothing => {
      const edge = pipeline({ clock: fakeClock() }).use(
        rateLimit({ limit: 9, window: '1m', key: () => nothing }),
      )
      const answer = await inject(edge)
      expect(answer.status).toBe(400)
      expect(answer.json()).toMatchObject({ error: { code: 'BAD_REQUEST' } })
    },
  )

  it('whenKeyMissing: skip leaves the policy out, and the others still decide', async () => {
    const edge = pipeline({ clock: fakeClock() }).use(
      rateLimit({
        whenKeyMissing: 'skip',
        policies: [
          { name: 'a', limit: 1, window: '1m', key: byHeader('x-a') },
          { name: 'b', limit: 2, window: '1m' },
        ],
      }),
    )
    expect((await inject(edge)).status).toBe(200)
    expect((await inject(edge)).status).toBe(200)
    expect((await inject(edge)).status).toBe(429)
  })

  it('a key function that throws is a 500: it never lets through', async () => {
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    const edge = pipeline({ logger }).use(
      rateLimit({
        limit: 9,
        window: '1m',
        key: () => {
          throw new Error('boom')
        },
      }),
    )
    const answer = await inject(edge)
    expect(answer).toMatchObject({ status: 500, passed: false })
  })
})

describe('what builds key functions', () => {
  const header = { byApiKey: ['X-Key'], byHeader: ['X-Key'] } as Record<string, string[]>
  const builders = { byApiKey, byClient, byHeader, byIdentity, byRoute, byTenant } as unknown as Record<
    string,
    (...args: unknown[]) => unknown
  >

  it.each(Object.entries(builders))('%s refuses what it has no use for', (owner, build) => {
    const right = header[owner] ?? []
    expect(build(...right)).toBeTypeOf('function')
    for (const wrong of [1, '/login', {}, undefined]) {
      const error = caught(() => build(...right, wrong))
      expect(error).toBeInstanceOf(ConfigError)
      expect(error).toMatchObject({ owner, option: 'arguments', value: wrong })
    }
  })

  it.each([...Object.entries(builders), ['compose', compose] as const])(
    '%s, given instead of what it returns, is refused when the limiter is built',
    (name, builder) => {
      const key = builder as never
      for (const build of [
        () => rateLimit({ limit: 1, window: '1m', key }),
        () => rateLimit({ policies: [{ limit: 1, window: '1m', key }] }),
        () => concurrencyLimit({ limit: 1, key }),
        () => compose(byClient(), key),
      ]) {
        const error = caught(build)
        expect(error).toBeInstanceOf(ConfigError)
        expect((error as ConfigError).message).toContain(`what ${name}() returns: call it`)
      }
    },
  )
})

function caught(build: () => unknown): unknown {
  try {
    return build()
  } catch (error) {
    return error
  }
}

describe('a key function that returns no key', () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  it.each([
    ['a promise', async () => 'a'],
    ['a number', () => 7],
    ['another function', () => byClient()],
    ['a promise as a part', compose(byClient(), (async () => 'a') as never)],
  ])(
    'given %s, when a request comes, then it is a 500 that is logged, not a refusal that blames the client',
    async (_what, key) => {
      for (const made of [
        rateLimit({ limit: 1, window: '1m', key: key as never }),
        concurrencyLimit({ limit: 1, key: key as never }),
      ])
        expect((await inject(pipeline({ logger: silent }).use(made))).status).toBe(500)
    },
  )
})
