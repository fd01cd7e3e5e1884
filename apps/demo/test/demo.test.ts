import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Running, StartHost } from '../src/hosts/host.js'
import { orderBook } from '../src/orders.js'
import { type Protection, protection } from '../src/protection.js'

const HOSTS = ['express', 'fastify', 'hono', 'koa', 'node']

describe.each(HOSTS)('the demo on %s', framework => {
  let wall: Protection
  let server: Running
  let origin: string

  beforeAll(async () => {
    const { start } = (await import(`../src/hosts/${framework}.ts`)) as { start: StartHost }
    wall = protection({ logger: silent })
    server = await start(wall, orderBook(), 0)
    origin = `http://127.0.0.1:${server.port}`
  })

  afterAll(async () => {
    await server.close()
    await wall.edge.dispose()
  })

  const answer = async (path: string, init?: RequestInit) => {
    const response = await fetch(origin + path, init)
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    }
  }
  const post = (body: string) =>
    answer('/api/orders', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })

  it('greets everybody, with the id of the request', async () => {
    const { status, headers, body } = await answer('/public/hello', { headers: { 'X-Request-ID': 'mine-1' } })
    expect([status, headers.get('x-request-id'), body]).toEqual([
      200,
      'mine-1',
      { hello: 'world', request_id: 'mine-1' },
    ])
    expect(headers.get('x-ratelimit-limit')).toBeNull()
  })

  it('lists, shows and takes orders', async () => {
    expect((await answer('/api/orders')).body).toMatchObject({
      data: [{ id: '1', item: 'anvil', quantity: 2 }, { id: '2' }],
    })
    expect((await answer('/api/orders/2')).body).toEqual({ id: '2', item: 'rope', quantity: 10 })
    const created = await post('{"item":"lamp","quantity":3}')
    expect([created.status, created.body]).toEqual([201, { id: '3', item: 'lamp', quantity: 3 }])
  })

  it.each([
    ['no JSON', '{"item', 400, undefined],
    ['an unknown and a faulty field', '{"item":"x","quantity":"y","z":1}', 422, ['z', 'quantity']],
    ['no object', '[]', 422, ['']],
  ])('refuses an order that is %s, and changes nothing', async (_title, json, status, fields) => {
    const before = await answer('/api/orders')
    const refused = await post(json)
    expect(refused.status).toBe(status)
    const error = refused.body['error'] as { details?: { fields: { field: string }[] } }
    expect(error.details?.fields.map(({ field }) => field)).toEqual(fields)
    expect((await answer('/api/orders')).body).toEqual(before.body)
  })

  it.each([
    ['/api/orders/99', 404, 'NOT_FOUND'],
    ['/nowhere', 404, 'NOT_FOUND'],
    ['/api/nowhere', 404, 'NOT_FOUND'],
    ['/api/slow?ms=never', 422, 'VALIDATION_ERROR'],
    ['/api/boom', 500, 'INTERNAL_ERROR'],
  ])('answers %s with %i in the envelope', async (path, status, code) => {
    const { status: sent, headers, body } = await answer(path)
    expect([sent, body]).toMatchObject([status, { error: { code, request_id: headers.get('x-request-id') } }])
  })

  it('takes its time when asked', async () => {
    expect((await answer('/api/slow?ms=5')).body).toEqual({ waited: 5 })
  })

  it('limits /api to 100 requests a minute, and says so in both header families', async () => {
    const { start } = (await import(`../src/hosts/${framework}.ts`)) as { start: StartHost }
    const fresh = protection({ logger: silent })
    const limited = await start(fresh, orderBook(), 0)
    try {
      const statuses: number[] = []
      let last: Response | undefined
      for (let i = 0; i < 101; i++) {
        last = await fetch(`http://127.0.0.1:${limited.port}/api/orders`)
        statuses.push(last.status)
        await last.arrayBuffer()
      }
      expect(statuses).toEqual([...Array(100).fill(200), 429])
      const headers = Object.fromEntries(last?.headers ?? [])
      expect(headers).toMatchObject({
        'retry-after': expect.stringMatching(/^\d+$/),
        'x-ratelimit-limit': '100',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': expect.stringMatching(/^\d{10}$/),
        'ratelimit-policy': '"minute";q=100;w=60,"burst";q=50;w=1',
        ratelimit: expect.stringMatching(/^"minute";r=0;t=\d+$/),
        'x-content-type-options': 'nosniff',
      })
      expect((await fetch(`http://127.0.0.1:${limited.port}/public/hello`)).status).toBe(200)
    } finally {
      await limited.close()
      await fresh.edge.dispose()
    }
  })
})

const silent = { debug() {}, info() {}, warn() {}, error() {} }
