import helmet from 'helmet'
import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  nonce,
  pipeline,
  type SecurityHeadersOptions,
  securityHeaders,
  trustedProxies,
} from '../../src/index.js'
import { inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'

async function sent(options?: SecurityHeadersOptions, secure = true): Promise<Record<string, string>> {
  return { ...(await inject(pipeline().use(securityHeaders(options)), { secure })).headers }
}

/** What helmet sets on a response, names in lower case. */
function helmetsHeaders(options?: Parameters<typeof helmet>[0]): Record<string, string> {
  const headers: Record<string, string> = {}
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name.toLowerCase()] = value
    },
    removeHeader() {},
  }
  helmet(options)({} as never, response as never, () => {})
  return headers
}

const PERMISSIONS = { 'permissions-policy': 'camera=(), geolocation=(), microphone=()' }

describe('the defaults are helmet’s', () => {
  it('given TLS, when nothing is configured, then the set is helmet’s, byte for byte, and Permissions-Policy', async () => {
    expect(await sent()).toEqual({ ...helmetsHeaders(), ...PERMISSIONS })
  })

  it('given plain HTTP, when nothing is configured, then what forces HTTPS is missing, and nothing else', async () => {
    const expected = helmetsHeaders({
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
    })
    expect(await sent(undefined, false)).toEqual({ ...expected, ...PERMISSIONS })
  })

  it.each<[string, SecurityHeadersOptions, Parameters<typeof helmet>[0]]>([
    [
      'hsts',
      { hsts: { maxAge: 63_072_000, preload: true } },
      { hsts: { maxAge: 63_072_000, preload: true } },
    ],
    [
      'hsts without subdomains',
      { hsts: { maxAge: 60, includeSubDomains: false } },
      { hsts: { maxAge: 60, includeSubDomains: false } },
    ],
    [
      'a directive',
      { csp: { scriptSrc: ["'self'", 'cdn.example'] } },
      { contentSecurityPolicy: { directives: { scriptSrc: ["'self'", 'cdn.example'] } } },
    ],
    [
      'a directive in kebab-case',
      { csp: { 'img-src': ['*'] } },
      { contentSecurityPolicy: { directives: { 'img-src': ['*'] } } },
    ],
    [
      'one directive less',
      { csp: { styleSrc: false } },
      { contentSecurityPolicy: { directives: { styleSrc: null } } },
    ],
    [
      'opener',
      { crossOriginOpenerPolicy: 'unsafe-none' },
      { crossOriginOpenerPolicy: { policy: 'unsafe-none' } },
    ],
    [
      'embedder',
      { crossOriginEmbedderPolicy: 'credentialless' },
      { crossOriginEmbedderPolicy: { policy: 'credentialless' } },
    ],
    [
      'resource',
      { crossOriginResourcePolicy: 'cross-origin' },
      { crossOriginResourcePolicy: { policy: 'cross-origin' } },
    ],
    [
      'referrer',
      { referrerPolicy: ['no-referrer', 'strict-origin'] },
      { referrerPolicy: { policy: ['no-referrer', 'strict-origin'] } },
    ],
    ['prefetch', { xDnsPrefetchControl: 'on' }, { xDnsPrefetchControl: { allow: true } }],
    [
      'cross-domain',
      { xPermittedCrossDomainPolicies: 'by-content-type' },
      { xPermittedCrossDomainPolicies: { permittedPolicies: 'by-content-type' } },
    ],
  ])(
    'given %s is changed, when a request comes, then it is as helmet would say it',
    async (_, ours, theirs) => {
      expect(await sent(ours)).toEqual({ ...helmetsHeaders(theirs), ...PERMISSIONS })
    },
  )

  it('given xFrameOptions DENY, when nothing else is said, then unlike helmet frame-ancestors follows, which browsers heed instead', async () => {
    const headers = await sent({ xFrameOptions: 'DENY' })
    expect(headers['x-frame-options']).toBe('DENY')
    expect(headers['content-security-policy']).toContain(";frame-ancestors 'none';")
    const own = await sent({ xFrameOptions: 'DENY', csp: { frameAncestors: ['https://portal.example'] } })
    expect(own['content-security-policy']).toContain(';frame-ancestors https://portal.example;')
  })
})

