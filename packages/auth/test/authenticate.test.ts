import { ConfigError, EventBus, type Identity, pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import {
  type AuthenticateOptions,
  apiKey,
  apiKeys,
  authenticate,
  basic,
  clearFailures,
  jwt,
  makeIdentity,
  type Strategy,
  type VerifyResult,
} from '../src/index.js'
import { edge } from './support/edge.js'
import { fakeLimiter } from './support/fake-limiter.js'
import { resultOf, wordStrategy } from './support/token-strategy.js'
import { AUDIENCE, claims, ISSUER, NOW, SECRET, sign } from './support/tokens.js'

const whole: Identity = { subject: 'ada', method: 'a', scopes: new Set(), roles: new Set(), claims: {} }
const as = (word: string, name = 'a', more: object = {}) => ({ headers: { [`x-${name}`]: word }, ...more })
const one = (options: Partial<AuthenticateOptions> = {}) =>
  edge({ strategies: [wordStrategy('a')], ...options })
const two = (options: Partial<AuthenticateOptions> = {}) =>
  edge({ strategies: [wordStrategy('a'), wordStrategy('b')], ...options })

describe('WWW-Authenticate', () => {
  const strategies = () => ({
    jwt: jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }),
    basic: basic({ verify: () => undefined }),
    'api-key': apiKey({ keys: apiKeys() }),
  })
  const expired = sign(claims({ exp: NOW - 60 }))
  const BEARER = 'Bearer realm="api"'
  const BASIC = 'Basic realm="api", charset="UTF-8"'
  const KEY = 'ApiKey realm="api"'
  const INVALID = `${BEARER}, error="invalid_token", error_description="The access token is invalid"`
  const MALFORMED = `${BEARER}, error="invalid_request", error_description="Malformed credentials"`

  test.each<
    [
      what: string,
      use: (keyof ReturnType<typeof strategies>)[],
      headers: () => Promise<Record<string, string | string[]>>,
      status: number,
      lines: string[],
    ]
  >([
    ['no bearer', ['jwt'], async () => ({}), 401, [BEARER]],
    ['a malformed bearer', ['jwt'], async () => ({ authorization: 'Bearer a b' }), 400, [MALFORMED]],
    ['two bearers', ['jwt'], async () => ({ authorization: ['Bearer a', 'Bearer a'] }), 400, [MALFORMED]],
    [
      'an expired bearer',
      ['jwt'],
      async () => ({ authorization: `Bearer ${await expired}` }),
      401,
      [`${BEARER}, error="invalid_token", error_description="The access token expired"`],
    ],
    ['an invalid bearer', ['jwt'], async () => ({ authorization: 'Bearer a.b.c' }), 401, [INVALID]],
    ['no password', ['basic'], async () => ({}), 401, [BASIC]],
    ['a malformed password', ['basic'], async () => ({ authorization: 'Basic !' }), 401, [BASIC]],
    ['a wrong password', ['basic'], async () => ({ authorization: 'Basic YTpi' }), 401, [BASIC]],
    ['no key', ['api-key'], async () => ({}), 401, [KEY]],
    ['a wrong key', ['api-key'], async () => ({ 'x-api-key': 'x' }), 401, [KEY]],
    ['nothing at all', ['jwt', 'basic', 'api-key'], async () => ({}), 401, [BEARER, BASIC, KEY]],
    [
      'a wrong key where others are possible',
      ['jwt', 'basic', 'api-key'],
      async () => ({ 'x-api-key': 'x' }),
      401,
      [KEY],
    ],
    [
      'a bearer and a key',
      ['jwt', 'api-key'],
      async () => ({ authorization: 'Bearer a.b.c', 'x-api-key': 'x' }),
      400,
      [MALFORMED, KEY],
    ],
    [
      'an unknown scheme',
      ['jwt', 'basic'],
      async () => ({ authorization: 'Digest x' }),
      401,
      [BEARER, BASIC],
    ],
  ])('given %s, then each challenge has its line', async (_, use, headers, status, lines) => {
    const all = strategies()
    const { send } = edge({ strategies: use.map(name => all[name]) })
    const response = await send({ headers: await headers() })
    expect([response.status, response.headers['www-authenticate']]).toEqual([status, lines.join(', ')])
    expect(response.ctx.denial?.headers?.['WWW-Authenticate']).toEqual(lines)
  })

  test('given a realm with a quote and a backslash, then it is escaped', async () => {
    const { send } = edge({ strategies: [basic({ verify: () => undefined, realm: 'a "b" \\c' })] })
    expect((await send()).headers['www-authenticate']).toBe('Basic realm="a \\"b\\" \\\\c", charset="UTF-8"')
  })
})

test('a strategy without a challenge adds no line, and others keep theirs', async () => {
  const silent = wordStrategy('a', { challenge: () => null })
  expect((await edge({ strategies: [silent] }).send()).headers['www-authenticate']).toBeUndefined()
  const { headers } = await edge({ strategies: [silent, wordStrategy('b')] }).send()
  expect(headers['www-authenticate']).toBe('Word realm="b"')
})

