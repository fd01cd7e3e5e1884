/** Bans, on every host: who is refused, what of the answers counts, and the admin API. */
import { authenticate, basic } from '@palisade/auth'
import { cors, RequestError, securityHeaders, trustedProxies } from '@palisade/core'
import { adminApi } from '@palisade/core/admin'
import { banAdmin, type FailbanOptions, failban, ipFilter, violation } from '@palisade/failban'
import { empty, text } from '../answers.js'
import { type App, type Behaviour, get } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'
import type { Probe } from '../probe.js'

const A = '203.0.113.9'
const B = '198.51.100.7'

const from = (ip: string, request: ClientRequest = {}): ClientRequest => ({
  ...request,
  headers: { 'X-Forwarded-For': ip, ...request.headers },
})

const none = () => {
  throw new RequestError(404, 'There is no such note')
}

/** The client of every host comes from this machine, which stands for the proxy. */
const behindProxy = (probe: Probe) => probe.pipeline({ trust: trustedProxies(['loopback']) })

const guarded =
  (options: FailbanOptions): NonNullable<Behaviour['edge']> =>
  probe => {
    const bans = failban(options)
    return behindProxy(probe)
      .use(probe.middleware('a'))
      .use(securityHeaders())
      .use(cors({ origin: ['https://app.example.com'] }))
      .use(bans)
      .use(banAdmin(bans, { path: '/admin/security', authorize: ctx => ctx.header('x-admin') === 'yes' }))
  }

const scan: FailbanOptions = {
  jails: [{ name: 'scan', sources: ['not-found', 'probe'], threshold: 3, window: '1m', ban: '10m' }],
}

const app: App = {
  routes: [
    get('/', text('ok')),
    get('/missing', empty(404)),
    get('/login', view => {
      violation(view.context(), { source: 'auth' })
      return text('wrong', { status: 401 })
    }),
  ],
}

const admin = { 'X-Admin': 'yes' }
const json = { ...admin, 'Content-Type': 'application/json' }
const image = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }
const page = { Origin: 'https://app.example.com' }

