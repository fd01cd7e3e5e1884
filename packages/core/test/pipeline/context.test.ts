import { describe, expect, it } from 'vitest'
import {
  directPeer,
  pipeline,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '../../src/index.js'
import { inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'

describe('the target of a request', () => {
  const at = (url: string) => new BareContext(pipeline().compile(), url)

  it.each([
    ['/', '/', ''],
    ['/a/b?c=d', '/a/b', 'c=d'],
    ['/a%2Fb', '/a%2Fb', ''],
    ['?c=d', '/', 'c=d'],
    ['', '/', ''],
    ['*', '*', ''],
    ['/a#f?c=d', '/a', ''],
    ['/a?c=d#f', '/a', 'c=d'],
    ['//evil.example/a', '//evil.example/a', ''],
    ['http://host', '/', ''],
    ['http://host/a/b?c=d', '/a/b', 'c=d'],
    ['http://host?next=/admin', '/', 'next=%2Fadmin'],
    ['http://host#/admin', '/', ''],
    ['host:443', '/', ''],
    ['/a?u=http://host/b', '/a', 'u=http%3A%2F%2Fhost%2Fb'],
  ])('given %s, when it is read, then the path is %s and the query %s', (url, path, query) => {
    const ctx = at(url)
    expect(ctx.path).toBe(path)
    expect(ctx.query.toString()).toBe(query)
  })
})

describe('secure: whether the request came encrypted', () => {
  const proxies = trustedProxies(['10.0.0.0/8'])
  const rfc7239 = trustedProxies(['10.0.0.0/8'], { header: 'forwarded' })
  const plain = (trust: Trust, peer: string | null, headers: Record<string, string>) =>
    inject(pipeline({ trust }), { peer, headers }).then(({ ctx }) => ctx.secure)

  it('given an encrypted socket, when asked, then it is, whatever a header says', async () => {
    const { ctx } = await inject(pipeline(), { secure: true, headers: { 'x-forwarded-proto': 'http' } })
    expect(ctx.secure).toBe(true)
  })

  it.each([
    ['no proxy is trusted', directPeer(), '10.0.0.1', { 'x-forwarded-proto': 'https' }, false],
    ['the peer is no proxy', proxies, '203.0.113.9', { 'x-forwarded-proto': 'https' }, false],
    ['there is no peer', proxies, null, { 'x-forwarded-proto': 'https' }, false],
    ['a proxy says https', proxies, '10.0.0.1', { 'x-forwarded-proto': 'https' }, true],
    ['a proxy says HTTPS', proxies, '::ffff:10.0.0.1', { 'x-forwarded-proto': ' HTTPS ' }, true],
    ['a proxy says wss', proxies, '10.0.0.1', { 'x-forwarded-proto': 'wss' }, true],
    ['a proxy says http', proxies, '10.0.0.1', { 'x-forwarded-proto': 'http' }, false],
    ['a proxy says nothing', proxies, '10.0.0.1', {}, false],
    [
      'the client wrote https to the left of it',
      proxies,
      '10.0.0.1',
      { 'x-forwarded-proto': 'https, http' },
      false,
    ],
    ['the nearest proxy says https', proxies, '10.0.0.1', { 'x-forwarded-proto': 'http,https' }, true],
    ['another header says https', proxies, '10.0.0.1', { forwarded: 'for=192.0.2.1;proto=https' }, false],
    ['hops are trusted', trustedHops(1), '203.0.113.9', { 'x-forwarded-proto': 'https' }, true],
    [
      'one header is trusted',
      singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }),
      '10.0.0.1',
      { 'x-forwarded-proto': 'https' },
      true,
    ],
    [
      'one header is trusted, not from here',
      singleHeader('x-real-ip', { from: ['10.0.0.0/8'] }),
      '11.0.0.1',
      { 'x-forwarded-proto': 'https' },
      false,
    ],
    ['Forwarded says https', rfc7239, '10.0.0.1', { forwarded: 'for=192.0.2.1;Proto=HTTPS' }, true],
    ['Forwarded says "https"', rfc7239, '10.0.0.1', { forwarded: 'proto="https";for=192.0.2.1' }, true],
    [
      'Forwarded says http',
      rfc7239,
      '10.0.0.1',
      { forwarded: 'for=6.6.6.6;proto=https, for=192.0.2.1;proto=http' },
      false,
    ],
    [
      'Forwarded hides it in a string',
      rfc7239,
      '10.0.0.1',
      { forwarded: 'host="a;proto=https;b";for=192.0.2.1' },
      false,
    ],
    [
      'Forwarded says both',
      rfc7239,
      '10.0.0.1',
      { forwarded: 'for=192.0.2.1;proto=https;proto=http' },
      false,
    ],
    ['Forwarded has an open quote', rfc7239, '10.0.0.1', { forwarded: 'for="192.0.2.1;proto=https' }, false],
    ['Forwarded is the one that is read', rfc7239, '10.0.0.1', { 'x-forwarded-proto': 'https' }, false],
  ])('given %s, when asked, then it is told', async (_, trust, peer, headers, secure) => {
    expect(await plain(trust, peer, headers)).toBe(secure)
  })

  it('given a trust of somebody’s own that names no proxy, when asked, then no header is believed', async () => {
    const trust: Trust = {
      header: 'x-ip',
      resolve: () => ({ ip: undefined, key: undefined, bannable: false }),
    }
    expect(await plain(trust, '10.0.0.1', { 'x-forwarded-proto': 'https' })).toBe(false)
  })
})

describe('small things of a context', () => {
  it('given no requestId(), when the id is asked for, then it is a UUID that stays', () => {
    const ctx = new BareContext(pipeline().compile())
    expect(ctx.requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(ctx.requestId).toBe(ctx.requestId)
  })

  it('given pairs, when they are set, then each is, in order', () => {
    const ctx = new BareContext(pipeline().compile())
    ctx.setHeaders([
      ['A', '1'],
      ['B', '2'],
    ])
    expect(ctx.sent).toEqual([
      ['A', '1'],
      ['B', '2'],
    ])
  })

  it('given a proxy, when the client is asked for, then only the header that trust names is read', async () => {
    const trust = trustedProxies(['10.0.0.0/8'])
    const { ctx } = await inject(pipeline({ trust }), {
      peer: '10.0.0.1',
      headers: { 'X-Forwarded-For': '198.51.100.7', Forwarded: 'for=6.6.6.6' },
    })
    expect(ctx.client).toEqual({ ip: '198.51.100.7', key: '198.51.100.7', bannable: true })
    expect(ctx.client).toBe(ctx.client)
  })
})
