import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisUrl, uniqueNamespace } from '../../../test/support/redis.js'
import { type Demo, HOSTS, json, startDemo } from './support/demo.js'

describe.each(HOSTS)('the demo on %s', framework => {
  let demo: Demo
  beforeAll(async () => {
    demo = await startDemo(framework)
  })
  afterAll(() => demo.close())

  const as = (name: string) => ({ headers: demo.bearer(name) })
  const create = (name: string, body: unknown) => {
    const { headers, ...init } = json(body)
    return demo.ask('/api/orders', { ...init, headers: { ...headers, ...demo.bearer(name) } })
  }
  const ordersOf = async (name: string) => {
    const { body } = await demo.ask('/api/orders', as(name))
    return body['data'] as { id: string; item: string; owner: string }[]
  }

  it('greets everybody, with the id of the request', async () => {
    const { status, headers, body } = await demo.ask('/public/hello', {
      headers: { 'X-Request-ID': 'mine-1' },
    })
    expect([status, headers.get('x-request-id'), body]).toEqual([
      200,
      'mine-1',
      { hello: 'world', request_id: 'mine-1' },
    ])
    expect(headers.get('x-ratelimit-limit')).toBeNull()
  })

  it('takes each kind of credential, and challenges for all of them', async () => {
    for (const headers of [demo.bearer('alan'), demo.basic('alan'), demo.apiKey]) {
      expect((await demo.ask('/api/orders', { headers })).status).toBe(200)
    }
    const refused = await demo.ask('/api/orders')
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toMatch(/Bearer .*Basic .*ApiKey /)
  })

  it('lists to users their own orders and to administrators the tenant’s, a page at a time', async () => {
    expect((await ordersOf('alan')).map(({ item }) => item)).toEqual(['anvil', 'rope'])
    expect((await ordersOf('ada')).map(({ item }) => item)).toEqual([
      'anvil',
      'rope',
      'rocket skates',
      'pallet',
    ])
    const first = await demo.ask('/api/orders?limit=2', as('ada'))
    const rest = await demo.ask(`/api/orders?after=${first.body['next']}`, as('ada'))
    expect(rest.body).toMatchObject({ data: [{ item: 'rocket skates' }, { item: 'pallet' }], next: null })
  })

  it('shows an order to its owner and to administrators of its tenant', async () => {
    const [order] = await ordersOf('alan')
    const hers = (await ordersOf('ada')).find(({ owner }) => owner === 'ada')
    expect((await demo.ask(`/api/orders/${order?.id}`, as('alan'))).body).toEqual(order)
    expect((await demo.ask(`/api/orders/${order?.id}`, as('ada'))).status).toBe(200)
    expect((await demo.ask(`/api/orders/${hers?.id}`, as('alan'))).status).toBe(403)
  })

  it('takes orders, and only from those who may write', async () => {
    const created = await create('gus', { item: 'lamp', quantity: 3 })
    expect([created.status, created.body]).toMatchObject([201, { item: 'lamp', quantity: 3, owner: 'gus' }])
    expect(await ordersOf('gus')).toContainEqual(created.body)
    const { headers, ...init } = json({ item: 'lamp', quantity: 1 })
    const reader = await demo.ask('/api/orders', { ...init, headers: { ...headers, ...demo.apiKey } })
    expect(reader.status).toBe(403)
  })

  it('reports to administrators, each about its own tenant', async () => {
    expect((await demo.ask('/admin/reports', as('ada'))).body).toEqual({
      tenant: 'acme',
      data: [
        { owner: 'ada', orders: 1, items: 1 },
        { owner: 'alan', orders: 2, items: 12 },
        { owner: 'warehouse', orders: 1, items: 40 },
      ],
    })
    expect((await demo.ask('/admin/reports', as('alan'))).status).toBe(403)
  })

  it('has bans and keys managed by the operator alone', async () => {
    for (const path of ['/admin/security/bans', '/admin/security/stats', '/api-keys']) {
      expect([path, (await demo.ask(path, as('olga'))).status]).toEqual([path, 200])
      expect([path, (await demo.ask(path, as('ada'))).status]).toEqual([path, 403])
      expect([path, (await demo.ask(path)).status]).toEqual([path, 401])
    }
  })

  it('answers probes and scrapes', async () => {
    for (const path of ['/health', '/health/live', '/health/ready', '/ready']) {
      expect([path, (await demo.ask(path)).status]).toEqual([path, 200])
    }
    expect((await demo.ask('/metrics', { from: '10.0.0.9' })).text).toContain('http_requests_total{')
    expect((await demo.ask('/metrics', { from: '203.0.113.9' })).status).toBe(403)
  })

  it.each([
    ['/api/orders/00000000-0000-0000-0000-000000000000', 404, 'NOT_FOUND'],
    ['/nowhere', 404, 'NOT_FOUND'],
    ['/api/nowhere', 404, 'NOT_FOUND'],
    ['/api/slow?ms=never', 422, 'VALIDATION_ERROR'],
    ['/api/boom', 500, 'INTERNAL_ERROR'],
  ])('answers %s with %i in the envelope', async (path, status, code) => {
    const { status: sent, headers, body } = await demo.ask(path, as('alan'))
    expect([sent, body]).toMatchObject([status, { error: { code, request_id: headers.get('x-request-id') } }])
  })

  it('takes its time when asked', async () => {
    expect((await demo.ask('/api/slow?ms=5', as('alan'))).body).toEqual({ waited: 5 })
  })

  it('limits /api to 100 requests a minute and client, in any spelling, and says so in both header families', async () => {
    const noisy = { ...as('alan'), from: '203.0.113.100' }
    const statuses: number[] = []
    for (let i = 0; i < 100; i++) statuses.push((await demo.ask('/api/slow?ms=0', noisy)).status)
    expect(statuses).toEqual(Array(100).fill(200))
    const last = await demo.ask('/api/orders', noisy)
    expect(last.status).toBe(429)
    expect(Object.fromEntries(last.headers)).toMatchObject({
      'retry-after': expect.stringMatching(/^\d+$/),
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': expect.stringMatching(/^\d{10}$/),
      'ratelimit-policy': '"minute";q=100;w=60,"burst";q=50;w=1',
      ratelimit: expect.stringMatching(/^"minute";r=0;t=\d+$/),
      'x-content-type-options': 'nosniff',
    })
    for (const path of ['/API/orders', '/api//orders', '/%61pi/orders', '/api/orders/'])
      expect([path, (await demo.ask(path, noisy)).status]).toEqual([path, 429])
    expect((await demo.ask('/public/hello', noisy)).status).toBe(200)
    expect((await demo.ask('/api/slow?ms=0', { ...noisy, from: '203.0.113.101' })).status).toBe(200)
  })

  it('limits a tenant to 250 requests a minute, however many clients it has, and no other tenant', async () => {
    let limited: Awaited<ReturnType<Demo['ask']>> | undefined
    for (let i = 0; i < 260 && limited === undefined; i++) {
      const answer = await demo.ask('/api/slow?ms=0', { ...as('gus'), from: `203.0.113.${i % 4}` })
      if (answer.status !== 200) limited = answer
    }
    expect(limited?.body).toMatchObject({
      error: { code: 'RATE_LIMITED', details: { policies: [{ name: 'tenant' }] } },
    })
    expect((await demo.ask('/api/slow?ms=0', as('alan'))).status).toBe(200)
  })
})

describe.skipIf(redisUrl() === undefined)('two demos that share a Redis', () => {
  it('count a client together', async () => {
    const redis = { url: redisUrl() as string, namespace: uniqueNamespace('demo') }
    const demos = await Promise.all([startDemo('node', { redis }), startDemo('express', { redis })])
    try {
      const statuses: number[] = []
      for (let i = 0; i < 60; i++)
        for (const demo of demos) {
          const { status } = await demo.ask('/api/slow?ms=0', {
            headers: demo.bearer('alan'),
            from: '203.0.113.1',
          })
          statuses.push(status)
        }
      expect(statuses.filter(status => status === 200)).toHaveLength(100)
      expect(statuses.filter(status => status === 429)).toHaveLength(20)
    } finally {
      await Promise.all(demos.map(demo => demo.close()))
    }
  })
})
