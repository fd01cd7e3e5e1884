/** Requests that the application changes on their way, and requests that it sends to itself. */
import { authenticate, basic } from '@palisade/auth'
import { guard, permissions } from '@palisade/guards'
import { byRoute, rateLimit } from '@palisade/ratelimit'
import { again, json, text } from '../answers.js'
import { type Behaviour, get, post, type Rewrite, type Route } from '../behaviour.js'
import type { Probe } from '../probe.js'

const del = (path: string, body: string, ...through: string[]): Route => ({
  method: 'DELETE',
  path,
  handler: text(body),
  through,
})

/** As `method-override` does: the header names the method. */
const override: Rewrite = ({ method, header }) => {
  const wanted = header('x-http-method-override')
  return method === 'POST' && wanted !== undefined ? { method: wanted } : undefined
}
/** As `connect-history-api-fallback` does: another path. */
const fallback: Rewrite = ({ target }) =>
  target.startsWith('/old') ? { target: target.replace('/old', '/new') } : undefined
/** As a middleware that takes the token from a cookie. */
const fromCookie: Rewrite = ({ header }) => {
  const cookie = header('cookie')
  return cookie === undefined ? undefined : { headers: { authorization: cookie.replace('token=', '') } }
}
const credentials = (name: string) => `Basic ${btoa(`${name}:secret`)}`

/** `/admin` needs a login, all else is public. */
const login = (probe: Probe) =>
  probe
    .pipeline()
    .use(probe.middleware('a'))
    .use(
      authenticate({
        strategies: [
          basic({
            verify: user => ({
              subject: user,
              method: 'basic',
              scopes: new Set(),
              roles: new Set(),
              claims: {},
            }),
          }),
        ],
        rules: [{ path: '/admin' }, { path: '/**', login: 'optional' }],
      }),
    )

const seen = (probe: Probe) =>
  probe.middleware('seen', {
    onRequest(ctx) {
      probe.note(`${ctx.method} ${ctx.url} ${ctx.path} ${ctx.query.get('q')} ${ctx.header('x-added') ?? '-'}`)
    },
    onResponse: ctx => probe.note(`end ${ctx.method} ${ctx.path}`),
  })