describe('a credential', () => {
  test.each([
    ['ada', 200],
    ['wrong:x', 401],
    ['expired', 401],
    ['malformed', 400],
    ['forbidden', 403],
    ['exhausted', 429],
    ['down', 503],
  ])('that is %s is answered %i, also where identity is optional', async (word, status) => {
    for (const login of ['required', 'optional'] as const) {
      const { send } = one({ rules: [{ path: '/**', login }] })
      const response = await send(as(word))
      expect([response.status, response.passed, response.state.identity?.subject]).toEqual([
        status,
        status === 200,
        status === 200 ? 'ada' : undefined,
      ])
      expect(response.body).not.toContain('secret-host')
    }
  })

  test('that is invalid is not tried by another strategy, and never becomes anonymous', async () => {
    const { send, failures } = two({ rules: [{ path: '/**', login: 'optional' }] })
    expect((await send(as('wrong'))).status).toBe(401)
    expect(failures.map(({ strategy }) => strategy)).toEqual(['a'])
  })

  test('and another one in the same request are a 400, unless the rule says which is first', async () => {
    const both = { headers: { 'x-a': 'ada', 'x-b': 'bob' } }
    expect((await two().send(both)).status).toBe(400)
    expect((await two().send({ headers: { 'x-a': 'malformed', 'x-b': 'bob' } })).status).toBe(400)
    const first = (use: string[]) => two({ rules: [{ path: '/**', use, several: 'first' }] })
    expect((await first(['a', 'b']).send(both)).state.identity?.subject).toBe('ada')
    expect((await first(['b', 'a']).send(both)).state.identity?.subject).toBe('bob')
    expect((await first(['a', 'b']).send({ headers: { 'x-a': 'wrong', 'x-b': 'bob' } })).status).toBe(401)
    expect((await first(['a', 'b']).send({ headers: { 'x-a': 'malformed', 'x-b': 'bob' } })).status).toBe(400)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('secret-host')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret-host'))],
  ])('whose verification %s is a 503', async (_, verify) => {
    const { send, logs, violations } = edge({ strategies: [wordStrategy('a', { verify })] })
    const { status, body } = await send(as('ada'))
    expect([status, body.includes('secret-host'), logs.length, violations.length]).toEqual([503, false, 1, 0])
  })

  test.each([undefined, null, true, {}, { outcome: 'yes' }])(
    'whose verification returns %j is refused',
    async result => {
      const { send } = edge({ strategies: [wordStrategy('a', { verify: () => result as never })] })
      const { status, passed } = await send(as('ada'))
      expect([status, passed]).toEqual([500, false])
    },
  )

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty object', {}],
    ['no subject', { ...whole, subject: undefined }],
    ['scopes as a list', { ...whole, scopes: ['admin'] }],
    ['a tenant that a query reads as an operator', { ...whole, tenant: { $ne: null } }],
    ['an end that is no number', { ...whole, expiresAt: new Date(8e12) }],
  ])(
    'that makes %s an identity is an error of the strategy, at once, later and recalled',
    async (_, identity) => {
      const result = { outcome: 'authenticated', identity } as VerifyResult
      for (const changes of [
        { verify: () => result },
        { verify: async () => result },
        { recall: () => result },
      ] satisfies Partial<Strategy>[]) {
        const { send, successes, logs } = edge({ strategies: [wordStrategy('a', changes)] })
        const { status, passed, state } = await send(as('ada'))
        expect([status, passed, state.identity, successes, logs.length]).toEqual([
          503,
          false,
          undefined,
          [],
          1,
        ])
      }
    },
  )

  test('that makes an identity of its own, whole and not over, is right', async () => {
    const identity = { ...whole, expiresAt: NOW * 1000 + 1 }
    const { send } = edge({
      strategies: [wordStrategy('a', { verify: () => ({ outcome: 'authenticated', identity }) })],
    })
    expect((await send(as('ada'))).state.identity).toBe(identity)
  })

  test.each([
    ['of its own', (expiresAt: number): Identity => ({ ...whole, expiresAt })],
    ['that was made', (expiresAt: number) => makeIdentity({ ...whole, expiresAt })],
  ])('that makes an identity %s that is over has expired, and is no violation', async (_, identityAt) => {
    const clock = fakeClock()
    const identity = identityAt(clock.now() + 1000)
    const verify = (): VerifyResult => ({ outcome: 'authenticated', identity })
    const { send, failures, violations } = edge({ strategies: [wordStrategy('a', { verify })] }, clock)
    clock.advance(999)
    expect((await send(as('ada'))).status).toBe(200)
    clock.advance(1)
    const { status, passed, headers } = await send(as('ada'))
    expect([status, passed, headers['www-authenticate']]).toEqual([
      401,
      false,
      'Word realm="a", error="expired"',
    ])
    expect(failures).toEqual([{ strategy: 'a', reason: 'expired', subject: 'ada' }])
    expect(violations).toEqual([])
  })

  test('whose strategy allows for clocks that differ is right for so long after its end', async () => {
    const clock = fakeClock()
    const identity = makeIdentity({ ...whole, expiresAt: clock.now() })
    const verify = (): VerifyResult => ({ outcome: 'authenticated', identity })
    const { send } = edge({ strategies: [wordStrategy('a', { verify, toleranceMs: 30_000 })] }, clock)
    clock.advance(29_999)
    expect((await send(as('ada'))).status).toBe(200)
    clock.advance(1)
    expect((await send(as('ada'))).status).toBe(401)
  })

  test('that cannot be extracted without an error is a 500', async () => {
    const { send } = edge({
      strategies: [
        wordStrategy('a', {
          extract: () => {
            throw new Error('x')
          },
        }),
      ],
    })
    expect((await send()).status).toBe(500)
  })

  test('makes no promise where the strategy makes none', () => {
    const middleware = authenticate({ strategies: [wordStrategy('a')] })
    const services = { clock: { now: () => 0 }, events: { has: () => false } }
    const ctx = { header: () => 'ada', services, state: {} as { identity?: unknown }, allowed: () => {} }
    expect(middleware.onRequest?.(ctx as never)).toBeUndefined()
    expect(ctx.state.identity).toMatchObject({ subject: 'ada' })
  })
})

