import { validateHeaderName, validateHeaderValue } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cors,
  nonce,
  type PipelineOptions,
  pipeline,
  problemDetails,
  Reply,
  type RequestContext,
  RequestError,
  requestId,
  securityHeaders,
  trustedProxies,
} from '../../src/index.js'
import { CidrSet, canonicalIp, routingPath } from '../../src/middleware.js'
import { type InjectedRequest, inject } from '../../src/testing.js'
import { address, nearly } from '../address/arbitraries.js'
import { memoryLogger } from '../support/memory-logger.js'

const RANGES = ['10.0.0.0/8', '2001:db8:1::/48']
const proxies = new CidrSet(RANGES)

/** All middlewares of core that protect against clients, or answer to the data that they send. */
function edgeOf(options: PipelineOptions) {
  const base = pipeline({ production: false, ...options }).use(requestId())
  return [
    base
      .use(securityHeaders())
      .use(cors({ origin: ['https://app.example', 'null'], methods: ['GET', 'PUT'], allowHeaders: ['X-A'] })),
    base.use(securityHeaders({ csp: { 'script-src': ["'self'", nonce()] }, xFrameOptions: 'DENY' })).use(
      cors({
        origin: /^https:\/\/[a-z]+\.example$/,
        credentials: true,
        privateNetwork: true,
        exposeHeaders: ['X-Request-ID'],
        maxAge: 600,
      }),
    ),
    base.use(securityHeaders({ hsts: false })).use(cors({ origin: async from => from.length % 2 === 0 })),
  ] as const
}

const token = fc.string({
  unit: fc.constantFrom(...'!#$%&*+-.^_`|~09azAZ'),
  minLength: 1,
  maxLength: 40,
})
/**
 * What a `Headers` object takes, which is more than any server lets in: everything but NUL, CR and
 * LF.
 */
const value = fc.string({
  unit: fc
    .integer({ min: 1, max: 255 })
    .filter(code => code !== 10 && code !== 13)
    .map(code => String.fromCharCode(code)),
  maxLength: 60,
})

const method = fc.oneof(
  fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'CONNECT', 'TRACE', 'get', 'PROPFIND'),
  token,
)
const target = fc.oneof(
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.string({
    unit: fc.constantFrom(
      ...'/.%?#&=;:@\\ aZ0',
      '%00',
      '%2f',
      '%2e',
      '%5c',
      '%c0%af',
      '%zz',
      '//',
      '..',
      'é',
      '\ud800',
    ),
    maxLength: 40,
  }),
  fc.constantFrom(
    '',
    '*',
    '/',
    '//',
    '?',
    '#',
    'example.com:443',
    'http://',
    'http://[',
    '/__proto__',
    '/constructor?__proto__=1',
  ),
)
const origin = fc.oneof(
  fc.constantFrom(
    'https://app.example',
    'https://app.example.evil.example',
    'HTTPS://APP.EXAMPLE',
    'null',
    '*',
    '',
    'https://app.example, https://other.example',
  ),
  value,
)

const headers = fc.record(
  {
    origin,
    'access-control-request-method': fc.oneof(method, value),
    'access-control-request-headers': fc.oneof(
      fc.array(token).map(names => names.join(',')),
      value,
    ),
    'access-control-request-private-network': fc.constantFrom('true', 'false', ''),
    'x-request-id': fc.oneof(token, value, fc.string({ unit: fc.constantFrom(...'a-:.'), maxLength: 140 })),
    host: value,
    'x-forwarded-for': fc.oneof(
      nearly.filter(text => !/[\r\n\0]/.test(text)),
      value,
      fc.array(value),
    ),
    'x-forwarded-proto': value,
    vary: value,
  },
  { requiredKeys: [] },
)
const more = fc.dictionary(token, fc.oneof(value, fc.array(value, { maxLength: 3 })), { maxKeys: 4 })

const peer = fc.oneof(
  fc.constantFrom('10.0.0.1', '::ffff:10.0.0.1', '2001:db8:1::4', '203.0.113.9', null),
  address,
  nearly,
)

/**
 * What a team's own code does with a request: it reads all of it, and answers in each of the three
 * ways.
 */
const handler = fc.constantFrom<(ctx: RequestContext) => Reply>(
  ctx => new Reply(200, {}, [ctx.path, [...ctx.query].length, routingPath(ctx.path), ctx.client.ip].join()),
  ctx => ctx.deny({ status: 404, code: 'NOT_FOUND', message: 'Nothing here', reason: ctx.url }),
  ctx => {
    throw new RequestError(409, 'Not twice', { reason: ctx.path })
  },
)

const hostile: fc.Arbitrary<InjectedRequest> = fc
  .record({ method, url: target, headers, more, peer, handler, secure: fc.boolean() })
  .map(({ headers: known, more: others, ...request }) => ({ ...request, headers: { ...others, ...known } }))