export const bans: readonly Behaviour[] = [
  {
    title:
      'given three failures of a client when it comes again then it is refused, with the headers of the edge, and others are not',
    edge: guarded({ maxViolations: 3 }),
    app,
    when: [
      from(A, { target: '/login' }),
      from(A, { target: '/login' }),
      from(A, { target: '/login' }),
      from(A, { headers: page }),
      from(B),
      from(`${B}, ${A}`),
    ],
    gets: [
      { status: 401, body: 'wrong' },
      { status: 401 },
      { status: 401 },
      {
        status: 403,
        headers: {
          'Retry-After': /^3(?:600|59\d)$/,
          'Cache-Control': 'no-store',
          'X-Content-Type-Options': 'nosniff',
          'Access-Control-Allow-Origin': 'https://app.example.com',
        },
        body: /"code":"FORBIDDEN","message":"Access denied"/,
      },
      { status: 200, body: 'ok' },
      { status: 403 },
    ],
    events: [
      ['security:violation', { source: 'auth', key: A }],
      ['security:violation', {}],
      ['security:violation', {}],
      ['security:banned', { ip: A, jail: 'default', violations: 3 }],
      ['decision:refused', { ip: A, status: 403, by: 'failban' }],
      ['decision:refused', { ip: A, by: 'failban' }],
    ],
  },
  {
    title: 'given a scan when no route matches then distinct paths count, and a repeated one does not',
    edge: guarded({
      jails: [{ name: 'scan', sources: ['not-found'], threshold: 3, window: '1m', ban: '10m' }],
    }),
    app,
    when: [
      from(A, { target: '/gone' }),
      from(A, { target: '/gone?again' }),
      from(A, { target: '/nowhere' }),
      from(A),
      from(A, { target: '/nowhere/else' }),
      from(A),
    ],
    gets: [
      { status: 404 },
      { status: 404 },
      { status: 404 },
      { status: 200 },
      { status: 404 },
      { status: 403 },
    ],
    needs: ['router'],
  },
  {
    title:
      'given routes that have no such record, and an admin API too, when a client asks for many then it is no scan',
    edge: probe =>
      behindProxy(probe)
        .use(
          failban({
            jails: [{ name: 'scan', sources: ['not-found'], threshold: 1, window: '1m', ban: '10m' }],
          }),
        )
        .use(adminApi('notes', { path: '/notes', authorize: () => true }, { '/:id': { GET: none } })),
    app,
    when: [
      from(A, { target: '/missing' }),
      from(A, { target: '/notes/7' }),
      from(A, { target: '/notes/7/more' }),
      from(A),
    ],
    gets: [{ status: 404 }, { status: 404 }, { status: 404 }, { status: 200 }],
    needs: ['router'],
  },
  {
    title:
      'given a page with images of this server when its visitor loads them then nobody is banned, and a scan of the same paths bans',
    edge: guarded(scan),
    app: { routes: [...(app.routes ?? []), get('/.env', empty(404))] },
    when: [
      from(A, { target: '/.env', headers: image }),
      from(A, { target: '/.env', headers: image }),
      from(A, { target: '/.git/config', headers: image }),
      from(A),
      from(B, { target: '/.env' }),
      from(B),
    ],
    gets: [
      { status: 404 },
      { status: 404 },
      { status: 404 },
      { status: 200 },
      { status: 404 },
      { status: 403 },
    ],
    events: [
      ['security:violation', { source: 'probe', weight: 1, key: A }],
      ['security:violation', { source: 'probe', weight: 3, key: B }],
      ['security:banned', { ip: B, jail: 'scan' }],
    ],
  },
  {
    title: 'given a request for a file that only scanners want when it is not there then it counts thrice',
    edge: guarded(scan),
    app: { routes: [...(app.routes ?? []), get('/.env', empty(404))] },
    when: [from(A, { target: '/.env' }), from(A), from(B)],
    gets: [{ status: 404 }, { status: 403 }, { status: 200 }],
    events: [
      ['security:violation', { source: 'probe', weight: 3 }],
      ['security:banned', { ip: A, jail: 'scan' }],
    ],
  },
  {
    title: 'given garbage for an address when it offends then neither it nor the proxy is banned',
    edge: guarded({ maxViolations: 1 }),
    app,
    when: [from('unknown', { target: '/login' }), from('unknown'), { target: '/login' }, {}],
    gets: [{ status: 401 }, { status: 200 }, { status: 401 }, { status: 200 }],
  },
  {
    title: 'given an attacker that rotates inside its /64 when it offends then all of it is banned',
    edge: guarded({ maxViolations: 2 }),
    app,
    when: [
      from('2001:db8::1', { target: '/login' }),
      from('2001:db8::2', { target: '/login' }),
      from('2001:db8::3'),
      from('2001:db8:0:1::1'),
    ],
    gets: [{ status: 401 }, { status: 401 }, { status: 403 }, { status: 200 }],
  },
  {
    title: 'given shadow mode when a client would be banned then it is told, and passes',
    edge: guarded({ maxViolations: 1, mode: 'shadow' }),
    app,
    when: [from(A, { target: '/login' }), from(A)],
    gets: [{ status: 401 }, { status: 200 }],
    events: [['security:banned', { ip: A, shadow: true }]],
  },
  {
    title:
      'given an administrator when it bans, lists and lifts then the API answers, a network with its slash escaped',
    edge: guarded({ maxViolations: 3 }),
    app,
    when: [
      from(B, {
        method: 'POST',
        target: '/admin/security/bans',
        headers: json,
        body: '{"ip":"203.0.113.0/24","duration":"1h"}',
      }),
      from(A),
      from(B, { target: '/admin/security/bans?limit=5', headers: admin }),
      from(B, { target: '/admin/security/bans/203.0.113.77', headers: admin }),
      from(B, { method: 'DELETE', target: '/admin/security/bans/203.0.113.0%2F24', headers: admin }),
      from(A),
      from(B, { target: '/admin/security/stats', headers: admin }),
    ],
    gets: [
      { status: 201, headers: { 'Cache-Control': 'no-store' }, body: /"ip":"203.0.113.0\/24"/ },
      { status: 403 },
      { status: 200, body: /"total":1/ },
      { status: 200, body: /"jail":"manual"/ },
      { status: 200, body: /"removed":\["203.0.113.0\/24"\]/ },
      { status: 200 },
      { status: 200, body: /"activeBans":0/ },
    ],
  },
  {
    title:
      'given rules by path in front when a network is lifted then its slash in the path is refused, and in the query it is not',
    edge: probe => {
      const bans = failban({})
      return behindProxy(probe)
        .use(probe.middleware('a'))
        .use(bans)
        .use(
          authenticate({
            strategies: [basic({ verify: () => undefined })],
            rules: [{ path: '/**', login: 'public' }],
          }),
        )
        .use(banAdmin(bans, { path: '/admin/security', authorize: () => true }))
    },
    app,
    when: [
      from(B, {
        method: 'POST',
        target: '/admin/security/bans',
        headers: json,
        body: '{"ip":"203.0.113.0/24","duration":"1h"}',
      }),
      from(B, { method: 'DELETE', target: '/admin/security/bans/203.0.113.0%2F24' }),
      from(B, { target: '/admin/security/bans?ip=203.0.113.77' }),
      from(A),
      from(B, { method: 'DELETE', target: '/admin/security/bans?ip=203.0.113.0/24' }),
      from(A),
    ],
    gets: [
      { status: 201, headers: { Location: '/admin/security/bans?ip=203.0.113.0%2F24' } },
      { status: 400, body: /"message":"The path is ambiguous"/ },
      { status: 200, body: /"ip":"203.0.113.0\/24"/ },
      { status: 403 },
      { status: 200, body: /"removed":\["203.0.113.0\/24"\]/ },
      { status: 200 },
    ],
  },
  {
    title: 'given the admin API when it is used wrongly then it names the fault, and is closed to strangers',
    edge: guarded({}),
    app,
    when: [
      from(A, { target: '/admin/security/bans' }),
      from(A, { method: 'PUT', target: '/admin/security/bans', headers: admin }),
      from(A, { method: 'POST', target: '/admin/security/bans', headers: admin, body: 'ip=1.2.3.4' }),
      from(A, {
        method: 'POST',
        target: '/admin/security/bans',
        headers: json,
        body: '{"ip":"nobody","why":1}',
      }),
      from(A, { method: 'POST', target: '/admin/security/bans', headers: json, body: `{"ip":"${A}"}` }),
      from(A, { method: 'HEAD', target: '/admin/security/stats', headers: admin }),
    ],
    gets: [
      { status: 403, body: /FORBIDDEN/ },
      { status: 405, headers: { Allow: 'GET, HEAD, POST, DELETE' } },
      { status: 415 },
      { status: 400, body: /"field":"why".*"field":"ip"/ },
      { status: 409, body: /your own address/ },
      { status: 200, body: '' },
    ],
  },
  {
    title:
      'given an administrator that shares a banned address when it asks then the API is open, and nothing else',
    edge: guarded({ maxViolations: 1 }),
    app,
    when: [
      from(A, { target: '/login' }),
      from(A),
      from(A, { target: '/admin/security/bans' }),
      from(A, { method: 'DELETE', target: `/admin/security/bans/${A}`, headers: admin }),
      from(A),
    ],
    gets: [
      { status: 401 },
      { status: 403 },
      { status: 403, body: /FORBIDDEN/ },
      { status: 200 },
      { status: 200 },
    ],
  },
  {
    title:
      'given a list of addresses when others come then they are refused, a proxy that hides its client too',
    edge: probe =>
      behindProxy(probe)
        .use(probe.middleware('a'))
        .use(ipFilter({ allow: ['203.0.113.0/24', 'loopback'] })),
    when: [from(A), from(B), from('unknown')],
    gets: [{ status: 200 }, { status: 403 }, { status: 403 }],
  },
]