describe('each header can be left out', () => {
  it.each<[keyof SecurityHeadersOptions, string]>([
    ['csp', 'content-security-policy'],
    ['crossOriginOpenerPolicy', 'cross-origin-opener-policy'],
    ['crossOriginResourcePolicy', 'cross-origin-resource-policy'],
    ['hsts', 'strict-transport-security'],
    ['originAgentCluster', 'origin-agent-cluster'],
    ['permissionsPolicy', 'permissions-policy'],
    ['referrerPolicy', 'referrer-policy'],
    ['xContentTypeOptions', 'x-content-type-options'],
    ['xDnsPrefetchControl', 'x-dns-prefetch-control'],
    ['xDownloadOptions', 'x-download-options'],
    ['xFrameOptions', 'x-frame-options'],
    ['xPermittedCrossDomainPolicies', 'x-permitted-cross-domain-policies'],
    ['xXssProtection', 'x-xss-protection'],
  ])(
    'given %s: false, when a request comes, then %s is missing and the others are there',
    async (option, header) => {
      const all = await sent()
      expect(all).toHaveProperty([header])
      delete all[header]
      expect(await sent({ [option]: false })).toEqual(all)
    },
  )
})

describe('what forces HTTPS is sent over TLS only', () => {
  const edge = pipeline({ trust: trustedProxies(['10.0.0.0/8']) }).use(securityHeaders())

  it('given a trusted proxy that says https, when a request comes, then HSTS is sent; from anybody else it is not', async () => {
    const headers = { 'X-Forwarded-Proto': 'https' }
    const behind = await inject(edge, { peer: '10.0.0.1', headers })
    expect(behind.headers).toHaveProperty('strict-transport-security')
    expect(behind.headers['content-security-policy']).toContain('upgrade-insecure-requests')
    const direct = await inject(edge, { peer: '203.0.113.9', headers })
    expect(direct.headers).not.toHaveProperty('strict-transport-security')
    expect(direct.headers['content-security-policy']).not.toContain('upgrade-insecure-requests')
  })

  it('given a policy as a string, when it comes over HTTP, then it loses only that directive', async () => {
    const csp = "default-src 'self'; Upgrade-Insecure-Requests; img-src *"
    expect((await sent({ csp }))['content-security-policy']).toBe(csp)
    expect((await sent({ csp }, false))['content-security-policy']).toBe("default-src 'self'; img-src *")
    const other = "default-src  'self';"
    expect((await sent({ csp: other }, false))['content-security-policy']).toBe(other)
    expect(await sent({ csp: 'upgrade-insecure-requests' }, false)).not.toHaveProperty(
      'content-security-policy',
    )
  })
})

describe('a nonce is new on every request', () => {
  const edge = pipeline().use(
    securityHeaders({
      csp: { scriptSrc: ["'self'", nonce()], 'style-src': [nonce()] },
      cspReportOnly: { scriptSrc: [nonce()] },
    }),
  )

  it('given directives with nonce(), when a request comes, then every one has the value that is in state', async () => {
    const { state, headers } = await inject(edge)
    const { cspNonce } = state
    // 24 characters of base64 are 144 bits.
    expect(cspNonce).toMatch(/^[A-Za-z0-9+/]{24}$/)
    const policy = headers['content-security-policy']
    expect(policy).toContain(`;script-src 'self' 'nonce-${cspNonce}';`)
    expect(policy?.endsWith(`;style-src 'nonce-${cspNonce}'`)).toBe(true)
    expect(headers['content-security-policy-report-only']).toContain(`script-src 'nonce-${cspNonce}'`)
  })

  it('given many requests, when they come, then no nonce is seen twice', async () => {
    const seen = new Set<string>()
    for (let i = 0; i < 200; i++) seen.add((await inject(edge)).state.cspNonce)
    expect(seen.size).toBe(200)
  })

  it('given no nonce(), when a request comes, then there is none in state', async () => {
    expect((await inject(pipeline().use(securityHeaders()))).state).toEqual({})
  })
})

