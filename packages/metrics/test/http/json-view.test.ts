import type { Identity } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { formatUptime } from '../../src/exposition/uptime.js'
import { NOW, samplesOf, stand } from '../support/stand.js'

const request = { requestId: 'r', method: 'GET', path: '/' }
const identity: Identity = {
  subject: 'u',
  method: 'jwt',
  scopes: new Set(),
  roles: new Set(),
  claims: {},
}

describe('the JSON view', () => {
  it('given nothing happened yet, then every field is there', () => {
    expect(stand().metrics.json()).toEqual({
      uptime: { milliseconds: 0, seconds: 0, formatted: '0h 0m 0s' },
      requests: {
        total: 0,
        rps: '0.00',
        byMethod: {},
        byStatus: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 },
        topPaths: [],
        duration: { p50: 0, p95: 0, p99: 0, avg: '0.00' },
        inFlight: 0,
      },
      auth: { total: 0, success: 0, failure: 0, successRate: '0.00%', byMethod: {} },
      resources: { total: 0, created: 0, updated: 0, deleted: 0, byResource: {} },
      users: { logins: 0, newUsers: 0 },
      errors: { total: 0, rate: '0.00%', byType: {} },
    })
  })

  it('given requests and events, then it has the shape and the formats of the documented example', async () => {
    const { metrics, clock, send, events } = stand()
    clock.advance(3_590_000)
    for (let i = 0; i < 8; i++) await send({ route: '/api/users', ms: 20 })
    await send({ route: '/api/users', status: 500, ms: 40 })
    await send({ route: '/api/users', method: 'POST', status: 201, ms: 100 })
    await send({ route: '/api/orders', status: 404, ms: 700 })
    events.emit('auth:success', { ...request, strategy: 'jwt', identity })
    events.emit('auth:success', { ...request, strategy: 'oidc', identity })
    const refused = { ...request, ip: undefined, subject: undefined, reason: 'expired' }
    events.emit('auth:failure', { ...refused, strategy: 'jwt' })
    events.emit('auth:failure', { ...refused, strategy: undefined })
    events.emit('resource:created', { resource: 'users' })
    events.emit('resource:updated', { resource: 'users' })
    events.emit('resource:updated', { resource: 'orders' })
    events.emit('resource:deleted', { resource: 'users' })
    events.emit('user:login', { subject: 'u', strategy: 'jwt', ip: undefined })
    events.emit('user:created', { subject: 'u' })
    events.emit('request:error', { ...request, error: new TypeError('x'), by: undefined })
    events.emit('request:error', { ...request, error: 'text', by: undefined })
    clock.advance(9000)
    const view = metrics.json()
    expect(view).toEqual({
      uptime: { milliseconds: 3_600_000, seconds: 3600, formatted: '1h 0m 0s' },
      requests: {
        total: 11,
        rps: '0.11',
        byMethod: { GET: 10, POST: 1 },
        byStatus: { '1xx': 0, '2xx': 9, '3xx': 0, '4xx': 1, '5xx': 1 },
        topPaths: [
          { path: '/api/users', count: 10, avgDuration: '30.00', errors: 1, errorRate: '10.00%' },
          { path: '/api/orders', count: 1, avgDuration: '700.00', errors: 0, errorRate: '0.00%' },
        ],
        duration: { p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number), avg: '90.91' },
        inFlight: 0,
      },
      auth: {
        total: 3,
        success: 2,
        failure: 1,
        successRate: '66.67%',
        byMethod: {
          jwt: { success: 1, failure: 1 },
          oidc: { success: 1, failure: 0 },
        },
      },
      resources: {
        total: 4,
        created: 1,
        updated: 2,
        deleted: 1,
        byResource: {
          users: { created: 1, updated: 1, deleted: 1 },
          orders: { created: 0, updated: 1, deleted: 0 },
        },
      },
      users: { logins: 1, newUsers: 1 },
      errors: { total: 1, rate: '9.09%', byType: { TypeError: 1, string: 1 } },
    })
    const { p50, p95, p99 } = view.requests.duration
    for (const [actual, wanted] of [
      [p50, 20],
      [p95, 700],
      [p99, 700],
    ] as const)
      expect(Math.abs(actual - wanted) / wanted).toBeLessThan(0.01)
  })

  it('given the machine clock steps, then neither uptime nor rate nor percentiles follow', async () => {
    const { metrics, clock, send } = stand()
    await send({ ms: 10 })
    clock.set(NOW - 86_400_000)
    await send({ ms: 10 })
    clock.set(NOW + 86_400_000)
    await send({ ms: 10 })
    const { uptime, requests } = metrics.json()
    expect(uptime.milliseconds).toBe(30)
    expect(requests).toMatchObject({ total: 3, rps: '3.00', duration: { avg: '10.00' } })
  })

  it('given more than ten routes, then the ten that were asked for most are shown, in order', async () => {
    const { metrics, send } = stand()
    for (let i = 1; i <= 12; i++) for (let n = 0; n < i; n++) await send({ route: `/r${i}` })
    const { topPaths } = metrics.json().requests
    expect(topPaths.map(({ path }) => path)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map(i => `/r${i}`))
  })

  it('given names from outside, then at most 100 are kept, and none becomes a property of all objects', () => {
    const { metrics, events } = stand()
    events.emit('resource:created', { resource: '__proto__' })
    for (let i = 0; i < 200; i++) events.emit('resource:created', { resource: `r${i}`.padEnd(300, 'x') })
    const { byResource, created } = metrics.json().resources
    expect(created).toBe(201)
    expect(Object.keys(byResource)).toHaveLength(101)
    expect(byResource['_other']).toMatchObject({ created: 101 })
    expect(Object.getOwnPropertyDescriptor(byResource, '__proto__')?.value).toMatchObject({ created: 1 })
    expect(Math.max(...Object.keys(byResource).map(name => name.length))).toBe(200)
  })
})