export const rewrites: readonly Behaviour[] = [
  {
    title: 'given a guard by method when the method is changed in front of it then the new method decides',
    needs: ['rewrites'],
    branches: (edge, probe) => ({
      orders: edge
        .branch()
        .use(probe.middleware('b'))
        .use(
          guard(
            permissions({
              grants: () => [{ resource: 'orders', create: true }],
              resource: () => 'orders',
            }) as never,
          ) as never,
        ),
    }),
    edge: probe => login(probe),
    app: {
      rewrite: override,
      routes: [post('/orders', text('created'), 'orders'), del('/orders', 'deleted', 'orders')],
    },
    when: [
      { method: 'POST', target: '/orders', headers: { Authorization: credentials('ada') } },
      {
        method: 'POST',
        target: '/orders',
        headers: { Authorization: credentials('ada'), 'X-HTTP-Method-Override': 'DELETE' },
      },
    ],
    gets: [{ status: 200, body: 'created' }, { status: 403 }],
  },
  {
    title:
      'given a rewrite behind the edge when a branch runs then it sees method, path and headers of its route',
    needs: ['rewrites'],
    branches: (edge, probe) => ({ inner: edge.branch().use(seen(probe)) }),
    app: {
      rewrite: ({ target }) =>
        target.startsWith('/old')
          ? { method: 'DELETE', target: '/new?q=2', headers: { 'x-added': 'yes' } }
          : undefined,
      routes: [del('/new', 'new', 'inner')],
    },
    when: { target: '/old/path?q=1' },
    gets: { status: 200, body: 'new' },
    notOn: {
      hono: 'a rewrite is another dispatch there: see below',
      'hono-fetch': 'a rewrite is another dispatch there: see below',
    },
    trace: ['a>', 'seen>', 'DELETE /new?q=2 /new 2 yes', 'handler', '<seen', 'end DELETE /new', '<a'],
  },
  {
    title: 'given a rewrite behind the edge when the response ends then the edge sees what it saw before',
    needs: ['rewrites'],
    edge: probe => probe.pipeline().use(seen(probe)),
    app: { rewrite: fallback, routes: [get('/new/1', text('new'))] },
    when: { target: '/old/1?q=1' },
    gets: { status: 200, body: 'new' },
    notOn: {
      hono: 'a rewrite is another dispatch there: see below',
      'hono-fetch': 'a rewrite is another dispatch there: see below',
    },
    trace: ['seen>', 'GET /old/1?q=1 /old/1 1 -', 'handler', '<seen', 'end GET /old/1'],
  },
  {
    title:
      'given a rewrite behind the edge when a branch refuses then the edge ends with the path that it saw before',
    needs: ['rewrites'],
    edge: probe => probe.pipeline().use(seen(probe)),
    branches: (edge, probe) => ({
      closed: edge.branch().use(
        probe.middleware('b', {
          onRequest: ctx => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'Closed' }),
          onResponse: ctx => probe.note(`end ${ctx.method} ${ctx.path}`),
        }),
      ),
    }),
    app: { rewrite: fallback, routes: [{ ...get('/new/1', text('new')), through: ['closed'] }] },
    when: { target: '/old/1?q=1' },
    gets: { status: 403 },
    notOn: {
      hono: 'a rewrite is another dispatch there: see below',
      'hono-fetch': 'a rewrite is another dispatch there: see below',
    },
    trace: ['seen>', 'GET /old/1?q=1 /old/1 1 -', 'b>', '<b', 'end GET /new/1', '<seen', 'end GET /old/1'],
  },
  {
    title: 'given a rewrite between two mounts of an edge when the target changes then the edge decides anew',
    needs: ['rewrites'],
    edge: probe => login(probe),
    branches: edge => ({ again: edge.branch().use({ name: 'none', onRequest() {} }) }),
    app: { rewrite: fallback, routes: [get('/new/1', text('new'), 'again')] },
    when: { target: '/old/1' },
    gets: { status: 200, body: 'new' },
  },
  {
    title:
      'given a limit by route in a branch when the path is changed then the counted route is the new one',
    needs: ['rewrites'],
    branches: edge => ({
      limited: edge.branch().use(rateLimit({ limit: 1, window: '1m', key: byRoute() })),
    }),
    app: { rewrite: fallback, routes: [get('/new/:id', text('new'), 'limited')] },
    when: [{ target: '/old/1' }, { target: '/new/1' }, { target: '/new/2' }],
    gets: [{ status: 200 }, { status: 429 }, { status: 200 }],
  },
  {
    title: 'given a middleware that sets a credential when the edge runs then that one decides',
    edge: probe => login(probe),
    app: {
      rewriteInFront: fromCookie,
      routes: [get('/admin', ({ state }) => json((state()['identity'] as { subject: string }).subject))],
    },
    when: [
      { target: '/admin' },
      { target: '/admin', headers: { Cookie: `token=${credentials('ada')}` } },
      {
        target: '/admin',
        headers: { Cookie: `token=${credentials('ada')}`, Authorization: credentials('eve') },
      },
      { target: '/admin', headers: { Authorization: [credentials('eve'), credentials('bob')] } },
      {
        target: '/admin',
        headers: {
          Cookie: `token=${credentials('ada')}`,
          Authorization: [credentials('eve'), credentials('bob')],
        },
      },
    ],
    gets: [
      { status: 401 },
      { status: 200, body: '"ada"' },
      { status: 200, body: '"ada"' },
      { status: 401 },
      { status: 200, body: '"ada"' },
    ],
  },
  {
    title:
      'given a request that the application sends to itself when it is for another rule then that rule decides',
    edge: probe => login(probe),
    app: {
      routes: [
        get('/batch', again('/admin')),
        get('/batch-as-ada', again('/admin', { authorization: credentials('ada') })),
        get('/admin', ({ state }) => json((state()['identity'] as { subject: string }).subject)),
      ],
    },
    when: [{ target: '/batch' }, { target: '/batch-as-ada' }],
    gets: [{ status: 401 }, { status: 200, body: '"ada"' }],
  },
  {
    title: 'given a request that the application sends to itself when it ends then each of both ends once',
    edge: probe => probe.pipeline().use(probe.middleware('a')),
    app: { routes: [get('/batch', again('/inner')), get('/inner', text('inner'))] },
    when: { target: '/batch' },
    gets: { status: 200, body: 'inner' },
    trace: ['a>', 'handler', 'a>', 'handler', '<a', '<a'],
  },
  {
    title:
      'given an identity of the outer request when the application sends another without it then it is not taken over',
    edge: probe => login(probe),
    app: {
      routes: [
        { method: 'GET', path: '/admin', handler: again('/who', { authorization: '' }), through: [] },
        get('/who', ({ state }) =>
          json((state()['identity'] as { subject: string } | undefined)?.subject ?? 'nobody'),
        ),
      ],
    },
    when: { target: '/admin', headers: { Authorization: credentials('ada') } },
    gets: { status: 200, body: '"nobody"' },
  },
]
