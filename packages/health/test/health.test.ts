import { type Pipeline, pipeline, privateNetworks, trustedProxies } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { check, type HealthOptions, health, lifecycle } from '../src/index.js'
import { deferred, scene } from './support/scene.js'

const failing = (name: string) => check({ name, run: () => false })
const passing = (name: string) => check({ name, run: () => true })

test.each(['/health/live', '/health/ready', '/health/startup', '/health', '/ready'])(
  'given no checks when %s is asked then it is healthy, in the form of the seeds',
  async path => {
    const { clock, get } = scene()
    clock.advance(3_600_400)
    const { status, headers, json } = await get(path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
      vary: 'Accept',
    })
    expect(json()).toMatchObject({
      status: 'healthy',
      timestamp: new Date(1_700_003_600_400).toISOString(),
      uptime: 3600,
      checks: {},
    })
  },
)

test('given readiness when it is asked then the body says ready in so many words', async () => {
  expect((await scene().ask('/ready')).body.ready).toBe(true)
  expect((await scene({ checks: [failing('db')] }).ask('/health/ready')).body.ready).toBe(false)
})

test('given another path when a request comes then it goes on, without a promise', () => {
  const probes = health({ checks: [check({ name: 'db', run: async () => true })] })
  expect(probes.onRequest?.({ path: '/orders' } as never)).toBeUndefined()
})

test.each(['/health/', '/health/live/', '/Health', '/health%2Flive', '//health'])(
  'given %s, which is another spelling of a probe, when it is asked then it is not served',
  async url => {
    expect((await scene().get(url)).passed).toBe(true)
  },
)

test('given a query when a probe is asked then it is answered', async () => {
  expect((await scene().ask('/health?from=lb')).status).toBe(200)
})

test.each([
  ['POST', 405],
  ['DELETE', 405],
  ['HEAD', 200],
])('given the method %s when a probe is asked then the status is %i', async (method, status) => {
  const answered = await scene().get('/health', { method })
  expect(answered.status).toBe(status)
  if (status === 405) expect(answered.headers['allow']).toBe('GET, HEAD')
})

test('given a preflight when it reaches the probe then it goes on to whoever answers preflights', async () => {
  expect((await scene().get('/health', { method: 'OPTIONS' })).passed).toBe(true)
})

test('given paths of its own when they are asked then those are served and the usual ones are not', async () => {
  const { ask, get } = scene({ paths: { live: '/livez', ready: ['/readyz', '/up'], startup: false } })
  expect((await ask('/livez')).status).toBe(200)
  expect((await ask('/readyz')).status).toBe(200)
  expect((await ask('/up')).status).toBe(200)
  expect((await get('/health/live')).passed).toBe(true)
  expect((await get('/health/startup')).passed).toBe(true)
  expect((await get('/ready')).passed).toBe(true)
  expect((await ask('/health')).status).toBe(200)
})

test('given a check that fails when readiness is asked then it is 503 unhealthy, and liveness stays 200', async () => {
  const { ask } = scene({ checks: [failing('database'), passing('redis')] })
  const ready = await ask('/health/ready')
  expect(ready.status).toBe(503)
  expect(ready.body).toMatchObject({
    status: 'unhealthy',
    checks: { database: { status: 'unhealthy', latency_ms: 0 }, redis: { status: 'healthy', latency_ms: 0 } },
  })
  expect((await ask('/health')).status).toBe(503)
  expect(await ask('/health/live')).toMatchObject({ status: 200, body: { status: 'healthy', checks: {} } })
})

test('given an optional check that fails when readiness is asked then it is 200 degraded', async () => {
  const { ask } = scene({
    checks: [check({ name: 'mail', run: () => false, optional: true }), passing('db')],
  })
  const { status, body } = await ask('/health/ready')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    status: 'degraded',
    ready: true,
    checks: { mail: { status: 'unhealthy', optional: true } },
  })
})

