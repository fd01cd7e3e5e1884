import { describe, expect, it } from 'vitest'
import {
  type Pipeline,
  pipeline,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '../../src/index.js'
import { type InjectedRequest, inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

type Traffic = (index: number) => InjectedRequest

const CLIENT = (index: number) => `198.51.100.${index + 1}`
const EDGE = (index: number) => `203.0.113.${index % 6}`
const browser = (index: number) => ({ 'User-Agent': `Mozilla/5.0 (${index % 12})`, 'Accept-Language': 'de' })

/** Every third request is a health check, from an address of its own. */
const withProbes =
  (traffic: Traffic, probe: InjectedRequest): Traffic =>
  index =>
    index % 3 === 0 ? probe : traffic(index)

const kubernetes: Traffic = withProbes(
  index => ({
    peer: `10.244.${index % 3}.9`,
    url: `/orders/${index}`,
    headers: {
      ...browser(index),
      'X-Forwarded-For': CLIENT(index),
      'X-Real-IP': CLIENT(index),
      'X-Forwarded-Host': 'shop.example',
      'X-Forwarded-Port': '443',
      'X-Forwarded-Proto': 'https',
      'X-Scheme': 'https',
    },
  }),
  { peer: '10.0.7.1', url: '/', headers: { 'User-Agent': 'kube-probe/1.31' } },
)

const cloudFrontAndAlb: Traffic = withProbes(
  index => ({
    peer: `10.0.${index % 2}.17`,
    url: `/orders/${index}`,
    headers: {
      ...browser(index),
      'X-Forwarded-For': `${CLIENT(index)}, ${EDGE(index)}`,
      Via: '2.0 abc.cloudfront.net (CloudFront)',
      'X-Amz-Cf-Id': 'abc',
      'X-Amzn-Trace-Id': 'Root=1-67',
      'X-Forwarded-Port': '443',
      'X-Forwarded-Proto': 'https',
    },
  }),
  { peer: '10.0.1.17', url: '/', headers: { 'User-Agent': 'ELB-HealthChecker/2.0' } },
)

const cloudflareTunnel: Traffic = index => ({
  peer: '127.0.0.1',
  headers: {
    ...browser(index),
    'CF-Connecting-IP': CLIENT(index),
    'CF-Ray': '8f',
    'CF-Warp-Tag-Id': 'abc',
    'X-Forwarded-For': CLIENT(index),
    'X-Forwarded-Proto': 'https',
  },
})

const vercel: Traffic = index => ({
  peer: '127.0.0.1',
  headers: {
    ...browser(index),
    'X-Forwarded-For': CLIENT(index),
    'X-Real-IP': CLIENT(index),
    'X-Vercel-Forwarded-For': CLIENT(index),
    'X-Vercel-Id': 'fra1::abc',
    Forwarded: `for=${CLIENT(index)};host=shop.example;proto=https`,
  },
})

const fly: Traffic = index => ({
  peer: '172.16.7.18',
  headers: {
    ...browser(index),
    'Fly-Client-IP': CLIENT(index),
    'Fly-Region': 'fra',
    'X-Forwarded-For': `${CLIENT(index)}, ${EDGE(0)}`,
    Via: '2 fly.io',
  },
})

const heroku: Traffic = index => ({
  peer: `10.1.${index}.${index}`,
  headers: {
    ...browser(index),
    'X-Forwarded-For': CLIENT(index),
    'X-Forwarded-Port': '443',
    'X-Request-Start': '1',
    Via: '1.1 vegur',
  },
})

/** `proxy_set_header X-Real-IP $remote_addr` behind a load balancer: the balancer's address. */
const nginxBehindBalancer: Traffic = index => ({
  peer: '172.18.0.2',
  headers: {
    ...browser(index),
    'X-Real-IP': '10.0.3.7',
    'X-Forwarded-For': `${CLIENT(index)}, 10.0.3.7`,
  },
})

const realIpOfBalancer: Traffic = index => ({
  peer: '172.18.0.2',
  headers: { ...browser(index), 'X-Real-IP': `10.0.3.${index % 2}`, 'X-Forwarded-For': CLIENT(index) },
})

const realIpOfContentNetwork: Traffic = index => ({
  peer: '172.18.0.2',
  headers: {
    ...browser(index),
    'X-Real-IP': EDGE(index),
    'X-Forwarded-For': `${CLIENT(index)}, ${EDGE(index)}`,
  },
})

/** A proxy on another machine of a hoster without a private network. */
const remoteProxy: Traffic = index => ({
  peer: '203.0.113.80',
  url: `/orders/${index}`,
  headers: { ...browser(index), 'X-Forwarded-For': CLIENT(index), 'X-Forwarded-Proto': 'https' },
})

const WRONG: readonly (readonly [string, Trust | undefined, Traffic, string, RegExp])[] = [
  ['Kubernetes behind an ingress', undefined, kubernetes, 'TRUST_MISSING', /trustedHops\(1\)/],
  [
    'Kubernetes, trust of loopback alone',
    trustedProxies(['loopback']),
    kubernetes,
    'TRUST_NEVER_MATCHES',
    /10\.244\.1\.9/,
  ],
  ['CloudFront and a load balancer', undefined, cloudFrontAndAlb, 'TRUST_MISSING', /trustedHops\(2\)/],
  [
    'CloudFront and a load balancer, one hop',
    trustedHops(1),
    cloudFrontAndAlb,
    'TRUST_TOO_FEW_HOPS',
    /trustedHops\(2\)/,
  ],
  [
    'CloudFront and a load balancer, private proxies alone',
    trustedProxies(['private']),
    cloudFrontAndAlb,
    'TRUST_TOO_FEW_HOPS',
    /Add 203\.0\.113\.\d, 203\.0\.113\.\d, 203\.0\.113\.\d and \d more \(or the network/,
  ],
  [
    'CloudFront and a load balancer, three hops',
    trustedHops(3),
    cloudFrontAndAlb,
    'TRUST_TOO_MANY_HOPS',
    /trustedHops\(2\)/,
  ],
  ['a tunnel of Cloudflare', undefined, cloudflareTunnel, 'TRUST_MISSING', /127\.0\.0\.1.*trustedHops\(1\)/],
  ['Vercel', undefined, vercel, 'TRUST_MISSING', /trustedHops\(1\)/],
  ['Fly', undefined, fly, 'TRUST_MISSING', /trustedHops\(2\)/],
  ['Heroku, from a new router each time', undefined, heroku, 'TRUST_MISSING', /trustedHops\(1\)/],
  ['a proxy with a public address', undefined, remoteProxy, 'TRUST_MISSING', /203\.0\.113\.80/],
  [
    'a proxy with a public address, which trust does not name',
    trustedProxies(['private']),
    remoteProxy,
    'TRUST_NEVER_MATCHES',
    /203\.0\.113\.80/,
  ],
  [
    'X-Real-IP of the balancer, which is in X-Forwarded-For too',
    singleHeader('x-real-ip', { from: ['172.18.0.0/16'] }),
    nginxBehindBalancer,
    'TRUST_TOO_FEW_HOPS',
    /X-Forwarded-For.*trustedProxies\(ranges\)` with your ranges and 10\.0\.3\.7\./,
  ],
  [
    'X-Real-IP of the balancer, whose X-Forwarded-For is passed on',
    singleHeader('x-real-ip', { from: ['172.18.0.0/16'] }),
    realIpOfBalancer,
    'TRUST_TOO_FEW_HOPS',
    /X-Forwarded-For.*trustedProxies\(ranges\)` with your ranges, 10\.0\.3\.\d and 10\.0\.3\.\d\./,
  ],
  [
    'X-Real-IP of a content network',
    singleHeader('x-real-ip', { from: ['172.18.0.0/16'] }),
    realIpOfContentNetwork,
    'TRUST_TOO_FEW_HOPS',
    /X-Forwarded-For.*trustedProxies\(ranges\)` with your ranges, 203\.0\.113\.0, .* and \d more\./,
  ],
]

/** A client whose own proxy wrote addresses of its office in front. */
const offices: Traffic = index => ({
  peer: '10.0.3.7',
  headers: { ...browser(index), 'X-Forwarded-For': `192.168.1.${index}, ${CLIENT(index)}` },
})

const RIGHT: readonly (readonly [string, Trust | undefined, Traffic])[] = [
  ['Kubernetes behind an ingress', trustedHops(1), kubernetes],
  ['Kubernetes by ranges', trustedProxies(['10.244.0.0/16']), kubernetes],
  ['Kubernetes by X-Real-IP', singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }), kubernetes],
  ['CloudFront and a load balancer', trustedHops(2), cloudFrontAndAlb],
  [
    'CloudFront and a load balancer by ranges',
    trustedProxies(['private', '203.0.113.0/24']),
    cloudFrontAndAlb,
  ],
  ['a tunnel of Cloudflare', singleHeader('cf-connecting-ip', { from: ['loopback'] }), cloudflareTunnel],
  ['Vercel', singleHeader('x-vercel-forwarded-for', { from: ['loopback'] }), vercel],
  ['Fly', singleHeader('fly-client-ip', { from: ['172.16.0.0/12'] }), fly],
  ['Heroku', trustedHops(1), heroku],
  ['a proxy with a public address', trustedProxies(['203.0.113.80/32']), remoteProxy],
  ['offices whose proxies write X-Forwarded-For', trustedHops(1), offices],
  [
    'X-Real-IP of clients whose own proxies write X-Forwarded-For',
    singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }),
    index => {
      const { headers, ...rest } = offices(index)
      return { ...rest, headers: { ...headers, 'X-Real-IP': CLIENT(index) } as Record<string, string> }
    },
  ],
  [
    'clients of an intranet behind a proxy',
    trustedHops(1),
    index => ({ peer: '10.0.3.7', headers: { ...browser(index), 'X-Forwarded-For': `10.9.0.${index}` } }),
  ],
  [
    'clients of an intranet, by X-Real-IP',
    singleHeader('x-real-ip', { from: ['10.0.3.7/32'] }),
    index => ({
      peer: '10.0.3.7',
      headers: { ...browser(index), 'X-Real-IP': `10.9.0.${index}`, 'X-Forwarded-For': `10.9.0.${index}` },
    }),
  ],
  [
    'a public client that forges, with one kind of browser',
    undefined,
    index => ({
      peer: '203.0.113.66',
      headers: { 'X-Forwarded-For': CLIENT(index), 'User-Agent': 'curl/8' },
    }),
  ],
  [
    'a public client that forges as many browsers, among others',
    undefined,
    index =>
      index % 2 === 0
        ? { peer: CLIENT(index), headers: browser(index) }
        : { peer: '203.0.113.66', headers: { ...browser(index), 'X-Forwarded-For': CLIENT(index) } },
  ],
]

function edgeOf(trust: Trust | undefined): Pipeline<object> {
  return pipeline({ logger: memoryLogger(), ...(trust !== undefined && { trust }) })
}

async function send(edge: Pipeline<object>, traffic: Traffic): Promise<void> {
  for (let index = 0; index < 100; index++) await inject(edge, traffic(index))
}

describe('given a deployment as it is met in the field', () => {
  it.each(WRONG)('%s: a trust that does not fit is recognised', async (_, trust, traffic, code, words) => {
    const edge = edgeOf(trust)
    await send(edge, traffic)
    expect(edge.diagnose()).toMatchObject({ code, message: expect.stringMatching(words) })
  })

  it.each(RIGHT)('%s: a trust that fits stays silent', async (_, trust, traffic) => {
    const edge = edgeOf(trust)
    await send(edge, traffic)
    expect(edge.diagnose()).toBeUndefined()
  })
})
