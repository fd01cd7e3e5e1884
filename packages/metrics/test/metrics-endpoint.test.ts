import { ConfigError, type Identity, pipeline, provideIdentity, type RequestContext } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { type Metrics, metrics, metricsEndpoint } from '../src/index.js'
import { samplesOf } from './support/stand.js'

type Known = RequestContext<{ identity: Identity }>

const identityOf = (role: string): Identity => ({
  subject: role,
  method: 'own',
  scopes: new Set(),
  roles: new Set([role]),
  claims: {},
})
/** A login by a header, whose answer has a role. */
const login = () => provideIdentity(ctx => identityOf(ctx.header('x-role') ?? 'nobody'))
const isOperator = (ctx: Known) => ctx.state.identity.roles.has('ops')
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const STRANGER = '203.0.113.9'
const as = (role: string) => ({ peer: STRANGER, headers: { 'x-role': role } })

describe('behind a login, in the same pipeline', () => {
  const stand = (path?: string) => {
    const counted = metrics({ path: false })
    const edge = pipeline({ logger: quiet })
      .use(counted)
      .use(login())
      .use(metricsEndpoint(counted, { authorize: isOperator, ...(path !== undefined && { path }) }))
    return { counted, edge }
  }

  it('given an operator from anywhere, then the text, or JSON as asked', async () => {
    const { edge } = stand()
    const text = await inject(edge, { url: '/metrics', ...as('ops') })
    expect([text.status, text.headers]).toEqual([
      200,
      {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'cache-control': 'no-store',
        vary: 'Accept',
      },
    ])
    expect(text.body).toContain('# TYPE http_requests_total counter\n')
    const json = await inject(edge, { url: '/metrics.json', ...as('ops') })
    expect(json.json()).toMatchObject({ requests: { total: 1, inFlight: 1 } })
  })

  it('given somebody else who has logged in, or a neighbour, then a refusal that tells nothing', async () => {
    const { edge } = stand()
    for (const url of ['/metrics', '/metrics.json'])
      for (const request of [as('user'), { peer: '127.0.0.1' }]) {
        const { status, body } = await inject(edge, { url, ...request })
        expect(status).toBe(403)
        expect(body).not.toMatch(/http_requests|uptime/)
      }
  })

  it('given scrapes and refusals, then they are counted under its paths, and the refusals as such', async () => {
    const { edge, counted } = stand('/internal/stats')
    await inject(edge, { url: '/internal/stats', ...as('ops') })
    await inject(edge, { url: '/internal/stats.json', ...as('ops') })
    await inject(edge, { url: '/internal/stats', ...as('user') })
    const samples = samplesOf(await counted.text())
    const of = (route: string, status: number) =>
      samples.get(`http_requests_total{method="GET",route="${route}",status="${status}"}`)
    expect([of('/internal/stats', 200), of('/internal/stats.json', 200)]).toEqual(['1', '1'])
    expect(of('/internal/stats', 403)).toBe('1')
    expect(
      samples.get(
        'guards_denied_total{by="metricsEndpoint",rule="authorize",code="FORBIDDEN",mode="enforce"}',
      ),
    ).toBe('1')
  })

  it.each(['/metricsx', '/metric', '/', '/m', '/orders', '*'])(
    'given %s, then it is for somebody else',
    async url => {
      expect((await inject(stand().edge, { url, ...as('ops') })).passed).toBe(true)
    },
  )

  it('given HEAD and another method, then what GET has, and 405', async () => {
    const { edge } = stand()
    expect((await inject(edge, { url: '/metrics', method: 'HEAD', ...as('ops') })).status).toBe(200)
    const { status, headers } = await inject(edge, { url: '/metrics', method: 'DELETE', ...as('ops') })
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD'])
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the role store is down')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('the role store is down'))],
    ['answers nothing', () => undefined],
  ])('given a guard that %s, then it is a 500 and tells nothing', async (_how, authorize) => {
    const counted = metrics({ path: false })
    const edge = pipeline({ logger: quiet, production: true })
      .use(counted)
      .use(metricsEndpoint(counted, { authorize: authorize as () => boolean }))
    const { status, body } = await inject(edge, { url: '/metrics' })
    expect(status).toBe(500)
    expect(body).not.toMatch(/http_requests|role store/)
  })
})

describe('in a branch', () => {
  it('given a guard in front of it, then who passes that may read, and who does not is counted', async () => {
    const counted = metrics({ path: false })
    const edge = pipeline().use(counted).use(login())
    const operators = edge
      .branch()
      .use({
        name: 'gate',
        needs: ['identity'],
        onRequest: ctx =>
          isOperator(ctx as Known)
            ? undefined
            : ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no', by: 'gate' }),
      })
      .use(metricsEndpoint(counted, { authorize: () => true }))
    const refused = await inject(operators, { url: '/metrics', route: '/metrics', ...as('user') })
    expect([refused.status, refused.body.includes('http_requests')]).toEqual([403, false])
    const { status, body } = await inject(operators, { url: '/metrics', route: '/metrics', ...as('ops') })
    expect(status).toBe(200)
    expect(body).toContain('http_requests_total{method="GET",route="/metrics",status="403"} 1\n')
    expect(body).toContain('guards_denied_total{by="gate",code="FORBIDDEN",mode="enforce"} 1\n')
  })
})