describe('rules', () => {
  const strategies = [wordStrategy('a'), wordStrategy('b')]
  const rules = [
    { path: '/**', use: ['a'] },
    { path: '/admin/**', use: ['b'] },
    { path: '/public/**', login: 'public' as const },
    { path: '/public/upload', use: ['a'] },
    { path: '/shop/*/items', login: 'optional' as const },
    { path: '/Café/**', login: 'public' as const },
    { path: '/users/@me', login: 'public' as const },
    { path: '/users/*', use: ['b'] },
    { path: '/jobs:list', login: 'public' as const },
  ]
  const { send } = edge({ strategies, rules })

  test.each([
    ['/', 'a'],
    ['/x', 'a'],
    ['/administrator', 'a'],
    ['/admin', 'b'],
    ['/admin/', 'b'],
    ['/admin/x/y', 'b'],
    ['/ADMIN/x', 'b'],
    ['/Admin', 'b'],
    ['/public', 'public'],
    ['/public/', 'public'],
    ['/public/x', 'public'],
    ['/publicity', 'a'],
    ['/public/upload', 'a'],
    ['/public/upload/', 'a'],
    ['/PUBLIC/UPLOAD', 'a'],
    ['/public/upload/x', 'public'],
    ['/shop/7/items', 'optional'],
    ['/shop/items', 'a'],
    ['/shop/7/8/items', 'a'],
    ['/caf%C3%A9/x', 'public'],
    ['/CAF%C3%89/x', 'public'],
    ['/x?path=/public/', 'a'],
    ['http://host/admin/x', 'b'],
    ['http://host?/public/', 'a'],
    ['/admin;x=/public', 'a'],
    ['/public%20', 'a'],
    ['/users/@me', 'public'],
    ['/users/%40me', 'b'],
    ['/users/ada%40example.com', 'b'],
    ['/jobs:list', 'public'],
    ['/jobs%3Alist', 'a'],
    ['/report%281%29.pdf', 'a'],
  ])('%s falls under the rule of %s', async (url, name) => {
    const { status, headers } = await send({ url })
    const open = name === 'public' || name === 'optional'
    expect([status, headers['www-authenticate']]).toEqual(
      open ? [200, undefined] : [401, `Word realm="${name}"`],
    )
    // A public path reads no credentials, an optional one does.
    expect((await send({ url, ...as('wrong', 'b') })).status).toBe(
      name === 'b' || name === 'optional' ? 401 : open ? 200 : 401,
    )
  })

  test.each([
    '/public/../admin',
    '/public/%2e%2e/admin',
    '/public%2f..%2fadmin',
    '//admin',
    '/public//x',
    '/public\\x',
    '/public/%5cx',
    '/public/%00',
    '/public/%ff',
    '/%61dmin',
    '/public/%2561',
    '/public/.',
    '*',
  ])('%s is refused as ambiguous, whatever credentials it has', async url => {
    const { status, passed } = await send({ url, ...as('bob', 'b') })
    expect([status, passed]).toEqual([400, false])
  })

  test('without rules no path decides, so none is refused', async () => {
    expect((await one().send(as('ada', 'a', { url: '/files/a%2Fb' }))).status).toBe(200)
  })

  test('a path that no rule matches is refused', async () => {
    const { send } = one({ rules: [{ path: '/api/**', login: 'public' }] })
    expect([
      (await send({ url: '/api/x' })).status,
      (await send(as('ada', 'a', { url: '/x' }))).status,
    ]).toEqual([200, 403])
  })

  test('two that overlap are no tie when a third one covers what both match', async () => {
    const { send } = two({
      rules: [
        { path: '/*/admin/**', use: ['a'] },
        { path: '/shop/**', login: 'public' },
        { path: '/shop/admin/**', use: ['b'] },
      ],
    })
    expect((await send({ url: '/shop/admin/x' })).headers['www-authenticate']).toBe('Word realm="b"')
    expect((await send({ url: '/blog/admin' })).headers['www-authenticate']).toBe('Word realm="a"')
    expect((await send({ url: '/shop/x' })).status).toBe(200)
  })
})