test('given a liveness check that fails when probes ask then neither liveness nor readiness is well', async () => {
  const { ask } = scene({ checks: [check({ name: 'worker', run: () => false, kinds: ['live'] })] })
  expect((await ask('/health/live')).status).toBe(503)
  expect((await ask('/health/ready')).status).toBe(503)
  expect((await ask('/health/startup')).status).toBe(200)
})

test('given a start-up check when it has passed once then start-up stays done, and readiness forgets it', async () => {
  let warm = false
  const { ask, clock } = scene({ checks: [check({ name: 'warm', run: () => warm, kinds: ['startup'] })] })
  expect((await ask('/health/startup')).status).toBe(503)
  expect((await ask('/health/ready')).status).toBe(503)
  expect((await ask('/health/live')).status).toBe(200)
  warm = true
  clock.advance(1000)
  expect((await ask('/health/startup')).status).toBe(200)
  warm = false
  clock.advance(1000)
  expect(await ask('/health/startup')).toMatchObject({ status: 200, body: { checks: {} } })
  expect(await ask('/health/ready')).toMatchObject({ status: 200, body: { checks: {} } })
})

test('given a start-up check when only readiness is ever asked then that latches it', async () => {
  let warm = true
  const { ask, clock } = scene({ checks: [check({ name: 'warm', run: () => warm, kinds: ['startup'] })] })
  expect((await ask('/ready')).status).toBe(200)
  warm = false
  clock.advance(1000)
  expect((await ask('/health/startup')).status).toBe(200)
})

test('given a drain when probes ask then readiness is 503 draining without asking anybody, and liveness stays 200', async () => {
  const life = lifecycle()
  let asked = 0
  const run = () => {
    asked++
    return true
  }
  const { ask, clock, changes } = scene({ lifecycle: life, checks: [check({ name: 'db', run })] })
  expect((await ask('/ready')).status).toBe(200)
  life.drain('test')
  clock.advance(10_000)
  expect(await ask('/ready')).toMatchObject({
    status: 503,
    body: { status: 'draining', ready: false, checks: { db: { status: 'healthy' } } },
  })
  expect((await ask('/health')).status).toBe(503)
  expect((await ask('/health/live')).status).toBe(200)
  expect((await ask('/health/startup')).status).toBe(200)
  expect(asked).toBe(1)
  expect(changes.map(({ previous, status }) => `${previous}>${status}`)).toEqual([
    'unknown>healthy',
    'healthy>draining',
  ])
})

test('given a drain that begins while a check runs when it has ended then the answer is draining all the same', async () => {
  const life = lifecycle()
  const gate = deferred<boolean>()
  const { ask } = scene({ lifecycle: life, checks: [check({ name: 'db', run: () => gate.promise })] })
  const asked = ask('/ready')
  life.drain('test')
  gate.resolve(true)
  expect((await asked).status).toBe(503)
})

test('given changes of readiness when probes ask then each is told once, with what fails', async () => {
  let well = true
  const flaky = check({ name: 'db', run: () => well })
  const { ask, clock, changes } = scene({
    checks: [flaky, check({ name: 'mail', run: () => false, optional: true })],
  })
  await ask('/ready')
  await ask('/health')
  well = false
  clock.advance(1000)
  await ask('/ready')
  await ask('/ready')
  well = true
  clock.advance(1000)
  await ask('/ready')
  expect(changes).toEqual([
    { status: 'degraded', previous: 'unknown', failing: ['mail'] },
    { status: 'unhealthy', previous: 'degraded', failing: ['db', 'mail'] },
    { status: 'degraded', previous: 'unhealthy', failing: ['mail'] },
  ])
})

test('given a check that is added and taken away when readiness is asked then it counts only in between', async () => {
  const { ask, probes } = scene()
  const remove = probes.add(failing('late'))
  expect((await ask('/ready')).status).toBe(503)
  await remove()
  expect((await ask('/ready')).status).toBe(200)
})

test('given a report when the team asks for it then it is what readiness says', async () => {
  const { probes } = scene({ checks: [failing('db')] })
  const report = await probes.report()
  expect(report.status).toBe('unhealthy')
  expect(report.checks.map(one => [one.check.name, one.result?.healthy])).toEqual([['db', false]])
})

