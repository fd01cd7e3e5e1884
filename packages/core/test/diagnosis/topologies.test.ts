import { describe, expect, it } from 'vitest'
import {
  directPeer,
  type Pipeline,
  type PipelineOptions,
  pipeline,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '../../src/index.js'
import { type InjectedRequest, inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'
import { memoryLogger } from '../support/memory-logger.js'

type Traffic = (index: number) => InjectedRequest

const PROXY = '10.0.3.7'
/** A different client for each request. */
const ip = (index: number) => `198.51.100.${index + 1}`

const through =
  (headers: (index: number) => Record<string, string>, peer: string | null = PROXY): Traffic =>
  index => ({ peer, url: `/orders/${index}`, headers: headers(index) })

async function send(edge: Pipeline<object>, traffic: Traffic, count = 100): Promise<void> {
  for (let index = 0; index < count; index++) await inject(edge, traffic(index))
}

function edgeOf(trust?: Trust, options: PipelineOptions = {}) {
  const logger = memoryLogger()
  return { logger, edge: pipeline({ logger, ...(trust !== undefined && { trust }), ...options }) }
}

const cloudflare = (index: number) => ({
  'CF-Connecting-IP': ip(index),
  'CF-Ray': '8f',
  'CDN-Loop': 'cloudflare',
  'X-Forwarded-For': ip(index),
})

const WRONG: readonly (readonly [string, Trust | undefined, Traffic, string, RegExp])[] = [
  [
    'an unnamed proxy, one element',
    undefined,
    through(i => ({ 'X-Forwarded-For': ip(i) })),
    'TRUST_MISSING',
    /of one element.*trustedHops\(1\)/,
  ],
  [
    'an unnamed proxy, two elements',
    directPeer(),
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 10.0.0.2` })),
    'TRUST_MISSING',
    /10\.0\.3\.7 with X-Forwarded-For of two elements.*all clients.*trustedHops\(2\)/,
  ],
  [
    'an unnamed proxy, three elements',
    undefined,
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 203.0.113.4,10.0.0.2` })),
    'TRUST_MISSING',
    /three elements.*trustedHops\(3\)/,
  ],
  [
    'an unnamed proxy on loopback',
    undefined,
    through(i => ({ 'X-Forwarded-For': ip(i) }), '::ffff:127.0.0.1'),
    'TRUST_MISSING',
    /127\.0\.0\.1.*trustedHops\(1\)/,
  ],
  [
    'an unnamed proxy that writes ports',
    undefined,
    through(i => ({ 'X-Forwarded-For': `${ip(i)}:4711` })),
    'TRUST_MISSING',
    /trustedHops\(1\)/,
  ],
  [
    'an unnamed proxy that writes IPv6 in brackets',
    undefined,
    through(i => ({ 'X-Forwarded-For': `[2001:db8::${i + 1}]:4711, [fd00::1]` })),
    'TRUST_MISSING',
    /trustedHops\(2\)/,
  ],
  [
    'an unnamed proxy, some clients forge',
    undefined,
    through(i => ({ 'X-Forwarded-For': i % 3 === 0 ? `6.6.6.6, 7.7.7.7, ${ip(i)}` : ip(i) })),
    'TRUST_MISSING',
    /trustedHops\(1\)/,
  ],
  [
    'an unnamed load balancer with its health checks',
    undefined,
    i => ({
      peer: `10.0.3.${1 + (i % 2)}`,
      headers: i % 2 === 0 ? { 'User-Agent': 'ELB-HealthChecker/2.0' } : { 'X-Forwarded-For': ip(i) },
    }),
    'TRUST_MISSING',
    /trustedHops\(1\)/,
  ],
  [
    'Cloudflare, unnamed, from its own addresses',
    undefined,
    i => ({ peer: `203.0.113.${i % 20}`, headers: cloudflare(i) }),
    'TRUST_MISSING',
    /20 addresses|trustedHops\(1\)/,
  ],
  [
    'CF-Connecting-IP alone',
    undefined,
    through(i => ({ 'CF-Connecting-IP': ip(i) })),
    'TRUST_MISSING',
    /singleHeader\('cf-connecting-ip', \{ from: \['10\.0\.3\.7'\] \}\)/,
  ],
  [
    'X-Real-IP alone',
    undefined,
    through(i => ({ 'X-Real-IP': ip(i) })),
    'TRUST_MISSING',
    /singleHeader\('x-real-ip'/,
  ],
  [
    'Forwarded alone',
    undefined,
    through(i => ({ Forwarded: `for=${ip(i)};proto=https` })),
    'TRUST_MISSING',
    /trustedHops\(1, \{ header: 'forwarded' \}\)/,
  ],
  [
    'X-Forwarded-Host and Via alone',
    undefined,
    through(() => ({ 'X-Forwarded-Host': 'shop.example', Via: '1.1 proxy' })),
    'TRUST_MISSING',
    /trustedHops\(1\)/,
  ],
  [
    'Forwarded, while trust reads X-Forwarded-For',
    trustedProxies(['10.0.0.0/8']),
    through(i => ({ Forwarded: `for=${ip(i)}` })),
    'TRUST_HEADER_MISSING',
    /\{ header: 'forwarded' \}/,
  ],
  [
    'Forwarded, while hops of X-Forwarded-For are counted',
    trustedHops(1),
    through(i => ({ Forwarded: `for=${ip(i)}` })),
    'TRUST_HEADER_MISSING',
    /trustedHops\(1, \{ header: 'forwarded' \}\)/,
  ],
  [
    'X-Forwarded-For, while trust reads Forwarded',
    trustedProxies(['10.0.0.0/8'], { header: 'forwarded' }),
    through(i => ({ 'X-Forwarded-For': ip(i) })),
    'TRUST_HEADER_MISSING',
    /10\.0\.3\.7.*trustedProxies\(ranges\)` with your ranges/,
  ],
  [
    'X-Real-IP, while trust reads CF-Connecting-IP',
    singleHeader('cf-connecting-ip', { from: ['10.0.0.0/8'] }),
    through(i => ({ 'X-Real-IP': ip(i) })),
    'TRUST_HEADER_MISSING',
    /x-real-ip/,
  ],
  [
    'a single header that never arrives',
    singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }),
    through(() => ({})),
    'TRUST_HEADER_MISSING',
    /X-Real-IP/,
  ],
  [
    'trusted proxies without a header',
    trustedProxies(['10.0.0.0/8']),
    through(() => ({})),
    'TRUST_HEADER_MISSING',
    /X-Forwarded-For/,
  ],
  [
    'hops where no proxy is',
    trustedHops(1),
    i => ({ peer: ip(i) }),
    'TRUST_HEADER_MISSING',
    /directPeer\(\)/,
  ],
  [
    'too many hops',
    trustedHops(3),
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 10.0.0.2` })),
    'TRUST_TOO_MANY_HOPS',
    /trustedHops\(2\)/,
  ],
  [
    'too few hops',
    trustedHops(1),
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 10.0.0.2` })),
    'TRUST_TOO_FEW_HOPS',
    /trustedHops\(2\)/,
  ],
  [
    'too few hops, in front of a content network',
    trustedHops(1),
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 203.0.113.${i % 4}` })),
    'TRUST_TOO_FEW_HOPS',
    /trustedHops\(2\)/,
  ],
  [
    'trusted proxies without the inner one',
    trustedProxies(['10.0.0.0/8']),
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 172.17.0.4` })),
    'TRUST_TOO_FEW_HOPS',
    /Add 172\.17\.0\.4 \(or the network of your proxies\) to the ranges/,
  ],
  [
    'trusted proxies that never match',
    trustedProxies(['10.0.0.0/8']),
    through(i => ({ 'X-Forwarded-For': ip(i) }), '172.17.0.1'),
    'TRUST_NEVER_MATCHES',
    /Add 172\.17\.0\.1 \(or the network of your proxies\) to the ranges/,
  ],
  [
    'a single header from elsewhere',
    singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }),
    through(i => ({ 'X-Real-IP': ip(i) }), '192.168.0.4'),
    'TRUST_NEVER_MATCHES',
    /192\.168\.0\.4/,
  ],
  [
    'a proxy that writes names',
    trustedHops(1),
    through(() => ({ 'X-Forwarded-For': 'client.example' })),
    'TRUST_HEADER_MALFORMED',
    /"client\.example"/,
  ],
  [
    'a proxy that hides its clients',
    trustedProxies(['10.0.0.0/8'], { header: 'forwarded' }),
    through(() => ({ Forwarded: 'for=unknown' })),
    'TRUST_HEADER_MALFORMED',
    /"for=unknown"/,
  ],
  [
    'a single header of two values',
    singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }),
    through(i => ({ 'X-Real-IP': `6.6.6.6, ${ip(i)}` })),
    'TRUST_HEADER_MALFORMED',
    /6\.6\.6\.6/,
  ],
  [
    'a Unix socket, or no `peer`',
    undefined,
    through(() => ({}), null),
    'CLIENT_ADDRESS_MISSING',
    /`peer`.*unixSocket: true/,
  ],
  [
    'a Unix socket behind a proxy',
    undefined,
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 10.0.0.2` }), ''),
    'CLIENT_ADDRESS_MISSING',
    /trustedHops\(2, \{ unixSocket: true \}\)/,
  ],
  [
    'a Unix socket, while trust does not say so',
    trustedProxies(['10.0.0.0/8']),
    through(i => ({ 'X-Forwarded-For': ip(i) }), null),
    'CLIENT_ADDRESS_MISSING',
    /unixSocket: true/,
  ],
  [
    'a `peer` with a port',
    undefined,
    through(() => ({}), '203.0.113.4:80'),
    'CLIENT_ADDRESS_MISSING',
    /"203\.0\.113\.4:80".*without a port/,
  ],
  [
    'a proxy that adds nothing',
    undefined,
    through(i => ({ 'User-Agent': `Mozilla/5.0 (${i % 9})` })),
    'PROXY_WITHOUT_HEADERS',
    /10\.0\.3\.7.*X-Forwarded-For/,
  ],
]