describe('what is told', () => {
  test('a success and a failure are events, with who and why', async () => {
    const { send, successes, failures } = one()
    await send(as('ada'))
    await send(as('wrong:x'))
    await send()
    expect(successes).toEqual(['ada'])
    expect(failures).toEqual([
      { strategy: 'a', reason: 'wrong', subject: 'ada' },
      { strategy: undefined, reason: 'no credentials', subject: undefined },
    ])
  })

  test.each([
    ['no credentials', {}, []],
    ['a wrong secret', as('wrong:x'), [1]],
    ['a malformed one', as('malformed'), [1]],
    ['an expired one', as('expired'), []],
    ['two credentials', { headers: { 'x-a': 'ada', 'x-b': 'bob' } }, [1]],
    ['the wrong place', as('forbidden'), [1]],
    ['a quota', as('exhausted'), []],
    ['a store that is down', as('down'), []],
    ['a client without an address', as('wrong:x', 'a', { peer: null }), []],
  ])('given %s, then violations weigh %j', async (_, request, weights) => {
    const { send, violations } = two()
    await send(request)
    expect(violations.map(({ weight }) => weight)).toEqual(weights)
    for (const violation of violations)
      expect(violation).toMatchObject({ source: 'auth', key: '203.0.113.9', bannable: true })
  })

  test('a stuck client that repeats the same wrong secret weighs nothing, one that guesses does', async () => {
    const { send, violations } = one()
    for (const word of ['wrong:x', 'wrong:x', 'wrong:y', 'wrong:y', 'wrong:x']) await send(as(word))
    await send(as('wrong:x', 'a', { peer: '203.0.113.10' }))
    expect(violations.map(({ weight }) => weight)).toEqual([1, 0, 1, 0, 0, 1])
    expect(JSON.stringify(violations)).not.toMatch(/wrong:/)
  })

  test('a client that sends what nobody can read, or two at once, again and again weighs once', async () => {
    const { send, violations } = two()
    const several = { headers: { 'x-a': 'ada', 'x-b': 'bob' } }
    for (const request of [as('malformed'), as('malformed'), several, several, as('malformed', 'b')])
      await send(request)
    expect(violations.map(({ weight }) => weight)).toEqual([1, 0, 1, 0, 1])
  })

  test('an office whose pages were left open overnight is not banned for its expired tokens', async () => {
    const here = edge({
      strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] })],
    })
    const stale = (sub: string) => sign(claims({ sub, exp: NOW - 60 }))
    for (const sub of ['ada', 'bob', 'eve', 'ada', 'bob', 'eve'])
      expect((await here.send({ headers: { authorization: `Bearer ${await stale(sub)}` } })).status).toBe(401)
    expect(here.violations).toEqual([])
    // One that expired is told from one that only says so: the signature is looked at first.
    const [header, payload] = (await stale('ada')).split('.')
    await here.send({ headers: { authorization: `Bearer ${header}.${payload}.${'A'.repeat(43)}` } })
    expect(here.violations.map(({ weight }) => weight)).toEqual([1])
  })
})

test('given an API key that has expired, when it is used, then it is a 401 and no violation, as it was right once', async () => {
  const clock = fakeClock()
  const keys = apiKeys({ clock })
  const { key } = await keys.create({ name: 'a', owner: 'ada', expiresAt: clock.now() + 1000 })
  const limiter = fakeLimiter(5)
  const here = edge({ strategies: [apiKey({ keys })], throttle: { 'api-key': limiter } }, clock)
  clock.advance(1000)
  const send = (presented: string) => here.send({ headers: { 'x-api-key': presented } })
  const { status, headers, body } = await send(key)
  const wrong = await send(`${key.slice(0, -1)}${key.endsWith('x') ? 'y' : 'x'}`)
  expect([status, headers['www-authenticate'], JSON.parse(body).error.message]).toEqual([
    wrong.status,
    wrong.headers['www-authenticate'],
    JSON.parse(wrong.body).error.message,
  ])
  expect(here.failures.map(({ reason }) => reason)).toEqual(['expired', 'no key'])
  expect(here.violations.length).toBe(1)
  expect(limiter.used.get('203.0.113.9')).toBe(1)
})

describe('shadow', () => {
  test('decides and tells, lets everything through, and nobody is banned for it', async () => {
    const { send, failures, violations } = one({
      mode: 'shadow',
      rules: [{ path: '/api/**' }],
      login: { path: '/login' },
    })
    for (const [url, word] of [
      ['/api', 'ada'],
      ['/api', 'wrong:x'],
      ['/api', 'malformed'],
      ['/api', 'forbidden'],
      ['/api', 'down'],
      ['/x', 'ada'],
      ['//', 'ada'],
    ] as const) {
      const { status, state } = await send(as(word, 'a', { url }))
      expect([status, state.identity?.subject]).toEqual([
        200,
        url === '/api' && word === 'ada' ? 'ada' : undefined,
      ])
    }
    expect((await send({ url: '/api', headers: { accept: 'text/html' } })).status).toBe(200)
    expect(failures.map(({ reason }) => reason)).toEqual([
      'wrong',
      'malformed',
      'place',
      'down',
      'no credentials',
    ])
    expect(violations).toEqual([])
  })
})