describe('given any request at all', () => {
  it('when core has it, then it is answered without a fault, with headers that Node would send', async () => {
    const logger = memoryLogger()
    const trust = trustedProxies(RANGES)
    const edges = [...edgeOf({ trust, logger }), ...edgeOf({ trust, logger, errors: problemDetails() })]
    await fc.assert(
      fc.asyncProperty(fc.nat(edges.length - 1), hostile, async (index, request) => {
        const answer = await inject(edges[index] as (typeof edges)[number], request)
        // 400: a target that is neither a path nor a URL.
        expect([200, 204, 400, 404, 409]).toContain(answer.status)
        // Such traffic is rightly taken for that of a proxy that writes no addresses.
        expect(logger.lines.filter(({ fields }) => fields['code'] === undefined)).toEqual([])
        const lines = [
          ...Object.entries(answer.headers),
          ...answer.setCookie.map(line => ['set-cookie', line]),
        ]
        for (const [name = '', line = ''] of lines) {
          validateHeaderName(name)
          validateHeaderValue(name, line)
          expect(line).not.toBe('')
        }
        expect(answer.headers['x-request-id']).toMatch(/^[\w.:-]{1,128}$/)
        expect(answer.headers['x-content-type-options']).toBe('nosniff')
        const allowed = answer.headers['access-control-allow-origin']
        if (allowed !== undefined)
          expect(allowed).toBe(new Headers({ origin: String(headerOf(request, 'origin')) }).get('origin'))
      }),
      { numRuns: 1500 },
    )
  })
})

const headerOf = ({ headers: all = {} }: InjectedRequest, wanted: string) =>
  Object.entries(all).findLast(([name]) => name.toLowerCase() === wanted)?.[1]

/** An element of a chain: as it is written, and whom it names. */
type Element = readonly [text: string, ip: string | undefined]

const proxyAddress = fc.constantFrom('10.0.0.1', '10.255.0.2', '::ffff:10.0.0.3', '2001:db8:1::4')
const hop = fc.oneof({ arbitrary: proxyAddress, weight: 4 }, { arbitrary: address, weight: 1 })
const port = fc.integer({ min: 1, max: 65_535 })

const plain = (text: string): Element => [text, canonicalIp(text)]
const withPort = (text: string, number: number): Element => [
  text.includes(':') ? `[${text}]:${number}` : `${text}:${number}`,
  canonicalIp(text),
]
const broken = fc.constantFrom(
  '',
  'unknown',
  '_hidden',
  '010.0.0.1',
  '[::1',
  '10.1',
  '"',
  '0x7f000001',
  'a b',
)

const chains = {
  'x-forwarded-for': fc.oneof(
    { arbitrary: hop.map(plain), weight: 6 },
    { arbitrary: fc.tuple(hop, port).map(([text, number]) => withPort(text, number)), weight: 2 },
    { arbitrary: broken.map((text): Element => [text, undefined]), weight: 1 },
  ),
  forwarded: fc.oneof(
    {
      arbitrary: fc.tuple(hop, port, fc.constantFrom('for', 'For')).map(([text, number, name]): Element => {
        const [node, ip] = withPort(text, number)
        return [`${name}="${node}";proto=https`, ip]
      }),
      weight: 6,
    },
    {
      arbitrary: fc
        .constantFrom('for=unknown', 'for=_hidden', 'proto=https', 'for=', '')
        .map((text): Element => [text, undefined]),
      weight: 1,
    },
  ),
} as const

/**
 * The rules of the documentation: from the right, past proxies only, at most 32 elements, never
 * past an element that cannot be read. Empty elements are skipped.
 */
function clientBy(peerAddress: string | undefined, chain: readonly Element[]) {
  let ip = peerAddress
  for (const [, named] of chain
    .filter(([text]) => text.trim() !== '')
    .slice(-32)
    .reverse()) {
    if (ip === undefined || !proxies.has(ip)) break
    if (named === undefined) return { ip, bannable: false }
    ip = named
  }
  return { ip, bannable: ip !== undefined && !proxies.has(ip) }
}

describe.each(['x-forwarded-for', 'forwarded'] as const)('given any chain in %s', header => {
  it('when the client is asked for, then it is the peer or the element that the rules allow, whatever else is sent', async () => {
    const [edge] = edgeOf({ trust: trustedProxies(RANGES, { header }) })
    const inside = chains[header].filter(([, ip]) => ip !== undefined && proxies.has(ip))
    const chain = fc.oneof(
      { arbitrary: fc.array(chains[header], { maxLength: 36, size: 'max' }), weight: 4 },
      // Longer than the reader goes, with proxies alone, so that only their number ends it.
      { arbitrary: fc.array(inside, { minLength: 30, maxLength: 36, size: 'max' }), weight: 1 },
    )
    await fc.assert(
      fc.asyncProperty(
        hostile,
        fc.oneof(proxyAddress, address),
        chain,
        fc.nat(36),
        async (request, from, elements, cut) => {
          // As one line or as two: they are one list.
          const texts = elements.map(([text]) => text)
          const lines = [texts.slice(0, cut).join(', '), texts.slice(cut).join(',')]
          const sent = elements.length > cut && cut > 0 ? lines : [texts.join(',')]
          const others = Object.entries(request.headers ?? {}).filter(
            ([name]) => name.toLowerCase() !== header,
          )
          const all = Object.fromEntries(elements.length === 0 ? others : [...others, [header, sent]])
          const { ctx } = await inject(edge, { ...request, peer: from, headers: all })
          const { ip, bannable } = ctx.client
          expect({ ip, bannable }).toEqual(clientBy(canonicalIp(from), elements))
        },
      ),
      { numRuns: 1000 },
    )
  })
})