describe('given a topology that trust does not fit', () => {
  it.each(WRONG)('%s: it is recognised and logged once', async (_, trust, traffic, code, words) => {
    const { edge, logger } = edgeOf(trust)
    await send(edge, traffic)
    const found = edge.diagnose()
    expect(found).toMatchObject({ code, message: expect.stringMatching(words), remedy: expect.any(String) })
    expect(found?.message).toContain(found?.remedy)
    await send(edge, traffic, 200)
    expect(logger.lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: found?.message,
        fields: expect.objectContaining({ code, remedy: found?.remedy }),
      }),
    ])
    expect(edge.diagnose()).toBe(found)
  })

  const READABLE = WRONG.filter(([, , , code]) =>
    ['TRUST_MISSING', 'TRUST_TOO_MANY_HOPS', 'TRUST_TOO_FEW_HOPS'].includes(code),
  )

  it.each(READABLE)('%s: once the remedy is taken, nothing is said', async (_, trust, traffic) => {
    const { edge } = edgeOf(trust)
    await send(edge, traffic)
    const remedy = edge.diagnose()?.remedy ?? ''
    if (!remedy.startsWith('Set `trust: ')) return
    const source = /`trust: (.*?)`/.exec(remedy)?.[1]
    const read = new Function('trustedHops', 'singleHeader', `return ${source}`)
    const mended = edgeOf(read(trustedHops, singleHeader) as Trust)
    await send(mended.edge, traffic)
    expect(mended.edge.diagnose()).toBeUndefined()
  })
})