describe('throttle', () => {
  test.each([false, true])('20 parallel wrong secrets admit exactly the limit (waiting: %s)', async later => {
    let verified = 0
    const strategy = wordStrategy('a', {
      verify: async ({ word }) => {
        verified++
        await undefined
        return word === 'ada'
          ? resultOf('a', word)
          : { outcome: 'invalid', failure: 'invalid', reason: 'wrong' }
      },
    })
    const { send } = edge({ strategies: [strategy], throttle: { a: fakeLimiter(5, later) } })
    const responses = await Promise.all(Array.from({ length: 20 }, (_, i) => send(as(`wrong:${i}`))))
    expect([
      verified,
      responses.filter(({ status }) => status === 401).length,
      responses.filter(({ status }) => status === 429).length,
    ]).toEqual([5, 5, 15])
    expect(responses.find(({ status }) => status === 429)?.headers['retry-after']).toBe('2')
    expect((await send(as('ada', 'a', { peer: '203.0.113.10' }))).status).toBe(200)
  })

  test.each([
    ['ada', 0],
    ['forbidden', 0],
    ['down', 0],
    ['wrong:x', 1],
    ['expired', 0],
  ])('an attempt that is %s uses up %i', async (word, used) => {
    const limiter = fakeLimiter(5)
    const { send } = one({ throttle: { a: limiter } })
    await send(as(word))
    expect(limiter.used.get('203.0.113.9')).toBe(used)
  })

  test('an attempt whose verification throws is given back', async () => {
    const limiter = fakeLimiter(5)
    for (const verify of [
      () => {
        throw new Error('x')
      },
      () => Promise.reject(new Error('x')),
    ]) {
      const { send } = edge({ strategies: [wordStrategy('a', { verify })], throttle: { a: limiter } })
      expect((await send(as('ada'))).status).toBe(503)
    }
    expect(limiter.used.get('203.0.113.9')).toBe(0)
  })

  test('no credentials, another strategy and a recalled credential are not counted', async () => {
    const limiter = fakeLimiter(0)
    const recall = () => resultOf('a', 'ada')
    const { send } = edge({
      strategies: [wordStrategy('a', { recall }), wordStrategy('b')],
      throttle: { a: limiter },
    })
    expect([
      (await send()).status,
      (await send(as('bob', 'b'))).status,
      (await send(as('ada'))).status,
    ]).toEqual([401, 200, 200])
  })

  test('a limiter that is down refuses with 503, and one that cannot take back harms nobody', async () => {
    const down = { consume: () => Promise.reject(new Error('x')), refund: () => undefined }
    expect((await one({ throttle: { a: down } }).send(as('ada'))).status).toBe(503)
    const stuck = { ...fakeLimiter(1), refund: () => Promise.reject(new Error('x')) }
    const { send, logs } = one({ throttle: { a: stuck } })
    expect((await send(as('ada'))).status).toBe(200)
    expect(logs.map(({ message }) => message)).toEqual(['an attempt could not be given back'])
  })
})

describe('given API keys in the field of bearer tokens', () => {
  const strategies = (keys = apiKeys({ clock: fakeClock() })) => ({
    keys,
    jwt: jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }),
    'api-key': apiKey({ keys, header: 'authorization' }),
    other: apiKey({ keys, name: 'other' }),
  })
  type Name = Exclude<keyof ReturnType<typeof strategies>, 'keys'>
  const setUp = async (names: Name[], several: 'refuse' | 'first' = 'refuse') => {
    const all = strategies()
    const { key } = await all.keys.create({ name: 'a', owner: 'ada' })
    const { send } = edge({
      strategies: names.map(name => all[name]),
      rules: [{ path: '/**', login: 'optional', several }],
    })
    const status = async (authorization: string, more: Record<string, string> = {}) => {
      const response = await send({ headers: { authorization, ...more } })
      return [response.status, response.state.identity?.method]
    }
    return { key, status }
  }

  test.each<[Name, Name]>([
    ['jwt', 'api-key'],
    ['api-key', 'jwt'],
  ])(
    'when %s and %s are tried, then each takes its own, and no other becomes anonymous',
    async (...names) => {
      for (const several of ['refuse', 'first'] as const) {
        const { key, status } = await setUp(names, several)
        expect(await status(`Bearer ${key}`)).toEqual([200, 'api-key'])
        expect(await status(`Bearer ${await sign()}`)).toEqual([200, 'jwt'])
        expect(await status(`Bearer ${key.slice(0, -1)}`)).toEqual([401, undefined])
        expect(await status('Bearer opaque')).toEqual([401, undefined])
        expect(await status('Bearer a.b.c')).toEqual([401, undefined])
      }
    },
  )

  test('when a second credential is in another field, then they are two', async () => {
    const { key, status } = await setUp(['jwt', 'other'])
    expect(await status('Bearer opaque', { 'x-api-key': key })).toEqual([400, undefined])
    const three = await setUp(['jwt', 'api-key', 'other'])
    expect(await three.status(`Bearer ${three.key}`, { 'x-api-key': 'pk_other' })).toEqual([400, undefined])
  })

  test('when more than one space stands in front, then it is found all the same', async () => {
    for (const names of [['api-key'], ['jwt', 'api-key']] as Name[][]) {
      const { key, status } = await setUp(names)
      expect(await status(`Bearer   ${key}`)).toEqual([200, 'api-key'])
      expect(await status(`bearer  ${key}x`)).toEqual([401, undefined])
    }
  })
})

