import {
  directPeer,
  pipeline,
  requestId,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '@palisade/core'
import type { Decision } from '@palisade/core/middleware'
import { inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { samplesOf, stand } from '../support/stand.js'

describe('what is served', () => {
  it('given GET /metrics, then the text with its full content type, for no cache', async () => {
    const { visit } = stand()
    const { status, headers, body } = await visit('/metrics')
    expect([status, headers]).toEqual([
      200,
      {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'cache-control': 'no-store',
        vary: 'Accept',
      },
    ])
    expect(body).toContain('# TYPE http_requests_total counter\n')
  })

  it.each([
    ['application/json', 'json'],
    ['application/json, text/plain;q=0.9', 'json'],
    ['APPLICATION/JSON', 'json'],
    ['text/plain, application/json', 'text'],
    ['application/json;q=0', 'text'],
    ['*/*', 'text'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1', 'text'],
    [`application/json${',a/b'.repeat(400)}`, 'text'],
    [';;,=,q', 'text'],
  ])('given Accept: %s, then it is %s', async (accept, kind) => {
    const { visit } = stand()
    const { headers } = await visit('/metrics', { headers: { accept } })
    expect(headers['content-type']).toMatch(kind === 'json' ? /^application\/json/ : /^text\/plain/)
    expect(headers['vary']).toBe('Accept')
  })

  it('given GET /metrics.json, then JSON whatever is accepted', async () => {
    const { visit } = stand()
    const answer = await visit('/metrics.json?x=1', { headers: { accept: 'text/plain' } })
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    expect(answer.json()).toMatchObject({ requests: { inFlight: 1 } })
  })

  it.each(['/metrics', '/metrics.json'])('given another method on %s, then 405 with Allow', async url => {
    const { visit } = stand()
    const { status, headers } = await visit(url, { method: 'POST' })
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD'])
    expect((await visit(url, { method: 'HEAD' })).status).toBe(200)
  })

  it.each(['/metricsx', '/metrics.jsonx', '/Metrics', '//metrics', '/api/metrics', '/%6detrics'])(
    'given %s, then it is not for the endpoint',
    async url => {
      expect((await stand().visit(url)).passed).toBe(true)
    },
  )

  it('given scrapes, then they are counted under their own paths, refused ones too', async () => {
    const { visit, metrics } = stand()
    await visit('/metrics')
    await visit('/metrics.json')
    await visit('/metrics', { peer: '203.0.113.9' })
    const samples = samplesOf(await metrics.text())
    const of = (route: string, status: number) =>
      samples.get(`http_requests_total{method="GET",route="${route}",status="${status}"}`)
    expect([of('/metrics', 200), of('/metrics.json', 200), of('/metrics', 403)]).toEqual(['1', '1', '1'])
  })

  it('given a path of its own, then it is served there alone', async () => {
    const { visit } = stand({ path: '/internal/stats' })
    expect((await visit('/internal/stats')).body).toContain('http_requests_total')
    expect((await visit('/internal/stats.json')).json()).toHaveProperty('uptime')
    expect((await visit('/metrics')).passed).toBe(true)
  })

  it('given path: false, then nowhere', async () => {
    const { visit, metrics } = stand({ path: false })
    expect((await visit('/metrics')).passed).toBe(true)
    expect(await metrics.text()).toContain('route="_unmatched"')
  })
})

const proxies = trustedProxies(['10.0.0.0/8'])
const single = singleHeader('cf-connecting-ip', { from: ['10.0.0.0/8'] })

describe('who may read', () => {
  it.each<[string, Trust, string | null, Record<string, string>, number]>([
    ['this machine', directPeer(), '127.0.0.1', {}, 200],
    ['this machine over IPv6', directPeer(), '::1', {}, 200],
    ['this machine, IPv4 in IPv6', directPeer(), '::ffff:127.0.0.1', {}, 200],
    ['a private network', directPeer(), '192.168.7.7', {}, 200],
    ['a private network of IPv6', directPeer(), 'fd00::7', {}, 200],
    ['a stranger', directPeer(), '203.0.113.9', {}, 403],
    ['a stranger over IPv6', directPeer(), '2001:db8::7', {}, 403],
    ['nobody', directPeer(), null, {}, 403],
    [
      'a stranger that claims an address',
      directPeer(),
      '203.0.113.9',
      { 'x-forwarded-for': '10.0.0.1' },
      403,
    ],
    ['whoever is behind an unnamed proxy', directPeer(), '10.0.0.1', { 'x-forwarded-for': '10.2.2.2' }, 403],
    ['whoever is behind an unnamed proxy that says Via', directPeer(), '10.0.0.1', { via: '1.1 edge' }, 403],
    ['a stranger behind a named proxy', proxies, '10.0.0.1', { 'x-forwarded-for': '203.0.113.9' }, 403],
    ['a colleague behind a named proxy', proxies, '10.0.0.1', { 'x-forwarded-for': '192.168.7.7' }, 200],
    ['a scraper among the proxies', proxies, '10.3.3.3', {}, 403],
    ['a malformed chain', proxies, '10.0.0.1', { 'x-forwarded-for': '203.0.113.9, unknown' }, 403],
    ['a chain of proxies alone', proxies, '10.0.0.1', { 'x-forwarded-for': '10.9.9.9' }, 403],
    ['a proxy with the other header', proxies, '10.0.0.1', { forwarded: 'for=203.0.113.9' }, 403],
    [
      'a colleague behind so many hops',
      trustedHops(1),
      '10.0.0.1',
      { 'x-forwarded-for': '192.168.7.7' },
      200,
    ],
    ['a stranger behind so many hops', trustedHops(1), '10.0.0.1', { 'x-forwarded-for': '203.0.113.9' }, 403],
    [
      'a stranger that skips the hops',
      trustedHops(1),
      '203.0.113.9',
      { 'x-forwarded-for': '127.0.0.1' },
      403,
    ],
    ['too few hops', trustedHops(3), '10.0.0.1', { 'x-forwarded-for': '192.168.7.7' }, 403],
    ['a scraper where hops were expected', trustedHops(2), '10.0.0.1', {}, 403],
    ['a stranger by a single header', single, '10.0.0.1', { 'cf-connecting-ip': '203.0.113.9' }, 403],
    ['a colleague by a single header', single, '10.0.0.1', { 'cf-connecting-ip': '192.168.7.7' }, 200],
    ['a malformed single header', single, '10.0.0.1', { 'cf-connecting-ip': 'me' }, 403],
  ])('given %s, then as it should be', async (_who, trust, peer, headers, status) => {
    const { edge } = stand({}, { trust })
    for (const url of ['/metrics', '/metrics.json']) {
      const answer = await inject(edge, { url, peer, headers })
      expect(answer.status).toBe(status)
      if (status === 403) expect(answer.body).not.toMatch(/http_requests|uptime/)
    }
  })

  it('given access: public, then everybody', async () => {
    const { visit } = stand({ access: 'public' })
    expect((await visit('/metrics', { peer: '203.0.113.9' })).status).toBe(200)
  })

  const no: Decision = { allow: false, status: 401, code: 'UNAUTHORIZED', message: 'Who?', reason: 'no key' }
  const fails = () => {
    throw new Error('the key store is down')
  }

  it.each<[string, () => unknown, number]>([
    ['true', () => true, 200],
    ['a yes', () => ({ allow: true }), 200],
    ['false', () => false, 403],
    ['a no', () => no, 401],
    ['a promise of true', async () => true, 200],
    ['a promise of false', async () => false, 403],
    ['a promise of a no', async () => no, 401],
    ['a throw', fails, 500],
    ['a rejection', async () => fails(), 500],
    ['nothing', () => undefined, 500],
    ['a string', () => 'yes', 500],
    ['a promise of nothing', async () => undefined, 500],
  ])(
    'given authorize answers %s, then it alone decides, for strangers and neighbours',
    async (_what, answer, status) => {
      const { visit } = stand({ authorize: answer as () => boolean })
      for (const peer of ['127.0.0.1', '203.0.113.9']) {
        const { status: got, body } = await visit('/metrics', { peer })
        expect(got).toBe(status)
        if (status !== 200) expect(body).not.toMatch(/http_requests|no key|key store/)
      }
    },
  )

  it('given no right to read, when the method is wrong too, then it is refused before anything is told', async () => {
    const { visit } = stand()
    const { status, headers } = await visit('/metrics', { method: 'POST', peer: '203.0.113.9' })
    expect([status, headers['allow']]).toEqual([403, undefined])
  })
})

describe('one pipeline', () => {
  it('given an unrelated pipeline with the same metrics(), then it does not compile', () => {
    const { metrics } = stand()
    expect(() => pipeline().use(metrics).compile()).toThrow(/one pipeline\(\) for each metrics\(\)/)
  })

  it('given two pipelines of one start, then both are counted, until the last one is disposed of', async () => {
    const { edge, metrics, events } = stand()
    const other = edge.use(requestId())
    await inject(edge, { route: '/a' })
    await inject(other, { route: '/b' })
    await edge.dispose()
    events.emit('user:created', { subject: 'u' })
    const samples = samplesOf(await metrics.text())
    expect(samples.get('http_requests_total{method="GET",route="/a",status="200"}')).toBe('1')
    expect(samples.get('http_requests_total{method="GET",route="/b",status="200"}')).toBe('1')
    expect(samples.get('users_created_total')).toBe('1')
    await other.dispose()
    expect(events.has('user:created')).toBe(false)
  })

  it('given branches, then they are counted once, with their root', async () => {
    const { edge, metrics } = stand()
    await inject(edge.branch().use(requestId()), { route: '/admin' })
    expect(await metrics.text()).toContain('{method="GET",route="/admin",status="200"} 1\n')
  })

  it('given it is disposed, then it no longer listens, and can still be read', async () => {
    const { edge, metrics, events } = stand()
    await edge.dispose()
    events.emit('user:created', { subject: 'u' })
    expect(events.has('user:created')).toBe(false)
    expect(await metrics.text()).toContain('users_created_total 0\n')
  })
})