test('given disposal when it happens then every check is closed, also behind one that fails to', async () => {
  const closed: string[] = []
  const closing = (name: string) => ({
    ...passing(name),
    dispose: () => {
      closed.push(name)
      if (name === 'b') throw new Error('stuck')
    },
  })
  const { edge } = scene({ checks: [closing('a'), closing('b'), closing('c')] })
  await expect(edge.dispose()).rejects.toThrow('failed to dispose')
  expect(closed).toEqual(['a', 'b', 'c'])
})

describe('in two pipelines, for two ports', () => {
  const stand = () => {
    const closed: string[] = []
    const life = lifecycle()
    const probes = health({
      lifecycle: life,
      checks: [{ ...passing('db'), dispose: () => void closed.push('db') }],
    })
    const told: string[] = []
    const edges = ['a', 'b'].map(name => {
      const edge = pipeline().use(probes)
      edge.events.on('health:changed', ({ status }) => told.push(`${name}: ${status}`))
      edge.compile()
      return edge
    })
    return { closed, edges: edges as [Pipeline, Pipeline], life, probes, told }
  }

  test('given readiness that changes when one of them asks then both are told', async () => {
    const { edges, life, told } = stand()
    await inject(edges[0], { url: '/ready' })
    life.drain('test')
    expect(told).toEqual(['a: healthy', 'b: healthy', 'a: draining', 'b: draining'])
  })

  test('given one that is disposed of when the other asks then its checks are open, and only it is told', async () => {
    const { edges, closed, life, told } = stand()
    await edges[0].dispose()
    expect(closed).toEqual([])
    expect((await inject(edges[1], { url: '/ready', peer: '127.0.0.1' })).json()).toMatchObject({
      checks: { db: { status: 'healthy' } },
    })
    life.drain('test')
    expect(told).toEqual(['b: healthy', 'b: draining'])
    await edges[1].dispose()
    expect(closed).toEqual(['db'])
  })

  test('given the team disposes of it itself when it drains then no pipeline is told, and its checks are closed once', async () => {
    const { closed, edges, life, probes, told } = stand()
    await probes.dispose?.()
    life.drain('test')
    await inject(edges[0], { url: '/ready' })
    for (const edge of edges) await edge.dispose()
    expect(told).toEqual([])
    expect(closed).toEqual(['db'])
  })
})

const secret = 'connect ECONNREFUSED db.internal:5432 password=hunter2'
const broken = check({
  name: 'database',
  run: () => {
    throw new Error(secret)
  },
})

test.each([
  ['a public address', { peer: '203.0.113.9' }, false],
  ['no address', { peer: null }, false],
  ['loopback', { peer: '127.0.0.1' }, true],
  ['loopback in IPv6', { peer: '::1' }, true],
  ['loopback, mapped', { peer: '::ffff:127.0.0.1' }, true],
  ['a private network', { peer: '10.1.2.3' }, true],
  ['a unique local address', { peer: 'fd00::1' }, true],
  [
    'a proxy that trust does not know',
    { peer: '10.0.0.1', headers: { 'X-Forwarded-For': '203.0.113.9' } },
    false,
  ],
  ['a proxy that says so in Forwarded', { peer: '10.0.0.1', headers: { Forwarded: 'for=10.0.0.2' } }, false],
  ['a proxy that says so in Via', { peer: '10.0.0.1', headers: { Via: '1.1 edge' } }, false],
])('given %s when readiness fails then details are shown: %s %s', async (_who, request, shown) => {
  const byDefault = { checks: [broken], authorize: undefined } as unknown as HealthOptions
  const { status, body, json } = await scene(byDefault).get('/ready', request)
  expect(status).toBe(503)
  expect('checks' in (json() as object)).toBe(shown)
  expect(body.includes('database')).toBe(shown)
  // Without `authorize` no caller sees the texts of errors, in either form.
  expect(body).not.toContain(secret)
  const headers = { ...('headers' in request ? request.headers : {}), accept: 'application/health+json' }
  const other = await scene(byDefault).get('/health', { ...request, headers })
  expect([other.body.includes('database'), other.body.includes(secret)]).toEqual([shown, false])
  // A guard decides over both.
  const guarded = await scene({ checks: [broken], authorize: privateNetworks() }).get('/ready', request)
  expect(guarded.body.includes(secret)).toBe(shown)
})