describe('a throttled client', () => {
  const throttled = (options: Partial<AuthenticateOptions> = {}) =>
    edge({
      strategies: [wordStrategy('a')],
      throttle: { a: fakeLimiter(1) },
      ...options,
    })
  const weights = (here: ReturnType<typeof edge>) =>
    here.violations
      .filter(({ source }) => source === 'auth-throttled')
      .map(({ weight, key, detail }) => [weight, key, detail])

  test('that goes on guessing commits a violation of a source of its own with each guess', async () => {
    const here = throttled()
    for (const word of ['wrong:1', 'wrong:2', 'wrong:3']) await here.send(as(word))
    const detail = { strategy: 'a', reason: 'throttled' }
    expect(here.violations.map(({ source, weight }) => [source, weight])).toEqual([
      ['auth', 1],
      ['auth-throttled', 1],
      ['auth-throttled', 1],
    ])
    expect(weights(here)[0]).toEqual([1, '203.0.113.9', detail])
    expect(JSON.stringify(here.violations)).not.toMatch(/wrong:\d/)
  })

  test('that is stuck and sends the same again weighs once', async () => {
    const here = throttled()
    for (const word of ['wrong:1', 'wrong:1', 'wrong:1', 'wrong:2', 'wrong:2']) await here.send(as(word))
    expect(here.violations.map(({ source, weight }) => [source, weight])).toEqual([
      ['auth', 1],
      ['auth-throttled', 0],
      ['auth-throttled', 0],
      ['auth-throttled', 1],
      ['auth-throttled', 0],
    ])
  })

  test('with a strategy that names no secret weighs with each attempt', async () => {
    const { secretOf: _, ...unnamed } = wordStrategy('a')
    const here = throttled({ strategies: [unnamed] })
    for (let i = 0; i < 3; i++) await here.send(as('wrong:1'))
    expect(here.violations.map(({ weight }) => weight)).toEqual([1, 1, 1])
  })

  test('is no violation in shadow mode, nor without an address', async () => {
    const shadow = throttled({ mode: 'shadow' })
    for (let i = 0; i < 3; i++) await shadow.send(as(`wrong:${i}`))
    expect(shadow.violations).toEqual([])
    const nobody = throttled({ throttle: { a: fakeLimiter(0) } })
    await nobody.send(as('wrong:1', 'a', { peer: null }))
    expect(nobody.violations).toEqual([])
  })

  test.each(['jwt', 'basic', 'api-key'])('is known by its secret with %s', async name => {
    const strategies = [
      jwt({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET, algorithms: ['HS256'] }),
      basic({ verify: () => undefined }),
      apiKey({ keys: apiKeys() }),
    ]
    const presented: Record<string, (n: number) => Record<string, string>> = {
      jwt: n => ({ authorization: `Bearer a.b.c${n}` }),
      basic: n => ({ authorization: `Basic ${Buffer.from(`ada:${n}`).toString('base64')}` }),
      'api-key': n => ({ 'x-api-key': `pk_${n}` }),
    }
    const here = edge({ strategies, throttle: { [name]: fakeLimiter(0) } })
    for (const n of [1, 1, 2]) {
      const { status } = await here.send({ headers: presented[name]?.(n) ?? {} })
      expect(status).toBe(429)
    }
    expect(weights(here).map(([weight]) => weight)).toEqual([1, 0, 1])
  })
})

