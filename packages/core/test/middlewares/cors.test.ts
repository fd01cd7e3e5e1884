import { describe, expect, it } from 'vitest'
import { ConfigError, type CorsOptions, cors, type Pipeline, pipeline } from '../../src/index.js'
import { type InjectedRequest, inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'
import { memoryLogger } from '../support/memory-logger.js'

const APP = 'https://app.example.com'
const EVIL = 'https://evil.example'
const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

const edge = (options: CorsOptions): Pipeline => pipeline({ logger: memoryLogger() }).use(cors(options))
const get = (origin?: string): InjectedRequest =>
  origin === undefined ? {} : { headers: { Origin: origin } }
const preflight = (origin = APP, more: Record<string, string> = {}): InjectedRequest => ({
  method: 'OPTIONS',
  headers: { Origin: origin, 'Access-Control-Request-Method': 'PUT', ...more },
})

/** Who may read what: the option, the request, and the whole set of headers that is sent. */
const table: [string, CorsOptions, InjectedRequest, number, Record<string, string>][] = [
  ['a listed origin', { origin: APP }, get(APP), 200, { 'access-control-allow-origin': APP, vary: 'Origin' }],
  [
    'one of a list',
    { origin: [EVIL, APP] },
    get(APP),
    200,
    { 'access-control-allow-origin': APP, vary: 'Origin' },
  ],
  ['another origin', { origin: APP }, get(EVIL), 200, { vary: 'Origin' }],
  ['no origin', { origin: APP }, get(), 200, { vary: 'Origin' }],
  ['the same host over http', { origin: APP }, get('http://app.example.com'), 200, { vary: 'Origin' }],
  ['the same host on another port', { origin: APP }, get(`${APP}:8443`), 200, { vary: 'Origin' }],
  ['a longer host', { origin: APP }, get(`${APP}.evil.example`), 200, { vary: 'Origin' }],
  [
    'upper case, which no browser sends',
    { origin: APP },
    get('https://APP.example.com'),
    200,
    { vary: 'Origin' },
  ],
  ['two origins in one header', { origin: APP }, get(`${APP}, ${EVIL}`), 200, { vary: 'Origin' }],
  ['anybody', { origin: '*' }, get(EVIL), 200, { 'access-control-allow-origin': '*' }],
  [
    'anybody, without an origin, for caches',
    { origin: '*' },
    get(),
    200,
    { 'access-control-allow-origin': '*' },
  ],
  [
    'credentials and headers to be read',
    { origin: APP, credentials: true, exposeHeaders: ['X-Request-ID', 'ETag'] },
    get(APP),
    200,
    {
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-Request-ID, ETag',
      vary: 'Origin',
    },
  ],
  [
    'credentials, refused',
    { origin: APP, credentials: true, exposeHeaders: ['ETag'] },
    get(EVIL),
    200,
    { vary: 'Origin' },
  ],
  [
    'a preflight',
    {
      origin: APP,
      methods: ['GET', 'PUT'],
      allowHeaders: ['Content-Type', 'X-CSRF'],
      credentials: true,
      maxAge: 600,
      exposeHeaders: ['ETag'],
    },
    preflight(),
    204,
    {
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'Content-Type, X-CSRF',
      'access-control-max-age': '600',
      vary: PREFLIGHT_VARY,
    },
  ],
  [
    'a preflight with the least',
    { origin: APP },
    preflight(),
    204,
    {
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      vary: PREFLIGHT_VARY,
    },
  ],
  [
    'a preflight that asks for a header, which is not reflected',
    { origin: APP },
    preflight(APP, { 'Access-Control-Request-Headers': 'x-evil' }),
    204,
    {
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      vary: PREFLIGHT_VARY,
    },
  ],
  [
    'a preflight of another origin',
    { origin: APP, maxAge: 600 },
    preflight(EVIL),
    204,
    { vary: PREFLIGHT_VARY },
  ],
  [
    'a preflight of anybody',
    { origin: '*', methods: ['*'], allowHeaders: ['*', 'Authorization'], maxAge: 0 },
    preflight(EVIL),
    204,
    {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': '*',
      'access-control-allow-headers': '*, Authorization',
      'access-control-max-age': '0',
      vary: PREFLIGHT_VARY,
    },
  ],
  [
    'a preflight from the internet to a private network',
    { origin: APP, privateNetwork: true },
    preflight(APP, { 'Access-Control-Request-Private-Network': 'true' }),
    204,
    {
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-private-network': 'true',
      vary: `${PREFLIGHT_VARY}, Access-Control-Request-Private-Network`,
    },
  ],
  [
    'the same, where it is not allowed',
    { origin: APP },
    preflight(APP, { 'Access-Control-Request-Private-Network': 'true' }),
    204,
    {
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      vary: PREFLIGHT_VARY,
    },
  ],
  [
    'OPTIONS with an origin and no requested method, which is a request',
    { origin: APP },
    { method: 'OPTIONS', headers: { Origin: APP } },
    200,
    { 'access-control-allow-origin': APP, vary: PREFLIGHT_VARY },
  ],
  [
    'OPTIONS with a requested method and no origin, which is a request',
    { origin: APP },
    { method: 'OPTIONS', headers: { 'Access-Control-Request-Method': 'PUT' } },
    200,
    { vary: PREFLIGHT_VARY },
  ],
  ['plain OPTIONS', { origin: APP }, { method: 'OPTIONS' }, 200, { vary: PREFLIGHT_VARY }],
  [
    'GET with the headers of a preflight',
    { origin: APP },
    { headers: { Origin: APP, 'Access-Control-Request-Method': 'PUT' } },
    200,
    { 'access-control-allow-origin': APP, vary: 'Origin' },
  ],
]

describe('cors answers as the table says', () => {
  it.each(table)('given %s', async (_, options, request, status, headers) => {
    const response = await inject(edge(options), request)
    expect([response.status, response.headers]).toEqual([status, headers])
    expect(response.passed).toBe(status === 200)
    if (status === 204) expect(response.body).toBe('')
  })
})

describe('origins by RegExp and by function', () => {
  const allowed = async (origin: CorsOptions['origin'], sent: string) =>
    (await inject(edge({ origin }), get(sent))).headers['access-control-allow-origin'] === sent

  it.each([
    [/^https:\/\/[a-z0-9-]+\.example\.com$/, 'https://a.example.com', true],
    [/^https:\/\/[a-z0-9-]+\.example\.com$/, 'https://example.com', false],
    [/^https:\/\/[a-z0-9-]+\.example\.com$/, 'https://a.example.com.evil.example', false],
    [/^https:\/\/.*\.example\.com$/, 'https://evil.example/.example.com', false],
    [/^https:\/\/.*\.example\.com$/, 'https://evil.example, https://a.example.com', false],
    [/^https:\/\/.*\.example\.com$/, `https://${'a'.repeat(512)}.example.com`, false],
    [/^(?:null|https:\/\/a\.example)$/, 'null', false],
    [/^https:\/\/(?:a|b)\.example$/i, 'https://b.example', true],
  ])('given %s, when the origin is %s, then it is %s', async (origin, sent, expected) => {
    expect(await allowed(origin, sent)).toBe(expected)
    expect(await allowed([APP, origin], sent)).toBe(expected)
    expect(await allowed(origin, sent)).toBe(expected)
  })

  it('given a function, when it decides now or later, then it is obeyed, and knows the request', async () => {
    expect(await allowed(origin => origin === APP, APP)).toBe(true)
    expect(await allowed(origin => origin === APP, EVIL)).toBe(false)
    expect(await allowed(async origin => origin === APP, APP)).toBe(true)
    expect(await allowed(async () => false, APP)).toBe(false)
    expect(await allowed((_, ctx) => ctx.path === '/', APP)).toBe(true)
  })

  it.each([
    'null',
    '',
    'app.example.com',
    'https://',
    'https://a b',
    'https://a/',
    'https://a?b',
    'https://u@a',
    `${APP},${APP}`,
  ])('given a function that allows all, when the origin is %j, then it is not even asked', async sent => {
    let asked = false
    const origin = () => {
      asked = true
      return true
    }
    expect([await allowed(origin, sent), asked]).toEqual([false, false])
  })

  it('given null is listed, when a sandboxed page asks, then it may; else it may not', async () => {
    expect(await allowed([APP, 'null'], 'null')).toBe(true)
    expect(await allowed('null', 'null')).toBe(true)
    expect(await allowed([APP], 'null')).toBe(false)
  })

  it('given the scheme of a web view, when it is listed, then it is allowed', async () => {
    expect(await allowed(['capacitor://localhost'], 'capacitor://localhost')).toBe(true)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('down')
      },
    ],
    ['returns a string', () => 'yes'],
    ['returns nothing', () => undefined],
    ['resolves to a number', async () => 1],
  ])(
    'given a function that %s, when a page asks, then it is a 500 without permission, that no cache gives to others',
    async (_, origin) => {
      for (const request of [get(APP), preflight()]) {
        const { status, headers, passed } = await inject(
          edge({ origin: origin as unknown as () => boolean }),
          request,
        )
        expect([status, passed]).toEqual([500, false])
        expect(headers).not.toHaveProperty('access-control-allow-origin')
        expect(headers['vary']).toContain('Origin')
      }
    },
  )

  it('given a synchronous decision, when it runs, then no promise is made', () => {
    for (const origin of [APP, [APP], /^https:\/\/app\.example\.com$/, () => true]) {
      const compiled = edge({ origin }).compile()
      const ctx = new BareContext(compiled, '/', 'GET', undefined, { origin: APP })
      expect(compiled.run(ctx)).toBeUndefined()
      expect(ctx.sent).toContainEqual(['Access-Control-Allow-Origin', APP])
    }
  })
})

