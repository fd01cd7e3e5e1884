import { expect, test } from 'vitest'
import { ConfigError, pipeline, type SecurityHeadersOptions, securityHeaders } from '../../src/index.js'
import { inject } from '../../src/testing.js'

const HEADERS: Readonly<Record<string, keyof SecurityHeadersOptions>> = {
  'content-security-policy': 'csp',
  'content-security-policy-report-only': 'cspReportOnly',
  'cross-origin-embedder-policy': 'crossOriginEmbedderPolicy',
  'cross-origin-opener-policy': 'crossOriginOpenerPolicy',
  'cross-origin-resource-policy': 'crossOriginResourcePolicy',
  'strict-transport-security': 'hsts',
  'origin-agent-cluster': 'originAgentCluster',
  'permissions-policy': 'permissionsPolicy',
  'referrer-policy': 'referrerPolicy',
  'x-content-type-options': 'xContentTypeOptions',
  'x-dns-prefetch-control': 'xDnsPrefetchControl',
  'x-download-options': 'xDownloadOptions',
  'x-frame-options': 'xFrameOptions',
  'x-permitted-cross-domain-policies': 'xPermittedCrossDomainPolicies',
  'x-xss-protection': 'xXssProtection',
}
const all: SecurityHeadersOptions = {
  cspReportOnly: "default-src 'none'",
  crossOriginEmbedderPolicy: 'require-corp',
}
const sent = async (options: SecurityHeadersOptions, secure = true) => {
  const edge = pipeline().use(securityHeaders(all))
  const { headers } = await inject(edge.branch().use(securityHeaders(options)), { secure })
  return headers
}

test.each(Object.entries(HEADERS))(
  'given a parent that sets %s when a branch has the option %s false then only that header is gone',
  async (header, option) => {
    const before = Object.keys((await inject(pipeline().use(securityHeaders(all)), { secure: true })).headers)
    expect(before).toContain(header)
    expect(Object.keys(await sent({ [option]: false })).sort()).toEqual(
      before.filter(name => name !== header).sort(),
    )
  },
)

test('given options that are not given when a branch runs then what is off by default stays', async () => {
  expect(await sent({})).toMatchObject({
    'content-security-policy-report-only': "default-src 'none'",
    'cross-origin-embedder-policy': 'require-corp',
  })
})

test('given a policy that is empty over plain HTTP when a branch has it then that of the parent is gone', async () => {
  expect(await sent({ csp: 'upgrade-insecure-requests' }, false)).not.toHaveProperty(
    'content-security-policy',
  )
})

test('given a header that something else has set when the only securityHeaders() has it off then it stays', async () => {
  const other = {
    name: 'other',
    onRequest: (ctx: { setHeader(name: string, value: string): void }) =>
      ctx.setHeader('Content-Security-Policy', "default-src 'none'"),
  }
  const { headers } = await inject(
    pipeline()
      .use(other)
      .use(securityHeaders({ csp: false })),
  )
  expect(headers['content-security-policy']).toBe("default-src 'none'")
})

test('given directives that leave none when it is built then it is a ConfigError', () => {
  const names = (csp: object) => () => securityHeaders({ csp } as SecurityHeadersOptions)
  const none = {
    'default-src': false,
    'base-uri': false,
    'font-src': false,
    'form-action': false,
    'frame-ancestors': false,
    'img-src': false,
    'object-src': false,
    'script-src': false,
    'script-src-attr': false,
    'style-src': false,
  }
  expect(names({ ...none, 'upgrade-insecure-requests': false })).toThrow(ConfigError)
  expect(names({ ...none, 'upgrade-insecure-requests': false })).toThrow('at least one directive')
  expect(names(none)).not.toThrow()
})
