import { describe, expect, it } from 'vitest'
import { adminApi } from '../../src/admin.js'
import {
  directPeer,
  pipeline,
  Reply,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '../../src/index.js'
import { type InjectedRequest, inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE']

async function statusOf(request: InjectedRequest, trust: Trust = directPeer()): Promise<number> {
  const answer = () => Reply.json(200, {})
  const methods = Object.fromEntries([...UNSAFE, 'GET'].map(method => [method, answer]))
  const api = adminApi('things', { path: '/admin', authorize: () => true }, { '/': methods })
  const edge = pipeline({ logger: memoryLogger(), trust }).use(api)
  return (await inject(edge, { url: '/admin', ...request })).status
}

const sent = (origin: string, host = 'shop.example', more: InjectedRequest = {}): InjectedRequest => ({
  method: 'POST',
  ...more,
  headers: { host, origin, ...more.headers },
})

describe.each(UNSAFE)('given a %s without Sec-Fetch-Site', method => {
  it.each([
    ['of this origin', sent('http://shop.example')],
    ['with a port', sent('http://shop.example:8080', 'shop.example:8080')],
    ['with the default port in Host', sent('http://shop.example', 'shop.example:80')],
    ['encrypted', sent('https://shop.example', 'shop.example', { secure: true })],
    ['in another case', sent('http://shop.example', 'Shop.Example')],
    ['to an address', sent('http://192.0.2.7:3000', '192.0.2.7:3000')],
    ['to an IPv6 address', sent('http://[2001:db8::7]:3000', '[2001:db8::7]:3000')],
    ['of no browser', { headers: { host: 'shop.example' } }],
    [
      'with a Referer of this origin',
      { headers: { host: 'shop.example', referer: 'http://shop.example/page' } },
    ],
  ])('when it is sent by a page %s, then it is served', async (_, request) => {
    expect(await statusOf({ ...request, method })).toBe(200)
  })

  it.each([
    ['another site', sent('http://evil.example')],
    [
      'another site, as JSON',
      sent('http://evil.example', 'shop.example', { headers: { 'content-type': 'application/json' } }),
    ],
    ['a subdomain', sent('http://www.shop.example')],
    ['the parent domain', sent('http://example', 'shop.example')],
    ['another scheme', sent('https://shop.example')],
    ['another scheme, encrypted', sent('http://shop.example', 'shop.example', { secure: true })],
    ['another port', sent('http://shop.example:8080')],
    ['the default port of the other scheme', sent('http://shop.example', 'shop.example:443')],
    ['a sandboxed frame', sent('null')],
    ['nothing', sent('')],
    ['two origins', sent('http://shop.example, http://shop.example')],
    ['this origin and a path', sent('http://shop.example/')],
    ['this origin with a user', sent('http://user@shop.example', 'user@shop.example')],
    ['an extension', sent('chrome-extension://shop.example')],
    ['a page, while no host was named', { headers: { origin: 'http://shop.example' } }],
    ['another site, without Origin', { headers: { host: 'shop.example', referer: 'http://evil.example/' } }],
    ['a Referer that is no URL', { headers: { host: 'shop.example', referer: 'shop.example' } }],
    [
      'a forged X-Forwarded-Host',
      sent('http://evil.example', 'shop.example', { headers: { 'x-forwarded-host': 'evil.example' } }),
    ],
  ])('when it is sent by %s, then it is a 403', async (_, request) => {
    expect(await statusOf({ ...request, method })).toBe(403)
  })
})

describe('given a proxy that trust names', () => {
  const PROXIES: readonly Trust[] = [
    trustedProxies(['10.0.0.0/8']),
    trustedHops(1),
    singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }),
  ]
  const by = (origin: string, headers: Record<string, string>): InjectedRequest => ({
    method: 'POST',
    peer: '10.0.0.1',
    headers: { host: 'app:3000', origin, ...headers },
  })

  it.each(PROXIES)('when it says what it was asked for, then that is the own origin (%#)', async trust => {
    const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' }
    expect(await statusOf(by('https://shop.example', https), trust)).toBe(200)
    expect(await statusOf(by('http://shop.example', https), trust)).toBe(403)
    expect(await statusOf(by('https://evil.example', https), trust)).toBe(403)
    expect(
      await statusOf(by('https://shop.example:8443', { ...https, 'x-forwarded-port': '8443' }), trust),
    ).toBe(200)
    expect(await statusOf(by('https://shop.example:8443', https), trust)).toBe(403)
    const passed = { host: 'shop.example', 'x-forwarded-proto': 'https' }
    expect(await statusOf(by('https://shop.example', passed), trust)).toBe(200)
  })

  it('when it writes Forwarded, then its last element counts', async () => {
    const trust = trustedProxies(['10.0.0.0/8'], { header: 'forwarded' })
    const forwarded = 'for=192.0.2.1;host=evil.example, for=192.0.2.1;host="shop.example";proto=https'
    expect(await statusOf(by('https://shop.example', { forwarded }), trust)).toBe(200)
    expect(await statusOf(by('https://evil.example', { forwarded }), trust)).toBe(403)
  })

  it('when a stranger says the same, then it is not believed', async () => {
    const request = by('https://evil.example', {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
    })
    for (const trust of PROXIES.filter(one => one.proxies !== undefined))
      expect(await statusOf({ ...request, peer: '192.0.2.1' }, trust)).toBe(403)
  })
})

describe('given what changes nothing, or Sec-Fetch-Site', () => {
  it.each<[InjectedRequest, number]>([
    [{ method: 'GET', headers: { origin: 'http://evil.example' } }, 200],
    [{ method: 'HEAD', headers: { origin: 'http://evil.example' } }, 200],
    [sent('https://shop.example', 'app:3000', { headers: { 'sec-fetch-site': 'same-origin' } }), 200],
    [sent('http://shop.example', 'shop.example', { headers: { 'sec-fetch-site': 'cross-site' } }), 403],
    [sent('http://shop.example', 'shop.example', { headers: { 'sec-fetch-site': '' } }), 403],
  ])('when %o comes, then it is a %d', async (request, status) => {
    expect(await statusOf(request)).toBe(status)
  })
})