describe('in another pipeline, for a port of its own', () => {
  const stand = () => {
    const counted = metrics()
    const shop = pipeline().use(counted)
    const inside = pipeline({ logger: quiet, production: true }).use(
      metricsEndpoint(counted, { authorize: () => true }),
    )
    return { counted, shop, inside }
  }

  it('given the shop runs, then its counts are served, and those who read them are not among them', async () => {
    const { shop, inside } = stand()
    shop.compile()
    await inject(shop, { route: '/orders' })
    for (let i = 0; i < 3; i++) await inject(inside, { url: '/metrics' })
    const { body } = await inject(inside, { url: '/metrics' })
    expect([...samplesOf(body)].filter(([name]) => name.startsWith('http_requests_total'))).toEqual([
      ['http_requests_total{method="GET",route="/orders",status="200"}', '1'],
    ])
  })

  it('given the shop does not run yet, then it is a 500', async () => {
    expect((await inject(stand().inside, { url: '/metrics' })).status).toBe(500)
  })

  it('given it is disposed, then the shop is counted on', async () => {
    const { shop, inside, counted } = stand()
    shop.compile()
    inside.compile()
    await inside.dispose()
    shop.events.emit('user:created', { subject: 'u' })
    expect(samplesOf(await counted.text()).get('users_created_total')).toBe('1')
  })
})

describe('what is wrong is found at start-up', () => {
  const refused = (build: () => unknown): ConfigError => {
    try {
      build()
    } catch (error) {
      if (error instanceof ConfigError) return error
      throw error
    }
    throw new Error('nothing was refused')
  }
  const authorize = () => true

  it.each<[string, unknown, object | undefined, string, RegExp]>([
    ['no options', metrics(), undefined, 'authorize', /it is required/],
    ['no guard', metrics(), { path: '/m' }, 'authorize', /it is required/],
    ['a guard that is none', metrics(), { authorize: true }, 'authorize', /guard/],
    ['a path that is none', metrics(), { authorize, path: 'metrics' }, 'path', /path such as/],
    ['a path without end', metrics(), { authorize, path: `/${'a'.repeat(195)}` }, 'path', /path such as/],
    ['an option that there is not', metrics(), { authorize, pth: '/' }, 'pth', /did you mean "path"/],
    ['no metrics()', undefined, { authorize }, 'metrics', /what metrics\(\) returns/],
    ['null', null, { authorize }, 'metrics', /what metrics\(\) returns/],
    ['the factory itself', metrics, { authorize }, 'metrics', /what metrics\(\) returns/],
    ['another middleware', login(), { authorize }, 'metrics', /what metrics\(\) returns/],
    ['options alone', { authorize }, undefined, 'metrics', /what metrics\(\) returns/],
  ])('given %s, then it names the mistake', (_what, counted, options, option, allowed) => {
    const error = refused(() => metricsEndpoint(counted as Metrics, options as { authorize: () => true }))
    expect(error).toMatchObject({ owner: 'metricsEndpoint', option })
    expect(error.message).toMatch(allowed)
  })

  it.each([
    ['the same path', '/metrics', '/metrics'],
    ['one below it', '/metrics', '/metrics/all'],
    ['one below its JSON', '/metrics', '/metrics.json/all'],
    ['one whose JSON is its text', '/stats.json', '/stats'],
  ])('given %s as metrics() in front of it answers, then it does not compile', (_what, own, path) => {
    const [a, b] = [metrics({ path: own }), metrics({ path: own })]
    const behind = pipeline().use(a).use(metricsEndpoint(a, { path, authorize }))
    const branch = pipeline().use(b).branch().use(metricsEndpoint(b, { path, authorize }))
    for (const edge of [behind, branch]) {
      const error = refused(() => edge.compile())
      expect(error).toMatchObject({ owner: 'metricsEndpoint', option: 'path' })
      expect(error.message).toContain('metrics({ path: false })')
    }
  })

  it('given another path than metrics() has, then both are served', async () => {
    const counted = metrics()
    const edge = pipeline()
      .use(counted)
      .use(login())
      .use(metricsEndpoint(counted, { path: '/metrics-for-people', authorize: isOperator }))
    expect((await inject(edge, { url: '/metrics', peer: '127.0.0.1' })).status).toBe(200)
    expect((await inject(edge, { url: '/metrics-for-people', ...as('ops') })).status).toBe(200)
    expect((await inject(edge, { url: '/metrics', ...as('ops') })).status).toBe(403)
  })
})