describe('the values of the seed’s options', () => {
  it('given strings, when a request comes, then they are sent as they are', async () => {
    const headers = await sent({
      csp: "default-src 'self'; script-src 'self' 'unsafe-inline'",
      hsts: { maxAge: 31_536_000, includeSubDomains: true, preload: true },
      xFrameOptions: 'DENY',
      xContentTypeOptions: 'nosniff',
      referrerPolicy: 'strict-origin-when-cross-origin',
      permissionsPolicy: 'geolocation=(), microphone=(), camera=()',
    })
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'self'; script-src 'self' 'unsafe-inline'",
      'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
      'x-frame-options': 'DENY',
      'referrer-policy': 'strict-origin-when-cross-origin',
      'permissions-policy': 'geolocation=(), microphone=(), camera=()',
    })
  })

  it('given features, when a request comes, then they are a structured dictionary', async () => {
    const permissionsPolicy = {
      camera: [],
      fullscreen: '*',
      pictureInPicture: ['self', 'https://video.example'],
    } as const
    expect((await sent({ permissionsPolicy }))['permissions-policy']).toBe(
      'camera=(), fullscreen=*, picture-in-picture=(self "https://video.example")',
    )
  })
})

describe('nothing is allocated or awaited for constant headers', () => {
  it('given no nonce, when requests come, then each sets the very same pairs, and no promise is made', () => {
    const given: unknown[] = []
    class Recording extends BareContext {
      override setHeaders(pairs: readonly (readonly [string, string])[]): void {
        given.push(pairs)
      }
    }
    const compiled = pipeline().use(securityHeaders()).compile()
    expect(compiled.run(new Recording(compiled))).toBeUndefined()
    compiled.run(new Recording(compiled))
    expect(given).toHaveLength(2)
    expect(given[0]).toBe(given[1])
  })
})