describe('resetInterval', () => {
  it('given it has passed, then the view begins anew and Prometheus counters go on', async () => {
    const { metrics, clock, send, events } = stand({ resetInterval: '5m' })
    await send({ route: '/a', status: 500, ms: 10 })
    events.emit('user:created', { subject: 'u' })
    clock.advance(300_000)
    expect(metrics.json()).toMatchObject({
      requests: { total: 0, byMethod: {}, byStatus: { '5xx': 0 }, topPaths: [] },
      users: { newUsers: 0 },
      errors: { total: 0, rate: '0.00%' },
    })
    await send({ route: '/a', ms: 30 })
    expect(metrics.json().requests).toMatchObject({
      total: 1,
      byStatus: { '2xx': 1 },
      topPaths: [{ path: '/a', count: 1, avgDuration: '30.00', errors: 0 }],
    })
    const samples = samplesOf(await metrics.text())
    expect(samples.get('http_requests_total{method="GET",route="/a",status="500"}')).toBe('1')
    expect(samples.get('users_created_total')).toBe('1')
  })

  it('given nobody looked when it passed, then what came after it is in the new view all the same', async () => {
    const { metrics, clock, send, events } = stand({ resetInterval: '1m' })
    await send()
    clock.advance(60_000)
    events.emit('user:created', { subject: 'u' })
    await send()
    clock.advance(30_000)
    expect(metrics.json()).toMatchObject({ requests: { total: 1 }, users: { newUsers: 1 } })
  })

  it('given false, then it never does', async () => {
    const { metrics, clock, send } = stand({ resetInterval: false })
    await send()
    clock.advance(365 * 86_400_000)
    expect(metrics.json().requests.total).toBe(1)
  })
})

it.each([
  [0, '0h 0m 0s'],
  [999, '0h 0m 0s'],
  [61_000, '0h 1m 1s'],
  [3_600_000, '1h 0m 0s'],
  [90_061_000, '1d 1h 1m 1s'],
])('an uptime of %i ms is written as %s', (ms, text) => {
  expect(formatUptime(ms)).toBe(text)
})
