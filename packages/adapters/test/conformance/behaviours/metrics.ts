/**
 * Metrics, access log and trace context, on every host: what is counted under which labels, and who
 * may read it.
 */
import { type Identity, type Logger, type Pipeline, provideIdentity, trustedProxies } from '@palisade/core'
import { guard, requireRole } from '@palisade/guards'
import {
  accessLog,
  type Metrics,
  metrics,
  metricsEndpoint,
  type Trace,
  traceContext,
  traceparentOf,
} from '@palisade/metrics'
import { expect } from 'vitest'
import { empty, text } from '../answers.js'
import { type App, type Behaviour, type Expected, get, post, type Script } from '../behaviour.js'
import type { Answered, ClientRequest } from '../client/client.js'
import type { Probe } from '../probe.js'

const counted = (probe: Probe): Pipeline =>
  probe
    .pipeline()
    .use(probe.middleware('a'))
    .use(metrics())
    .use(
      probe.middleware('gate', {
        onRequest: ctx =>
          ctx.header('x-closed') === undefined
            ? undefined
            : ctx.deny({ status: 403, code: 'CLOSED', message: 'no', by: 'gate' }),
      }),
    )

const app: App = {
  errorHandler: true,
  routes: [
    get('/orders/:id', text('ok')),
    get('/missing/:id', empty(404)),
    get('/fails/:id', () => {
      throw new Error('boom')
    }),
    get('/waits/:id', async ({ probe }) => {
      probe.gate('reached').open()
      await probe.gate('go').opened
      return text('late')
    }),
    post('/orders', text('made', { status: 201 })),
  ],
}

/**
 * One request after the other, each when the one before has really ended; then what was counted.
 */
const eachToItsEnd =
  (...requests: readonly ClientRequest[]): Script =>
  async (client, probe) => {
    for (const request of requests) {
      await client.send(request)
      await probe.settled()
    }
    return [await client.send({ target: '/metrics' })]
  }

/** As above, and what each was answered. */
const eachToItsEndAll =
  (requests: readonly ClientRequest[]): Script =>
  async (client, probe) => {
    const answers: Answered[] = []
    for (const request of requests) {
      answers.push(await client.send(request))
      await probe.settled()
    }
    return answers
  }

const leavesEarly: Script = async (client, probe) => {
  const exchange = client.start({ target: '/waits/7' })
  await probe.gate('reached').opened
  exchange.leave()
  await probe.settled()
  probe.gate('go').open()
  return [await client.send({ target: '/metrics' })]
}

/** The lines of a metric, `labels value`. */
const linesOf = (name: string, body: string) =>
  body
    .split('\n')
    .filter(line => line.startsWith(`${name}{`))
    .map(line => line.slice(name.length))

const shows =
  (name: string, ...lines: readonly string[]) =>
  (body: string) =>
    expect(linesOf(name, body)).toEqual(lines)

const everyKind = eachToItsEnd(
  { target: '/orders/7?token=secret' },
  { target: '/orders/8' },
  { target: '/orders/8', method: 'HEAD' },
  { target: '/missing/7' },
  { target: '/fails/7' },
  { target: '/orders', method: 'POST', body: 'x'.repeat(200) },
  { target: '/orders/7', headers: { 'X-Closed': 'yes' } },
)

const forwardedFor = (ip: string, target = '/metrics'): ClientRequest => ({
  target,
  headers: { 'X-Forwarded-For': ip },
})

const logging = (probe: Probe, of: (level: string, record: Record<string, unknown>) => string): Pipeline => {
  const write = (level: string) => (record: object) =>
    probe.note(of(level, record as Record<string, unknown>))
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  return probe
    .pipeline({ trust: trustedProxies(['loopback']) })
    .use(probe.middleware('a'))
    .use(accessLog({ logger, headers: ['x-app'] }))
}

type Known = Pipeline<{ identity: Identity }>

const counters = new WeakMap<Probe, Metrics>()

/** The one `metrics()` of a run, for its edge and its branches; it serves nothing itself. */
function counterOf(probe: Probe): Metrics {
  const counter = counters.get(probe) ?? metrics({ path: false })
  counters.set(probe, counter)
  return counter
}

/** The header stands for a login. */
const behindLogin = (probe: Probe): Known =>
  probe
    .pipeline()
    .use(probe.middleware('a'))
    .use(counterOf(probe))
    .use(
      provideIdentity(ctx => {
        const role = ctx.header('x-role')
        if (role === undefined) return undefined as unknown as Identity
        return { subject: role, method: 'own', scopes: new Set<string>(), roles: new Set([role]), claims: {} }
      }),
    )

const asking: readonly ClientRequest[] = ['/metrics', '/metrics.json'].flatMap(target => [
  { target },
  { target, headers: { 'X-Role': 'user' } },
  { target, headers: { 'X-Role': 'ops' } },
])

