import { check, type HealthOptions, health, lifecycle } from '@palisade/health'
import type { Behaviour } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'
import type { Probe } from '../probe.js'

/** Probes in front of a recording middleware, which therefore sees only what health lets by. */
const probes =
  (options: () => HealthOptions = () => ({})) =>
  (probe: Probe) =>
    probe.pipeline().use(health(options())).use(probe.middleware('a'))

const PATHS = ['/health/live', '/health/ready', '/health/startup', '/health', '/ready']

const to = (...targets: readonly string[]): readonly ClientRequest[] => targets.map(target => ({ target }))

const JSON_TYPE = 'application/json; charset=utf-8'
const SECRET = 'connect ECONNREFUSED db.internal:5432'

const broken = check({
  name: 'database',
  run: () => {
    throw new Error(SECRET)
  },
})

function draining(): HealthOptions {
  const life = lifecycle()
  life.drain('a test')
  return { lifecycle: life }
}

/** The members in their order, of the types that they have. */
const healthy = (ready: boolean) =>
  new RegExp(
    `^\\{"status":"healthy",${ready ? '"ready":true,' : ''}"timestamp":"\\d{4}-[^"]+Z","uptime":\\d+,"checks":\\{\\}\\}$`,
  )

export const probesOfHealth: readonly Behaviour[] = [
  {
    title: 'given probes when each is asked then it is answered 200 in front of everything else',
    edge: probes(() => ({ authorize: () => true })),
    when: to(...PATHS),
    gets: PATHS.map(path => ({
      status: 200,
      headers: { 'Content-Type': JSON_TYPE, 'Cache-Control': 'no-store', Vary: 'Accept' },
      body: healthy(path.endsWith('ready')),
    })),
    trace: [],
  },
  {
    title: 'given probes when another path is asked then it reaches the handler as ever',
    edge: probes(),
    when: { target: '/' },
    gets: { status: 200, headers: { 'Cache-Control': null }, body: 'ok' },
    trace: ['a>', 'handler', '<a'],
  },
  {
    title: 'given probes when HEAD asks then status and headers come without a body',
    edge: probes(() => ({ checks: [broken] })),
    when: [
      { method: 'HEAD', target: '/health/live' },
      { method: 'HEAD', target: '/ready' },
    ],
    gets: [
      { status: 200, headers: { 'Content-Type': JSON_TYPE, 'Content-Length': /^[1-9]\d+$/ }, body: '' },
      { status: 503, headers: { 'Content-Type': JSON_TYPE, 'Cache-Control': 'no-store' }, body: '' },
    ],
  },
  {
    title: 'given probes when another method asks then it is 405 with what is allowed',
    edge: probes(),
    when: { method: 'POST', target: '/health' },
    gets: { status: 405, headers: { Allow: 'GET, HEAD' }, body: /METHOD_NOT_ALLOWED/ },
  },
  {
    title:
      'given a check that fails when probes ask then readiness is 503, liveness 200, and strangers read no text',
    edge: probes(() => ({ checks: [broken], authorize: () => false })),
    when: to(...PATHS),
    gets: PATHS.map(path => ({
      status: path === '/health/live' || path === '/health/startup' ? 200 : 503,
      body: (body: string) => {
        if (/database|ECONNREFUSED|checks/.test(body)) throw new Error(`a stranger reads ${body}`)
      },
    })),
  },
  {
    title: 'given a check that fails when an insider asks then the body says which and why',
    edge: probes(() => ({ checks: [broken], authorize: async () => true })),
    when: { target: '/ready' },
    gets: {
      status: 503,
      body: /"status":"unhealthy","ready":false.*"database":\{"status":"unhealthy","latency_ms":[\d.]+,"error":"connect ECONNREFUSED/,
    },
  },
  {
    title: 'given an optional check that fails later when readiness is asked then it is 200 degraded',
    edge: probes(() => ({
      checks: [check({ name: 'mail', optional: true, run: async () => ({ healthy: false, queue: 12 }) })],
      authorize: () => true,
    })),
    when: { target: '/health/ready' },
    gets: { status: 200, body: /"status":"degraded".*"mail":\{"queue":12,"status":"unhealthy"/ },
    events: [],
  },
  {
    title: 'given readiness that changes when it is asked again then the bus is told once',
    edge: probes(() => ({ checks: [broken] })),
    when: to('/ready', '/ready', '/health'),
    gets: [{ status: 503 }, { status: 503 }, { status: 503 }],
    events: [['health:changed', { status: 'unhealthy', previous: 'unknown', failing: ['database'] }]],
  },
  {
    title: 'given a process that drains when probes ask then readiness is 503, and liveness stays 200',
    edge: probes(draining),
    when: to('/health/live', '/health/startup', '/health/ready', '/ready', '/health'),
    gets: [
      { status: 200 },
      { status: 200 },
      { status: 503, body: /"status":"draining"/ },
      { status: 503, body: /"status":"draining"/ },
      { status: 503, body: /"status":"draining"/ },
    ],
  },
  {
    title:
      'given a client that asks for health+json when health is asked then it is in the form of the draft',
    edge: probes(() => ({ authorize: () => true })),
    when: { target: '/health', headers: { Accept: 'application/health+json' } },
    gets: {
      status: 200,
      headers: { 'Content-Type': 'application/health+json', Vary: 'Accept' },
      body: /^\{"status":"pass","checks":\{"uptime":\[/,
    },
  },
  {
    title: 'given a request on loopback when it was forwarded by nobody known then details are withheld',
    edge: probes(() => ({ checks: [broken] })),
    when: { target: '/ready', headers: { 'X-Forwarded-For': '203.0.113.9' } },
    gets: { status: 503, body: /^\{"status":"unhealthy","ready":false,"timestamp":"[^"]+","uptime":\d+\}$/ },
  },
  {
    title: 'given a request on loopback when it comes straight then details are shown',
    edge: probes(() => ({ checks: [broken] })),
    when: { target: '/ready' },
    gets: { status: 503, body: /"checks":\{"database":/ },
    needs: ['socket'],
  },
]