const browser = (index: number) => ({ 'User-Agent': `Mozilla/5.0 (${index})`, 'Accept-Language': 'en' })

const RIGHT: readonly (readonly [string, Trust | undefined, Traffic])[] = [
  [
    'hops that fit, with two clients that forge half of the time',
    trustedHops(1),
    through(i => ({ 'X-Forwarded-For': `${i % 2 === 0 ? `6.6.6.${i}, ` : ''}203.0.113.${i % 4}` })),
  ],
  ['clients on the internet', undefined, i => ({ peer: ip(i), headers: browser(i) })],
  ['one client on the internet', undefined, i => ({ peer: '203.0.113.9', headers: browser(i) })],
  ['clients on IPv6', undefined, i => ({ peer: `2001:db8::${i + 1}`, headers: browser(i) })],
  [
    'a client that forges among others',
    undefined,
    i => (i % 3 === 0 ? { peer: '203.0.113.66', headers: { 'X-Forwarded-For': ip(i) } } : { peer: ip(i) }),
  ],
  [
    'a client that forges every header, alone',
    undefined,
    i => ({ peer: '203.0.113.66', headers: { ...cloudflare(i), Forwarded: `for=${ip(i)}` } }),
  ],
  [
    'a client in the intranet that forges among others',
    undefined,
    i =>
      i % 3 === 0 ? { peer: '10.0.0.66', headers: { 'X-Forwarded-For': ip(i) } } : { peer: `10.0.1.${i}` },
  ],
  [
    'a load test from loopback',
    undefined,
    () => ({ peer: '127.0.0.1', url: '/', headers: { 'User-Agent': 'autocannon' } }),
  ],
  [
    'a load test past a trusted proxy on loopback',
    trustedProxies(['loopback']),
    () => ({ peer: '::1', url: '/' }),
  ],
  [
    'health checks from one address',
    undefined,
    () => ({ peer: '10.0.0.1', url: '/health/ready', headers: { 'User-Agent': 'kube-probe/1.31' } }),
  ],
  ['health checks alone, past hops', trustedHops(1), () => ({ peer: '10.0.0.1', url: '/healthz' })],
  [
    'health checks alone, from a trusted proxy',
    trustedProxies(['private']),
    i => ({
      peer: '10.0.0.1',
      headers: { 'User-Agent': ['ELB-HealthChecker/2.0', 'GoogleHC/1.0', 'Prometheus/3.0'][i % 3] as string },
    }),
  ],
  ['hops that fit', trustedHops(2), through(i => ({ 'X-Forwarded-For': `${ip(i)}, 10.0.0.2` }))],
  [
    'hops that fit, with a client that forges',
    trustedHops(1),
    through(i => ({ 'X-Forwarded-For': i % 2 === 0 ? `6.6.6.${i}, 203.0.113.66` : ip(i) })),
  ],
  [
    'hops that fit, with a client that forges alone',
    trustedHops(1),
    through(i => ({ 'X-Forwarded-For': `6.6.6.${i}, 203.0.113.66` })),
  ],
  [
    'hops that fit, with health checks',
    trustedHops(1),
    i =>
      i % 2 === 0 ? { peer: PROXY, url: '/health' } : { peer: PROXY, headers: { 'X-Forwarded-For': ip(i) } },
  ],
  [
    'proxies that fit',
    trustedProxies(['10.0.0.0/8']),
    through(i => ({ 'X-Forwarded-For': `${ip(i)}, 10.0.0.2` })),
  ],
  [
    'proxies that fit, with strangers past them',
    trustedProxies(['10.0.0.0/8']),
    i =>
      i % 2 === 0
        ? { peer: '203.0.113.66', headers: { 'X-Forwarded-For': ip(i) } }
        : { peer: PROXY, headers: { 'X-Forwarded-For': ip(i) } },
  ],
  [
    'proxies that fit, on IPv6',
    trustedProxies(['fd00::/8']),
    through(i => ({ 'X-Forwarded-For': `2001:db8::${i}` }), 'fd00::1'),
  ],
  [
    'proxies that fit, on a Unix socket',
    trustedHops(1, { unixSocket: true }),
    through(i => ({ 'X-Forwarded-For': ip(i) }), null),
  ],
  [
    'proxies that fit, with ports and brackets',
    trustedProxies(['10.0.0.0/8']),
    through(i => ({ 'X-Forwarded-For': i % 2 === 0 ? `${ip(i)}:80` : `[2001:db8::${i}]:80` })),
  ],
  [
    'Forwarded',
    trustedProxies(['10.0.0.0/8'], { header: 'forwarded' }),
    through(i => ({ Forwarded: `for=${ip(i)};proto=https` })),
  ],
  [
    'Cloudflare with its header',
    singleHeader('cf-connecting-ip', { from: ['203.0.113.0/24'] }),
    i => ({ peer: `203.0.113.${i % 20}`, headers: cloudflare(i) }),
  ],
  [
    'Cloudflare, with clients that forge X-Forwarded-For',
    singleHeader('cf-connecting-ip', { from: ['203.0.113.0/24'] }),
    i => ({
      peer: `203.0.113.${i % 20}`,
      headers: { ...cloudflare(i), 'X-Forwarded-For': `6.6.6.6, ${ip(i)}` },
    }),
  ],
  ['clients in the intranet', undefined, i => ({ peer: `10.0.1.${i % 30}`, headers: browser(i) })],
  [
    'clients in the intranet, behind a trusted proxy',
    trustedProxies(['10.0.3.7']),
    through(i => ({ 'X-Forwarded-For': `10.0.1.${i}` })),
  ],
  [
    'one service in the intranet',
    undefined,
    i => ({ peer: '10.0.1.4', url: `/orders/${i}`, headers: { 'User-Agent': 'undici' } }),
  ],
  [
    'a service that passes on ids of traces',
    undefined,
    () => ({ peer: '10.0.1.4', headers: { 'X-Amzn-Trace-Id': 'Root=1', 'X-Cloud-Trace-Context': '1' } }),
  ],
  ['tests with inject()', undefined, () => ({})],
  [
    'tests with inject() of one proxied request',
    undefined,
    i => (i === 0 ? { peer: PROXY, headers: { 'X-Forwarded-For': ip(i) } } : {}),
  ],
]

