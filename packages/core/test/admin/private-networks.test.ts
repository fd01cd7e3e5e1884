import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  type PrivateNetworksOptions,
  pipeline,
  privateNetworks,
  type Trust,
  trustedProxies,
} from '../../src/index.js'
import { type InjectedRequest, inject } from '../../src/testing.js'

async function letsIn(
  request: InjectedRequest,
  options?: PrivateNetworksOptions,
  trust?: Trust,
): Promise<boolean> {
  const may = privateNetworks(options)
  let answer: boolean | undefined
  const edge = pipeline(trust === undefined ? {} : { trust }).use({
    name: 'a',
    onRequest(ctx) {
      answer = may(ctx)
    },
  })
  await inject(edge, { peer: '10.0.0.7', ...request })
  return answer === true
}

const TRACES =
  `x-forwarded-for forwarded x-real-ip via cf-connecting-ip cf-connecting-ipv6 cf-ray cf-visitor cf-ipcountry
  cdn-loop true-client-ip akamai-origin-hop x-akamai-edgescape x-client-ip x-cluster-client-ip fastly-client-ip fastly-ff
  x-varnish fly-client-ip fly-region x-envoy-external-address x-envoy-internal x-envoy-attempt-count
  x-envoy-original-path x-amzn-trace-id x-amz-cf-id cloudfront-viewer-address x-azure-clientip x-azure-socketip
  x-azure-ref x-azure-fdid x-arr-log-id x-appengine-user-ip x-cloud-trace-context x-vercel-id x-vercel-forwarded-for
  x-nf-client-connection-ip do-connecting-ip x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-server
  x-forwarded-prefix x-forwarded-scheme x-forwarded-ssl x-forwarded-client-cert x-original-forwarded-for
  x-original-host x-original-uri x-original-url x-original-proto x-rewrite-url x-scheme front-end-https
  wl-proxy-client-ip proxy-client-ip x-sucuri-clientip incap-client-ip`.split(/\s+/)

describe('given a caller with a private address', () => {
  it.each(['10.0.0.7', '172.16.0.1', '192.168.1.1', '127.0.0.1', '::1', 'fd00::1', '::ffff:10.0.0.1'])(
    'when it connects from %s itself, then it may read',
    async peer => {
      expect(await letsIn({ peer })).toBe(true)
    },
  )

  it.each(TRACES)('when a proxy that nobody named adds %s, then it may not', async name => {
    expect(await letsIn({ headers: { [name]: '1.2.3.4' } })).toBe(false)
    expect(await letsIn({ headers: { [name]: '' } })).toBe(false)
  })

  it.each(['1.0', '0.9'])(
    'when the request is of HTTP/%s, as a bare proxy_pass sends it, then it may not',
    async httpVersion => {
      expect(await letsIn({ httpVersion })).toBe(false)
    },
  )

  it('when a proxy that trust names speaks HTTP/1.0 for a private client, then the client may', async () => {
    const trust = trustedProxies(['10.0.0.7'])
    const headers = { 'x-forwarded-for': '10.0.0.9', 'x-forwarded-host': 'a', via: '1.0 p' }
    expect(await letsIn({ httpVersion: '1.0', headers }, {}, trust)).toBe(true)
    expect(await letsIn({ httpVersion: '1.0', headers: { 'x-forwarded-for': '192.0.2.1' } }, {}, trust)).toBe(
      false,
    )
    expect(await letsIn({ httpVersion: '1.0' }, {}, trust)).toBe(false)
  })
})

describe('given the Host of a request', () => {
  it.each([
    'localhost',
    'localhost:3000',
    'LOCALHOST',
    'app.localhost:3000',
    '127.0.0.1',
    '10.1.2.3:9090',
    '[::1]:3000',
    '[fd00::1]',
    'app',
    'app:9090',
    'app.default.svc',
    'app.default.svc.cluster.local:9090',
    'printer.local',
    'host.docker.internal:3000',
    'ip-10-0-0-7.eu-west-1.compute.internal',
    'app.test',
    'nas.home.arpa',
    'app.service.consul:8080',
    'localhost.',
  ])('when a probe or a scraper asks %s, then it may read', async host => {
    expect(await letsIn({ headers: { host } })).toBe(true)
  })

  it.each([
    'evil.example',
    'evil.example:3000',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    '10.0.0.7.evil.example:80',
    'a.local.evil.com',
    'internal.com',
    'xn--localhost-.com',
    'localhost@evil.example',
    '[::1].evil.example',
    'evil.example.',
    'a:b:c',
    '/',
  ])('when a page that was rebound asks %s, then it may not', async host => {
    for (const peer of ['127.0.0.1', '10.0.0.7', 'fd00::1'])
      expect(await letsIn({ peer, headers: { host } })).toBe(false)
  })

  it('when the name is in the option, then it may, with any port and case', async () => {
    const options = { hosts: ['App.example.com'] }
    for (const host of ['app.example.com', 'APP.example.com:9090', 'app.example.com.'])
      expect(await letsIn({ headers: { host } }, options)).toBe(true)
    expect(await letsIn({ headers: { host: 'other.example.com' } }, options)).toBe(false)
    expect(await letsIn({ peer: '192.0.2.1', headers: { host: 'app.example.com' } }, options)).toBe(false)
  })

  it('when no host is named, then it may: every browser names one', async () => {
    expect(await letsIn({})).toBe(true)
  })

  it.each([['a:80'], ['https://a'], [''], ['*'], [1], 'a', ['a..b'], [undefined]])(
    'given the option %j, then a ConfigError names it',
    hosts => {
      expect(() => privateNetworks({ hosts } as never)).toThrow(ConfigError)
    },
  )
})