test.each([
  ['a public client', '203.0.113.9', false],
  ['a private client', '192.168.1.7', true],
  // It may be the proxy's own probe, or any client of a proxy that adds no header: not verified.
  ['no forwarded client', undefined, false],
  ['a malformed client', 'unknown', false],
])(
  'given a trusted proxy and %s when readiness is asked then details are shown: %s %s',
  async (_who, client, shown) => {
    const { get } = scene({ checks: [broken] }, { trust: trustedProxies(['10.0.0.1/32']) })
    const headers = client === undefined ? {} : { 'X-Forwarded-For': client }
    const { json } = await get('/ready', { peer: '10.0.0.1', headers })
    expect('checks' in (json() as object)).toBe(shown)
  },
)

test.each([
  ['allows', () => true, true],
  ['allows by a decision', () => ({ allow: true }) as const, true],
  ['allows later', async () => true, true],
  ['refuses', () => false, false],
  ['answers nonsense', () => 'yes' as unknown as boolean, false],
  [
    'throws',
    () => {
      throw new Error('no session')
    },
    false,
  ],
  ['rejects', () => Promise.reject(new Error('no session')), false],
])(
  'given a guard that %s when readiness is asked then it alone decides about details',
  async (how, authorize, shown) => {
    const { get, errors } = scene({ authorize, checks: [passing('db')] })
    for (const peer of ['127.0.0.1', '203.0.113.9']) {
      const { status, json } = await get('/ready', { peer })
      expect(status).toBe(200)
      expect('checks' in (json() as object)).toBe(shown)
    }
    expect(errors).toHaveLength(how === 'throws' || how === 'rejects' ? 2 : 0)
  },
)

test('given a guard that never answers when readiness is asked then it is answered in time, without details', async () => {
  const { get } = scene({ authorize: () => new Promise<boolean>(() => {}), timeout: 20 })
  const { status, json } = await get('/ready')
  expect(status).toBe(200)
  expect(json()).not.toHaveProperty('checks')
})

test.each([
  ['application/health+json', true],
  ['application/health+json;q=0.5, application/json;q=0.4', true],
  ['Application/Health+JSON, */*', true],
  ['application/health+json;q=0', false],
  ['application/health+json;q=0.4, application/json', false],
  ['application/json', false],
  ['*/*', false],
  [`application/health+json, ${'x'.repeat(2000)}`, false],
])('given Accept: %s when health is asked then it is health+json: %s', async (accept, expected) => {
  const { headers } = await scene().get('/health', { headers: { Accept: accept } })
  expect(headers['content-type']).toBe(
    expected ? 'application/health+json' : 'application/json; charset=utf-8',
  )
})

test('given health+json when checks fail then they are in the form of the draft', async () => {
  const { get } = scene({
    checks: [broken, check({ name: 'mail', run: () => false, optional: true }), passing('redis')],
  })
  const { json, status } = await get('/health', { headers: { Accept: 'application/health+json' } })
  expect(status).toBe(503)
  const time = new Date(1_700_000_000_000).toISOString()
  expect(json()).toEqual({
    status: 'fail',
    checks: {
      uptime: [{ componentType: 'system', observedValue: 0, observedUnit: 's', status: 'pass', time }],
      'database:responseTime': [
        { status: 'fail', time, observedValue: 0, observedUnit: 'ms', output: secret },
      ],
      'mail:responseTime': [
        {
          status: 'warn',
          time,
          observedValue: 0,
          observedUnit: 'ms',
          output: 'the check says it is unhealthy',
        },
      ],
      'redis:responseTime': [{ status: 'pass', time, observedValue: 0, observedUnit: 'ms' }],
    },
  })
})