describe('given a topology that trust fits', () => {
  it.each(RIGHT)('%s: nothing is said', async (_, trust, traffic) => {
    const { edge, logger } = edgeOf(trust)
    for (let count = 0; count < 300; count++) {
      await inject(edge, traffic(count % 100))
      expect(edge.diagnose()).toBeUndefined()
    }
    expect(logger.lines).toEqual([])
  })
})

describe('given the end of the watch', () => {
  it('then no header is read for it, and no later client can make it speak', async () => {
    const { edge, logger } = edgeOf()
    await send(edge, i => ({ peer: ip(i % 100) }))
    let asked = 0
    const ctx = new BareContext(edge.compile(), '/', 'GET', PROXY)
    ctx.header = () => {
      asked++
      return undefined
    }
    await edge.compile().run(ctx)
    expect(asked).toBe(0)
    await send(
      edge,
      through(i => ({ 'X-Forwarded-For': ip(i) })),
      200,
    )
    expect([edge.diagnose(), logger.lines]).toEqual([undefined, []])
  })

  it('then health checks have not used it up', async () => {
    const { edge } = edgeOf()
    await send(edge, () => ({ peer: '10.0.0.1', url: '/healthz' }), 500)
    await send(
      edge,
      through(i => ({ 'X-Forwarded-For': ip(i) })),
      20,
    )
    expect(edge.diagnose()?.code).toBe('TRUST_MISSING')
  })

  it('then a trust of the team that throws decides over nothing but its own request', async () => {
    const { edge, logger } = edgeOf({
      header: undefined,
      resolve: () => {
        throw new Error('not today')
      },
    })
    expect((await inject(edge)).status).toBe(200)
    expect(logger.lines.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  it('then each pipeline has its own, and branches share that of their root', async () => {
    const { edge, logger } = edgeOf()
    const branch = edge.branch()
    const other = edgeOf().edge
    await send(
      branch,
      through(i => ({ 'X-Forwarded-For': ip(i) })),
    )
    expect(branch.diagnose()).toBe(edge.diagnose())
    expect([edge.diagnose()?.code, other.diagnose(), logger.lines.length]).toEqual([
      'TRUST_MISSING',
      undefined,
      1,
    ])
  })
})