const tells = (kind: RegExp): readonly Expected[] => {
  const nothing = (body: string) => expect(body).not.toMatch(/http_requests|uptime/)
  return [
    { status: 401, body: nothing },
    { status: 403, body: nothing },
    { status: 200, headers: { 'Cache-Control': 'no-store' }, body: kind },
  ]
}
const tellsOperators = [
  // The guard refuses in front of the endpoint. Without a router no template has been named by
  // then.
  ...tells(/^http_requests_total\{method="GET",route="(?:\/metrics|_unmatched)",status="403"\} 1$/m),
  ...tells(/^\{"uptime":.*"topPaths":\[\{"path":"(?:\/metrics|_unmatched)"/),
]

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

const traced: Pick<Behaviour, 'edge' | 'app'> = {
  edge: probe => probe.pipeline().use(probe.middleware('a')).use(traceContext()),
  app: {
    routes: [
      get('/', view => {
        const trace = view.state()['trace'] as Trace
        return text(`${traceparentOf(trace)} ${trace.parentId} ${trace.state}`)
      }),
    ],
  },
}

export const measured: readonly Behaviour[] = [
  {
    title: 'given metrics when requests end in every way then each is counted once under its template',
    edge: counted,
    app,
    when: everyKind,
    gets: {
      status: 200,
      headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
      body: body => {
        const lines = linesOf('http_requests_total', body)
        expect(lines).toHaveLength(6)
        // Where a refusal comes before routing there is no template yet.
        expect(lines).toEqual(
          expect.arrayContaining([
            '{method="GET",route="/orders/:id",status="200"} 2',
            '{method="HEAD",route="/orders/:id",status="200"} 1',
            '{method="GET",route="/missing/:id",status="404"} 1',
            '{method="GET",route="/fails/:id",status="500"} 1',
            '{method="POST",route="/orders",status="201"} 1',
            expect.stringMatching(/^\{method="GET",route="(?:\/orders\/:id|_unmatched)",status="403"\} 1$/),
          ]),
        )
        expect(body).not.toContain('secret')
        expect(body).toContain(
          'http_request_size_bytes_sum{method="POST",route="/orders",status="201"} 200\n',
        )
      },
    },
    needs: ['router'],
    logs: 'any',
  },
  {
    title: 'given metrics when requests end in every way then each is counted once by method and status',
    edge: counted,
    app,
    when: everyKind,
    gets: {
      body: body => {
        const byStatus = new Map<string, number>()
        for (const line of linesOf('http_requests_total', body)) {
          const [, method, status, count] = /method="(\w+)".*status="(\d+)"\} (\d+)/.exec(line) ?? []
          const key = `${method} ${status}`
          byStatus.set(key, (byStatus.get(key) ?? 0) + Number(count))
        }
        expect(Object.fromEntries(byStatus)).toEqual({
          'GET 200': 2,
          'HEAD 200': 1,
          'GET 404': 1,
          'GET 500': 1,
          'POST 201': 1,
          'GET 403': 1,
        })
        shows('guards_denied_total', '{by="gate",code="CLOSED",mode="enforce"} 1')(body)
        expect(body).toContain('http_requests_in_flight 1\n')
      },
    },
    logs: 'any',
  },
  {
    title: 'given metrics when no route matches then no path becomes a label',
    edge: counted,
    app,
    when: eachToItsEnd({ target: '/wp-login.php' }, { target: '/.env' }, { target: '/a/b/c' }),
    gets: { body: shows('http_requests_total', '{method="GET",route="_unmatched",status="404"} 3') },
    needs: ['router'],
  },
  {
    title: 'given metrics when the client leaves before the headers then it is a 499 and aborted',
    edge: counted,
    app,
    when: leavesEarly,
    gets: {
      body: body => {
        for (const name of ['http_requests_total', 'http_requests_aborted_total'])
          expect(linesOf(name, body)).toEqual([
            expect.stringMatching(/^\{method="GET",route="[^"]+",status="499"\} 1$/),
          ])
        expect(body).toContain('http_requests_in_flight 1\n')
      },
    },
  },
  {
    title: 'given metrics when the length of an answer is known then it is counted',
    edge: counted,
    app: { routes: [get('/', text('12345', { headers: { 'Content-Length': '5' } }))] },
    when: eachToItsEnd({}),
    gets: { body: /^http_response_size_bytes_sum\{method="GET",route="[^"]+",status="200"\} 5$/m },
  },
  {
    title: 'given metrics when JSON is asked for then the view is answered, at both addresses',
    edge: counted,
    when: [
      { target: '/metrics', headers: { Accept: 'application/json' } },
      { target: '/metrics.json' },
      { target: '/metrics', method: 'HEAD' },
      { target: '/metrics', method: 'DELETE' },
    ],
    gets: [
      {
        status: 200,
        headers: { 'Content-Type': 'application/json; charset=utf-8', Vary: /accept/i },
        body: /^\{"uptime":\{"milliseconds":\d+,.*"requests":\{"total":\d/,
      },
      { status: 200, headers: { 'Cache-Control': 'no-store' }, body: /"topPaths":\[.*"errors":\{/ },
      { status: 200, body: '' },
      { status: 405, headers: { Allow: 'GET, HEAD' } },
    ],
  },
  {
    title:
      'given metrics when a stranger behind a proxy asks then it is refused, whether trust names the proxy or not',
    edge: counted,
    when: [forwardedFor('203.0.113.9'), forwardedFor('10.0.0.1'), forwardedFor('unknown', '/metrics.json')],
    gets: [
      { status: 403, body: body => expect(body).not.toContain('http_requests') },
      { status: 403 },
      { status: 403 },
    ],
  },
  {
    title:
      'given metrics behind a named proxy when a stranger, a colleague and a client without a name ask then the colleague is answered',
    edge: probe =>
      probe
        .pipeline({ trust: trustedProxies(['loopback']) })
        .use(probe.middleware('a'))
        .use(metrics()),
    when: [
      forwardedFor('203.0.113.9'),
      forwardedFor('10.0.0.1'),
      forwardedFor('unknown'),
      {
        target: '/metrics',
      },
    ],
    gets: [{ status: 403 }, { status: 200 }, { status: 403 }, { status: 403 }],
  },
  {
    title: 'given a metrics endpoint behind a login when operators and others ask then its guard decides',
    edge: probe =>
      behindLogin(probe).use(metricsEndpoint(counterOf(probe), { authorize: requireRole('ops') })),
    when: eachToItsEndAll(asking),
    gets: tellsOperators,
  },
  {
    title:
      'given a metrics endpoint in a branch when operators and others ask then the guard in front decides',
    edge: behindLogin,
    branches: (edge, probe) => ({
      operators: (edge as Known)
        .branch()
        .use(guard(requireRole('ops')))
        .use(metricsEndpoint(counterOf(probe), { authorize: () => true })),
    }),
    app: {
      routes: [
        get('/metrics', text('not reached'), 'operators'),
        get('/metrics.json', text('not reached'), 'operators'),
      ],
    },
    when: eachToItsEndAll(asking),
    gets: tellsOperators,
  },
  {
    title: 'given an access log when requests end then each has one record with what is safe to write',
    edge: probe =>
      logging(probe, (level, { method, path, status, ip, headers, error }) =>
        JSON.stringify([level, method, path, status, ip, headers, error]),
      ),
    app,
    when: async (client, probe) => {
      const requests: readonly ClientRequest[] = [
        { target: '/orders/7?token=secret', headers: { 'X-Forwarded-For': '203.0.113.9', 'X-App': 'a"b' } },
        { target: '/missing/7', headers: { Authorization: 'Bearer secret' } },
      ]
      for (const request of requests) {
        await client.send(request)
        await probe.settled()
      }
      return []
    },
    gets: [],
    trace: [
      'a>',
      'handler',
      '["info","GET","/orders/7",200,"203.0.113.9",{"x-app":"a\\"b"},null]',
      '<a',
      'a>',
      'handler',
      '["warn","GET","/missing/7",404,"127.0.0.1",{},null]',
      '<a',
    ],
  },
  {
    title: 'given an access log when a handler fails then the record names the route and the error',
    edge: probe =>
      logging(probe, (level, { route, status, error }) => `${level} ${route} ${status} ${error}`),
    app,
    when: { target: '/fails/7' },
    gets: { status: 500, body: body => expect(body).not.toContain('boom') },
    trace: ['a>', 'handler', 'error /fails/:id 500 Error: boom', '<a'],
    needs: ['router', 'error-handler'],
    logs: 'any',
  },
  {
    title: 'given a trace when a request is part of it then its ids go on, with a span of its own',
    ...traced,
    when: [
      { headers: { Traceparent: `00-${TRACE}-${PARENT}-01`, Tracestate: ['a=1', 'b=2'] } },
      { headers: { Traceparent: `cc-${TRACE}-${PARENT}-00-more` } },
    ],
    gets: [
      { body: new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-01 ${PARENT} a=1,b=2$`) },
      { body: new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-00 ${PARENT} undefined$`) },
    ],
  },
  {
    title: 'given a traceparent that is none when a request comes with it then a new trace begins',
    ...traced,
    when: [
      {},
      { headers: { Traceparent: `ff-${TRACE}-${PARENT}-01` } },
      { headers: { Traceparent: `00-${TRACE.toUpperCase()}-${PARENT}-01`, Tracestate: 'a=1' } },
      { headers: { Traceparent: [`00-${TRACE}-${PARENT}-01`, `00-${TRACE}-${PARENT}-01`] } },
    ],
    gets: Array.from({ length: 4 }, () => ({
      body: new RegExp(`^00-(?!${TRACE})[0-9a-f]{32}-[0-9a-f]{16}-02 undefined undefined$`),
    })),
  },
]