describe('what is wrong is found when it is built', () => {
  it.each<[unknown, string]>([
    [{ contentSecurityPolicy: false }, 'it is called "csp" here'],
    [{ frameOptions: 'DENY' }, 'did you mean "xFrameOptions"?'],
    [
      { xFrameOptions: 'deny' },
      'option "xFrameOptions" is "deny"; allowed: one of "SAMEORIGIN", "DENY" (did you mean "DENY"?)',
    ],
    [{ xFrameOptions: true }, 'option "xFrameOptions"'],
    [{ referrerPolicy: 'no-refferer' }, 'did you mean "no-referrer"?'],
    [{ referrerPolicy: [] }, 'option "referrerPolicy"'],
    [{ hsts: { maxAge: 1.5 } }, 'option "hsts.maxAge"'],
    [{ hsts: { maxAge: '365d' } }, 'option "hsts.maxAge"'],
    [{ hsts: { preload: true, includeSubDomains: false } }, 'preload only with includeSubDomains'],
    [{ hsts: { preload: true, maxAge: 31_535_999 } }, 'at least 31536000 seconds'],
    [{ hsts: true }, 'option "hsts"'],
    [{ csp: true }, 'option "csp"'],
    [{ csp: '' }, 'option "csp"'],
    [{ csp: ' ; ' }, 'at least one directive'],
    [{ csp: "default-src 'self'\r\nX-Evil: 1" }, 'visible ASCII'],
    [{ csp: "default-src 'self', script-src 'none'" }, 'without ","'],
    [{ csp: "default-src 'self'; 'unsafe-inline'" }, 'begin with a name'],
    [{ csp: "script-src 'nonce-abc'" }, 'nonce(), which is new on every request'],
    [
      { csp: { scriptSource: [] } },
      'option "csp.scriptSource" is an empty array; allowed: one of default-src',
    ],
    [{ csp: { scritpSrc: ["'self'"] } }, 'did you mean "script-src"?'],
    [{ csp: { scriptSrc: ["'self'"], 'script-src': ["'self'"] } }, 'it is here as "scriptSrc" too'],
    [{ csp: { scriptSrc: "'self'" } }, 'a list of sources'],
    [{ csp: { scriptSrc: null } }, 'a list of sources'],
    [{ csp: { imgSrc: [] } }, `for none ["'none'"]`],
    [
      { csp: { imgSrc: ['self'] } },
      `option "csp.imgSrc[0]" is "self"; allowed: the keyword in its quotes: "'self'"`,
    ],
    [{ csp: { scriptSrc: ['sha256-abc='] } }, "'sha256-abc='"],
    [{ csp: { imgSrc: ["'none'", 'https:'] } }, "'none' alone"],
    [{ csp: { imgSrc: ['https: data:'] } }, 'one source'],
    [{ csp: { imgSrc: ['a;script-src *'] } }, 'one source'],
    [{ csp: { imgSrc: ['a,b'] } }, 'one source'],
    [{ csp: { imgSrc: ['a\nb'] } }, 'one source'],
    [{ csp: { imgSrc: ['bücher.example'] } }, 'one source'],
    [{ csp: { imgSrc: [''] } }, 'one source'],
    [{ csp: { imgSrc: [{}] } }, 'one source'],
    [{ csp: { imgSrc: Object.assign(['https:'], { length: 2 }) } }, 'option "csp.imgSrc[1]"'],
    [{ csp: new Map([['imgSrc', ['https:']]]) }, 'an object of directives'],
    [{ csp: Object.create({ imgSrc: ['https:'] }) }, 'an object of directives'],
    [{ csp: { scriptSrc: ["'nonce-abc'"] } }, 'nonce()'],
    [{ cspReportOnly: { imgSrc: ['self'] } }, 'option "cspReportOnly.imgSrc[0]"'],
    [{ permissionsPolicy: 'camera=()\r\nX-Evil: 1' }, 'visible ASCII'],
    [{ permissionsPolicy: '(camera)' }, 'features such as'],
    [{ permissionsPolicy: {} }, 'at least one feature'],
    [{ permissionsPolicy: { camera: 'self' } }, 'option "permissionsPolicy.camera"'],
    [{ permissionsPolicy: { camera: ['https://a.example/"x'] } }, 'option "permissionsPolicy.camera[0]"'],
    [{ permissionsPolicy: { camera: new Array(1) } }, 'option "permissionsPolicy.camera[0]"'],
    [{ permissionsPolicy: new Map([['camera', []]]) }, 'an object of features'],
    [{ permissionsPolicy: { 'camera=(self), x': [] } }, 'the name of a feature'],
    [{ originAgentCluster: '?1' }, 'option "originAgentCluster"'],
  ])('given %o, when it is built, then the message says: %s', (options, says) => {
    expect(() => securityHeaders(options as SecurityHeadersOptions)).toThrow(says)
  })

  it('given options that cannot be read, when it is built, then it is a ConfigError', () => {
    const fail = () => {
      throw new Error('no')
    }
    for (const name of ['xFrameOptions', 'csp', 'permissionsPolicy'])
      expect(() => securityHeaders(Object.defineProperty({}, name, { get: fail, enumerable: true }))).toThrow(
        ConfigError,
      )
    expect(() => securityHeaders({ csp: new Proxy({}, { ownKeys: fail }) })).toThrow(ConfigError)
    expect(() => securityHeaders({ permissionsPolicy: new Proxy({}, { ownKeys: fail }) })).toThrow(
      ConfigError,
    )
  })
})