describe('refusals of later middleware', () => {
  it('given a refusal behind cors, when a page asks, then it may read it', async () => {
    const refusing = edge({ origin: APP }).use({
      name: 'deny',
      onRequest: ctx => ctx.deny({ status: 429, code: 'RATE_LIMITED', message: 'Too many requests' }),
    })
    const { status, headers } = await inject(refusing, get(APP))
    expect(status).toBe(429)
    expect(headers).toMatchObject({ 'access-control-allow-origin': APP, vary: 'Origin' })
  })
})

describe('what is wrong is found when it is built', () => {
  it.each<[unknown, string]>([
    [undefined, 'option "origin" is missing'],
    [{}, 'option "origin" is missing'],
    [{ origins: [APP] }, 'did you mean "origin"?'],
    [{ origin: true }, 'option "origin" is true'],
    [{ origin: [] }, 'a list of 1 to 10000 origins'],
    [{ origin: '' }, 'with its scheme'],
    [{ origin: `${APP}/` }, `option "origin" is "${APP}/"; allowed: the form that browsers send: "${APP}"`],
    [{ origin: `${APP}/path` }, `browsers send: "${APP}"`],
    [{ origin: 'https://APP.example.com' }, `browsers send: "${APP}"`],
    [{ origin: 'HTTPS://app.example.com' }, `browsers send: "${APP}"`],
    [{ origin: `${APP}:443` }, `browsers send: "${APP}"`],
    [{ origin: 'https://bücher.example' }, 'browsers send: "https://xn--bcher-kva.example"'],
    [{ origin: 'app.example.com' }, 'with its scheme'],
    [{ origin: 'localhost:3000' }, 'with its scheme'],
    [{ origin: [APP, 'app.example.com'] }, 'option "origin[1]"'],
    [{ origin: 'https://*.example.com' }, 'for subdomains a RegExp'],
    [{ origin: ['*'] }, '"*" alone'],
    [{ origin: /^https:\/\/a\.example$/g }, 'without the flags g and y'],
    [{ origin: /^https:\/\/a\.example$/y }, 'without the flags g and y'],
    [{ origin: /^https:\/\/a\.example$/m }, 'without the flag m'],
    [{ origin: /a\.example$/ }, 'from ^ to $'],
    [{ origin: /^https:\/\/a\.example/ }, 'from ^ to $'],
    [{ origin: /^https:\/\/a\.example\$/ }, 'from ^ to $'],
    [{ origin: /^https:\/\/a\.example|https:\/\/b\.example$/ }, 'in a group'],
    [{ origin: /^https:\/\/a.example$/ }, 'for a dot'],
    [{ origin: ['*'], credentials: true }, '"*" alone'],
    [{ origin: '*', credentials: true }, 'never "*"'],
    [{ origin: [APP, 'null'], credentials: true }, 'every page can make itself "null"'],
    [{ origin: APP, credentials: true, methods: ['*'] }, 'option "methods"'],
    [{ origin: APP, credentials: true, allowHeaders: ['*'] }, 'option "allowHeaders"'],
    [{ origin: APP, credentials: true, exposeHeaders: ['ETag', '*'] }, 'option "exposeHeaders"'],
    [{ origin: APP, methods: ['patch'] }, 'option "methods[0]" is "patch"; allowed: "PATCH"'],
    [{ origin: APP, methods: ['GET, POST'] }, 'a method, such as "PUT"'],
    [{ origin: APP, methods: [] }, 'option "methods"'],
    [{ origin: APP, methods: 'GET' }, 'option "methods"'],
    [{ origin: APP, allowHeaders: ['a b'] }, 'an HTTP field name'],
    [{ origin: APP, exposeHeaders: ['a\r\nb'] }, 'an HTTP field name'],
    [{ origin: APP, maxAge: '10m' }, 'option "maxAge"'],
    [{ origin: APP, maxAge: 86_401 }, 'from 0 to 86400'],
    [{ origin: APP, maxAge: -1 }, 'from 0 to 86400'],
    [{ origin: APP, allowedHeaders: [] }, 'it is called "allowHeaders" here'],
  ])('given %o, when it is built, then the message says: %s', (options, says) => {
    expect(() => cors(options as CorsOptions)).toThrow(says)
  })

  it.each([
    /^.*$/,
    /^.+$/s,
    /^[\s\S]*$/,
    /^(?:.*)$/,
    /^\S+$/,
    /^https?:\/\/.*$/,
    /^https:\/\/[^/]+$/,
    /^https:\/\/[a-z0-9.-]+$/i,
    /^https:\/\/[\w.-]+(?::\d+)?$/,
    /^http:\/\/.+:8443$/,
    /^https:\/\/[a-z]+\.com$/,
    /^https:\/\/[a-z]{1,5}\.com$/,
    /^https:\/\/[\w-]+\.(?:io|dev)$/,
    /^https:\/\/(?:www\.)?[a-z0-9-]+\.net$/,
    /^https:\/\/www\.[a-z0-9-]+\.com$/,
    /^https:\/\/.+\.co\.uk$/,
    /^https?:\/\/\d+\.\d+\.\d+\.\d+(?::\d+)?$/,
    /^http:\/\/\[[\da-f:]+\]$/,
    /^https:\/\/[a-z0-9-]+\.github\.io$/,
    /^https:\/\/.*\.vercel\.app$/,
    /^https:\/\/[a-z0-9-]+\.pages\.dev$/,
    /^https:\/\/shop-[a-z0-9-]+-acme\.vercel\.app$/,
  ])(
    'given %s, which everybody can match, when credentials are sent along, then it is refused, and only then',
    origin => {
      const says =
        /option "origin(\[1\])?" is .*; allowed: .* spells out each registered domain .*this one also lets in "http/
      expect(() => cors({ origin, credentials: true })).toThrow(says)
      expect(() => cors({ origin: [APP, origin], credentials: true })).toThrow(says)
      expect(() => cors({ origin, privateNetwork: true })).toThrow(says)
      expect(() => cors({ origin })).not.toThrow()
    },
  )

  it.each([
    /^https:\/\/.*example\.com$/,
    /^https?:\/\/.*example\.com(?::\d+)?$/,
    /^https:\/\/[a-z-]*example\.com$/,
    /^https:\/\/[a-z]+example\.com$/,
    /^https:\/\/(?:.*)?example\.com:8443$/,
    /^https:\/\/[\w.-]*example\.co\.uk$/i,
    /^https:\/\/example\.com.*$/,
    /^https:\/\/example\.com[a-z.]*$/,
    /^https:\/\/example\.com[a-z]*$/,
    /^https:\/\/app\.example[a-z.]+$/,
    /^https:\/\/example.*$/,
    /^https:\/\/.*example.*$/,
    /^https:\/\/example[a-z]*\.com$/,
    /^(?:https:\/\/example\.com.*)$/,
    /^(?:http|https):\/\/(?:.+)example\.org$/,
  ])(
    'given %s, which a domain of somebody else matches too, when it is built, then that domain is told',
    origin => {
      expect(() => cors({ origin })).toThrow(
        /your domains alone: this one also lets in "https?:\/\/[\w.-]*qzx/,
      )
      expect(() => cors({ origin: [APP, origin], credentials: true })).toThrow(ConfigError)
    },
  )

  it.each([
    /^https:\/\/[a-z0-9-]+\.example\.com$/,
    /^https:\/\/(?:[a-z0-9-]+\.)*example\.com$/,
    /^https:\/\/(?:.+\.)?example\.com(?::\d+)?$/,
    /^https:\/\/.*\.example\.co\.uk$/,
    /^https?:\/\/localhost(?::\d+)?$/,
    /^http:\/\/127\.0\.0\.1:\d+$/,
    /^http:\/\/192\.168\.\d{1,3}\.\d{1,3}(?::\d+)?$/,
    /^https:\/\/pr-\d+\.preview\.example\.com$/,
    /^https:\/\/[a-z]+prod\.example\.com$/,
    /^https:\/\/[a-z0-9-]+\.acme\.github\.io$/,
    /^https:\/\/[a-z-]+\.svc\.internal$/,
    /^http:\/\/[a-z]+node\.lan$/,
    /^https:\/\/(?:shop|admin)\.example\.(?:com|org)$/,
    /^https:\/\/[a-z]+\.example$/,
    /^capacitor:\/\/localhost$/,
  ])(
    'given %s, which only the own domains match, when it is built, with credentials too, then it is accepted',
    origin => {
      expect(() => cors({ origin, credentials: true, privateNetwork: true })).not.toThrow()
    },
  )

  it('given a function that does not look at the origin, when credentials are sent along, then it is refused, and only then', () => {
    const everybody = () => true
    expect(() => cors({ origin: everybody, credentials: true })).toThrow(
      'a function (origin, ctx) that looks at the origin',
    )
    expect(() => cors({ origin: everybody })).not.toThrow()
    expect(() => cors({ origin: origin => origin === APP, credentials: true })).not.toThrow()
  })

  it('given anybody, when pages may reach a private network, then it is refused', () => {
    expect(() => cors({ origin: '*', privateNetwork: true })).toThrow('never "*"')
    expect(() => cors({ origin: ['null'], privateNetwork: true })).toThrow(
      'every page can make itself "null"',
    )
  })

  it.each<[string, unknown]>([
    ['a hole in the list', Object.assign([APP], { length: 2 })],
    ['a RegExp behind a proxy', new Proxy(/^https:\/\/a\.example$/, {})],
    ['an object', {}],
  ])('given %s, when it is built, then it is a ConfigError', (_, origin) => {
    expect(() => cors({ origin: origin as string })).toThrow(ConfigError)
  })

  it('given options that change after they were checked, when pages ask, then what was checked holds', async () => {
    const list = [APP]
    const pattern = Object.assign(/^https:\/\/b\.example$/, {})
    let reads = 0
    const options = {
      credentials: true,
      get origin() {
        return reads++ === 0 ? [list, pattern].flat() : '*'
      },
    }
    const pages = edge(options)
    list.push(EVIL)
    pattern.test = () => true
    for (const origin of [EVIL, 'https://c.example'])
      expect((await inject(pages, get(origin))).headers).toEqual({ vary: 'Origin' })
    expect((await inject(pages, get(APP))).headers).toHaveProperty('access-control-allow-origin', APP)
  })

  it('given patterns with classes, groups and escapes, when it is built, then they are accepted', () => {
    for (const origin of [
      /^https:\/\/[.|]a\.example$/,
      /^(?:https:\/\/a|http:\/\/b)\.example$/,
      /^https:\/\/.+\.example$/,
    ])
      expect(() => cors({ origin })).not.toThrow()
  })
})