describe('clearing failures', () => {
  const setUp = (options: Partial<AuthenticateOptions> = {}) => {
    const middleware = authenticate({ strategies: [wordStrategy('a'), wordStrategy('b')], ...options })
    const built = pipeline({ logger: { debug() {}, info() {}, warn() {}, error() {} } }).use(middleware)
    const status = async (word: string, name = 'a', more: object = {}) =>
      (await inject(built, as(word, name, more))).status
    return { middleware, status }
  }

  test.each([false, true])('of a client lifts its throttles, all of them (waiting: %s)', async later => {
    const throttle = { a: fakeLimiter(1, later), b: fakeLimiter(1, later) }
    const { middleware, status } = setUp({ throttle })
    for (const name of ['a', 'b']) await status('wrong:1', name)
    const other = { peer: '203.0.113.10' }
    await status('wrong:1', 'a', other)
    expect([await status('ada', 'a'), await status('ada', 'b')]).toEqual([429, 429])
    await clearFailures(middleware, { client: '203.0.113.9' })
    expect([await status('ada', 'a'), await status('ada', 'b'), await status('ada', 'a', other)]).toEqual([
      200, 200, 429,
    ])
  })

  test.each([
    ['2001:db8::9', '2001:db8::9'],
    ['2001:0DB8:0:0::1', '2001:db8::9'],
    ['2001:db8::/64', '2001:db8::9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
  ])('of %s lifts what counts against %s', async (client, peer) => {
    const { middleware, status } = setUp({ throttle: { a: fakeLimiter(1) } })
    await status('wrong:1', 'a', { peer })
    expect(await status('ada', 'a', { peer })).toBe(429)
    await clearFailures(middleware, { client })
    expect(await status('ada', 'a', { peer })).toBe(200)
  })

  test.each([
    ['203.0.113.0/24', ['203.0.113.9', '203.0.113.200'], '203.0.114.9'],
    ['203.0.113.9/32', ['203.0.113.9'], '203.0.113.8'],
    ['::ffff:203.0.113.0/120', ['203.0.113.9'], '203.0.114.9'],
    ['2001:db8::/32', ['2001:db8::9', '2001:db8:ffff::9'], '2001:db9::9'],
    ['0.0.0.0/0', ['203.0.113.9', '198.51.100.9'], '2001:db8::9'],
  ])('of the network %s forgets everybody in it, and nobody else', async (client, inside, outside) => {
    const { middleware, status } = setUp({ throttle: { a: fakeLimiter(1) } })
    for (const peer of [...inside, outside]) {
      await status('wrong:1', 'a', { peer })
      expect(await status('ada', 'a', { peer })).toBe(429)
    }
    await clearFailures(middleware, { client })
    for (const peer of inside) expect(await status('ada', 'a', { peer })).toBe(200)
    expect(await status('ada', 'a', { peer: outside })).toBe(429)
  })

  test('of a network reaches the strategies with the key of each client that failed', async () => {
    const asked: unknown[] = []
    const strategy = wordStrategy('a', { clear: async suspect => void asked.push(suspect) })
    const { middleware, status } = setUp({ strategies: [strategy] })
    for (const peer of ['203.0.113.9', '2001:db8::9', '203.0.113.7']) await status('wrong:1', 'a', { peer })
    await clearFailures(middleware, { client: '203.0.113.0/24' })
    expect(asked).toEqual(
      expect.arrayContaining(['203.0.113.9', '203.0.113.7'].map(peer => ({ client: peer }))),
    )
    expect(asked).not.toContainEqual({ client: '2001:db8::/64' })
  })

  test('reaches the strategies, with the client key or the account', async () => {
    const asked: unknown[] = []
    const strategy = wordStrategy('a', { clear: async suspect => void asked.push(suspect) })
    const { middleware } = setUp({ strategies: [strategy, wordStrategy('b')] })
    await clearFailures(middleware, { client: '2001:db8::9' })
    await clearFailures(middleware, { account: 'ada' })
    expect(asked).toEqual([{ client: '2001:db8::/64' }, { account: 'ada' }])
  })

  test('of a limiter that cannot forget is an error that names it, and nothing is cleared', async () => {
    const { reset: _, ...unable } = fakeLimiter(1)
    const asked: unknown[] = []
    const strategy = wordStrategy('a', { clear: suspect => void asked.push(suspect) })
    const { middleware } = setUp({ strategies: [strategy], throttle: { a: unable } })
    await expect(clearFailures(middleware, { client: '203.0.113.9' })).rejects.toThrow('throttle.a')
    expect(asked).toEqual([])
    await clearFailures(middleware, { account: 'ada' })
    expect(asked).toEqual([{ account: 'ada' }])
  })

  test.each([
    [{ client: 'ada' }, RangeError],
    [{ client: '203.0.113.9/24' }, RangeError],
    [{ client: '203.0.113.0/33' }, RangeError],
    [{ client: '' }, RangeError],
    [{ account: '' }, TypeError],
    [{ account: 'ada', clients: '203.0.113.9' }, TypeError],
    [{ accounts: 'ada' }, TypeError],
    ['ada', TypeError],
    [{}, TypeError],
    [undefined, TypeError],
    [{ client: 7 }, TypeError],
    [{ client: '203.0.113.9', account: 'ada' }, TypeError],
  ])('of %j is refused', async (suspect, kind) => {
    await expect(clearFailures(setUp().middleware, suspect as never)).rejects.toThrow(kind)
  })
})

test('failures of what is no authentication cannot be cleared', async () => {
  for (const other of [{}, undefined, pipeline()])
    await expect(clearFailures(other as object, { account: 'ada' })).rejects.toThrow('authenticate()')
})

describe('dispose', () => {
  test('reaches every strategy, and setup comes before the first request', async () => {
    const calls: string[] = []
    const strategy = (name: string) =>
      wordStrategy(name, {
        setup: () => void calls.push(`setup ${name}`),
        dispose: async () => void calls.push(`dispose ${name}`),
      })
    const { send, dispose } = edge({ strategies: [strategy('a'), strategy('b')] })
    await send()
    await dispose()
    expect(calls).toEqual(['setup a', 'setup b', 'dispose a', 'dispose b'])
  })
})

describe('given one that is mounted in two pipelines', () => {
  const mounted = () => {
    let closed = 0
    const login = authenticate({
      strategies: [
        wordStrategy('a', {
          verify: ({ word }) => (closed > 0 ? resultOf('a', 'down') : resultOf('a', word)),
          dispose: () => void closed++,
        }),
      ],
    })
    const first = pipeline().use(login)
    const second = pipeline().use(login)
    for (const one of [first, second]) one.compile()
    return { login, first, second, closed: () => closed }
  }

  test('when one is disposed of, then the other one still works, and the last one closes', async () => {
    const { first, second, closed } = mounted()
    await first.dispose()
    expect([(await inject(second, as('ada'))).status, closed()]).toEqual([200, 0])
    await second.dispose()
    expect(closed()).toBe(1)
  })

  test('when the team itself disposes of it, then it is closed for both', async () => {
    const { login, first, second, closed } = mounted()
    await login.dispose?.()
    expect(closed()).toBe(1)
    for (const one of [first, second]) await one.dispose()
    expect(closed()).toBe(1)
  })

  test('when one strategy fails to close, then the others are closed all the same', async () => {
    const closed: string[] = []
    const closing = (name: string) =>
      wordStrategy(name, {
        dispose() {
          closed.push(name)
          if (name === 'a') throw new Error('stuck')
        },
      })
    const { send, dispose } = edge({ strategies: [closing('a'), closing('b')] })
    await send()
    await expect(dispose()).rejects.toThrow('stuck')
    expect(closed).toEqual(['a', 'b'])
  })
})

describe('options that are wrong', () => {
  const a = wordStrategy('a')
  const b = wordStrategy('b')

  test.each<[option: string, options: unknown]>([
    ['strategies', {}],
    ['strategies', { strategies: [] }],
    ['strategies', { strategies: a }],
    ['strategies[0]', { strategies: [{}] }],
    ['strategies[0]', { strategies: [() => a] }],
    ['strategies[0].name', { strategies: [wordStrategy('')] }],
    ['strategies[1].name', { strategies: [a, a] }],
    ['strategy', { strategy: [a] }],
    ['rules', { strategies: [a], rules: [] }],
    ['rules[0].path', { strategies: [a], rules: [{}] }],
    ['rules[0].path', { strategies: [a], rules: [{ path: 'api' }] }],
    ['rules[0].path', { strategies: [a], rules: [{ path: '/api/**/x' }] }],
    ['rules[0].path', { strategies: [a], rules: [{ path: '/api*' }] }],
    ['rules[0].path', { strategies: [a], rules: [{ path: '/a//b' }] }],
    ['rules[0].path', { strategies: [a], rules: [{ path: '/a/../b' }] }],
    ['rules[0].path', { strategies: [a], rules: [{ path: '/a%20b' }] }],
    ['rules[0].path', { strategies: [a], rules: [{ path: '/a?x' }] }],
    ...[...'!"\'()<>[]^`|'].map((sign): [string, unknown] => [
      'rules[0].path',
      { strategies: [a], rules: [{ path: `/a/b${sign}` }] },
    ]),
    ['rules[0].path', { strategies: [a], rules: [{ path: '/users/:id' }, { path: '/**', login: 'public' }] }],
    [
      'rules[0].path',
      { strategies: [a], rules: [{ path: '/users/{id}' }, { path: '/**', login: 'public' }] },
    ],
    ['rules[0].use', { strategies: [a], rules: [{ path: '/**', use: [] }] }],
    ['rules[0].use[1]', { strategies: [a], rules: [{ path: '/**', use: ['a', 'b'] }] }],
    ['rules[0].use[1]', { strategies: [a], rules: [{ path: '/**', use: ['a', 'a'] }] }],
    ['rules[0].use', { strategies: [a], rules: [{ path: '/**', use: ['a'], login: 'public' }] }],
    ['rules[0].login', { strategies: [a], rules: [{ path: '/**', login: 'require' }] }],
    ['rules[0].several', { strategies: [a], rules: [{ path: '/**', several: 'last' }] }],
    ['rules[0].required', { strategies: [a], rules: [{ path: '/**', required: true }] }],
    ['rules[1].path', { strategies: [a], rules: [{ path: '/a' }, { path: '/A/' }] }],
    ['rules[1].path', { strategies: [a], rules: [{ path: '/a/*' }, { path: '/*/b' }] }],
    ['rules[1].path', { strategies: [a], rules: [{ path: '/*/admin/**' }, { path: '/api/**' }] }],
    ['login.path', { strategies: [a], login: {} }],
    ['login.path', { strategies: [a], login: { path: 'https://evil.test' } }],
    ['login.path', { strategies: [a], login: { path: '//evil.test' } }],
    ['login.parameter', { strategies: [a], login: { path: '/login', parameter: 'a&b' } }],
    ['throttle', { strategies: [a], throttle: [] }],
    ['throttle.a', { strategies: [a], throttle: { a: {} } }],
    ['throttle.b', { strategies: [a], throttle: { b: fakeLimiter(1) } }],
    ['mode', { strategies: [a, b], mode: 'off' }],
  ])('name "%s": %j', (option, options) => {
    const build = () => authenticate(options as AuthenticateOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(`authenticate: option "${option}"`)
  })
})

test.each([':id', '{id}', 'by-{id}'])(
  'given a rule with %s, when it is built, then it says to use "*"',
  part => {
    const build = () => authenticate({ strategies: [wordStrategy('a')], rules: [{ path: `/users/${part}` }] })
    expect(build).toThrow('"*" for a segment that varies')
  },
)

test('nothing is built for events that nobody hears', async () => {
  const events = new EventBus({ debug() {}, info() {}, warn() {}, error() {} })
  const emitted: string[] = []
  events.emit = name => void emitted.push(name)
  const edge = pipeline({ events }).use(authenticate({ strategies: [wordStrategy('a')] }))
  for (const word of ['ada', 'wrong:x']) await inject(edge, as(word))
  expect(emitted).toEqual([])
})
