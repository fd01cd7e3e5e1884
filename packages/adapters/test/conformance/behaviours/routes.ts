import { Reply } from '@palisade/core'
import { adminApi } from '@palisade/core/admin'
import { json, redirect, text } from '../answers.js'
import { type App, type Behaviour, get, type Mount } from '../behaviour.js'

const boom = () => {
  throw new Error('boom')
}

const answers = () => Reply.json(200, {})

const labelled = (title: string, app: App, target: string, route: string | undefined): Behaviour => ({
  title: `given ${title} when it answers then the outcome names the template and no value`,
  app,
  when: [{ target }, { target }],
  gets: {},
  outcomes: [
    { aborted: false, route },
    { aborted: false, route },
  ],
})

const tenants = (more: Partial<Mount> = {}): App => ({
  errorHandler: true,
  mounts: [
    {
      at: '/api/:tenant',
      routes: [get('/items/:id', text('item')), get('/fails/:id', boom), get('/', text('root'))],
      ...more,
    },
  ],
})

const refuses: Behaviour['branches'] = (edge, probe) => ({
  admin: edge.branch().use(
    probe.middleware('admin', {
      onRequest: ctx => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no' }),
    }),
  ),
})

const passes: Behaviour['branches'] = (edge, probe) => {
  const admin = edge.branch().use(probe.sets({ 'X-Admin': 'yes' }, 'admin'))
  return { admin, audit: admin.branch().use(probe.middleware('audit')) }
}

export const routes: readonly Behaviour[] = [
  labelled(
    'a route with a parameter',
    { routes: [get('/orders/:id', text('ok'))] },
    '/orders/7',
    '/orders/:id',
  ),
  labelled(
    'a route in front of one that would match too',
    { routes: [get('/orders/new', text('ok')), get('/orders/:id', text('ok'))] },
    '/orders/new',
    '/orders/new',
  ),
  labelled(
    'a route in a mount',
    { mounts: [{ at: '/api', routes: [get('/items/:id', text('ok'))] }] },
    '/api/items/7',
    '/api/items/:id',
  ),
  labelled('a route in a mount with a parameter', tenants(), '/api/acme/items/7', '/api/:tenant/items/:id'),
  labelled('the root of a mount with a parameter', tenants(), '/api/acme', '/api/:tenant'),
  labelled(
    'a route in a mount whose value is also in the path',
    { mounts: [{ at: '/api/:tenant', routes: [get('/api/:id', text('ok'))] }] },
    '/api/api/api/api',
    '/api/:tenant/api/:id',
  ),
  labelled(
    'a route in a mount in a mount',
    {
      mounts: [
        { at: '/v1', routes: [], mounts: [{ at: '/:tenant', routes: [get('/users/:id', text('ok'))] }] },
      ],
    },
    '/v1/acme/users/7',
    '/v1/:tenant/users/:id',
  ),
  labelled(
    'a route in a complete app that is mounted',
    { mounts: [{ at: '/sub/:tenant', asApp: true, routes: [get('/items/:id', text('ok'))] }] },
    '/sub/acme/items/7',
    '/sub/:tenant/items/:id',
  ),
  {
    ...labelled('a route in a mount that throws', tenants(), '/api/acme/fails/7', '/api/:tenant/fails/:id'),
    logs: [/boom/, /boom/],
  },
  {
    ...labelled(
      "a route in a mount that throws into the host's own error page",
      { ...tenants(), errorHandler: false },
      '/api/acme/fails/7',
      '/api/:tenant/fails/:id',
    ),
    logs: 'any',
  },
  {
    ...labelled('a route in a mount that is asked with HEAD', tenants(), '/', undefined),
    when: { method: 'HEAD', target: '/api/acme/items/7' },
    outcomes: [{ status: 200, route: '/api/:tenant/items/:id' }],
  },
  labelled('a redirect', { routes: [get('/old/:id', redirect('/new'))] }, '/old/7', '/old/:id'),
  {
    title:
      'given a middleware that serves an API of its own when it answers then the outcome names its templates',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(
          adminApi(
            'bans',
            { path: '/admin/bans', authorize: ctx => ctx.header('x-role') === 'admin' },
            { '/': { GET: answers }, '/:ip': { GET: answers } },
          ),
        ),
    app: { routes: [get('/', text('ok'))] },
    when: [
      { target: '/admin/bans', headers: { 'X-Role': 'admin' } },
      { target: '/admin/bans/192.0.2.7', headers: { 'X-Role': 'admin' } },
      { target: '/admin/bans/192.0.2.7' },
      { target: '/admin/bans/192.0.2.7/secret', headers: { 'X-Role': 'admin' } },
    ],
    gets: [{ status: 200 }, { status: 200 }, { status: 403 }, { status: 404 }],
    outcomes: [
      { status: 200, ownRoute: '/admin/bans' },
      { status: 200, ownRoute: '/admin/bans/:ip' },
      // Which route it was is asked only of who may know.
      { status: 403, ownRoute: '/admin/bans' },
      { status: 404, ownRoute: '/admin/bans' },
    ],
  },
  labelled('nothing that matches', tenants(), '/nowhere/7', undefined),
  labelled('nothing that matches in a mount', tenants(), '/api/acme/nowhere/7', undefined),
  {
    title: 'given a branch on a route when a request comes to it then both run, and its end hooks first',
    branches: passes,
    app: { routes: [get('/admin', text('in'), 'admin'), get('/', text('ok'))] },
    when: [{ target: '/admin' }, { target: '/' }],
    gets: [
      { status: 200, headers: { 'X-Admin': 'yes' }, body: 'in' },
      { status: 200, headers: { 'X-Admin': null }, body: 'ok' },
    ],
    trace: ['a>', 'admin>', 'handler', '<admin', '<a', 'a>', 'handler', '<a'],
    outcomes: [
      { status: 200, route: '/admin' },
      { status: 200, route: '/' },
    ],
  },
  {
    title: 'given a branch that refuses when a request comes to its route then the handler does not run',
    branches: refuses,
    app: { routes: [get('/admin/:id', text('in'), 'admin')] },
    when: { target: '/admin/7' },
    gets: { status: 403, body: /"code":"FORBIDDEN"/ },
    trace: ['a>', 'admin>', '<admin', '<a'],
    outcomes: [{ status: 403, aborted: false, route: '/admin/:id' }],
  },
  {
    title:
      'given a branch in front of a mount that refuses when a request comes to it then no handler below runs',
    branches: refuses,
    app: { mounts: [{ at: '/admin', through: ['admin'], routes: [get('/users', text('in'))] }] },
    when: { target: '/admin/users' },
    gets: { status: 403, body: /"code":"FORBIDDEN"/ },
    trace: ['a>', 'admin>', '<admin', '<a'],
  },
  {
    title:
      'given a branch without its parent when a request comes then it is refused with 500 and the log says why',
    branches: passes,
    app: { edge: 'never', routes: [get('/admin', text('in'), 'admin')] },
    when: { target: '/admin' },
    gets: { status: 500, headers: { 'X-Admin': null }, body: /"code":"INTERNAL_ERROR"/ },
    trace: [],
    logs: [/^a branch ran without its parent: .*never ran; mount the parent in front of it$/],
  },
  {
    title: 'given a branch of a branch when the one between is missing then it is refused with 500',
    branches: passes,
    app: { routes: [get('/audit', text('in'), 'audit')] },
    when: { target: '/audit' },
    gets: { status: 500 },
    trace: ['a>', '<a'],
    logs: [/^a branch ran without its parent/],
  },
  {
    title: 'given a branch of a branch when both are in front of a route then all run in order',
    branches: passes,
    app: { routes: [get('/audit', text('in'), 'admin', 'audit')] },
    when: { target: '/audit' },
    gets: { status: 200, body: 'in' },
    trace: ['a>', 'admin>', 'audit>', 'handler', '<audit', '<admin', '<a'],
  },
  {
    title: 'given a branch in front of a mount and a route in it when a request passes then it runs once',
    branches: passes,
    app: { mounts: [{ at: '/admin', through: ['admin'], routes: [get('/users', text('in'), 'admin')] }] },
    when: { target: '/admin/users' },
    gets: { status: 200, headers: { 'X-Admin': 'yes' }, body: 'in' },
    trace: ['a>', 'admin>', 'handler', '<admin', '<a'],
  },
  {
    title:
      'given a branch that adds cookies when the handler answers then those of the edge and of the branch are sent once',
    edge: probe => probe.pipeline().use(probe.does(ctx => ctx.appendHeader('Set-Cookie', 'edge=1'))),
    branches: (edge, probe) => ({
      admin: edge.branch().use(probe.does(ctx => ctx.appendHeader('Set-Cookie', 'branch=2'), 'admin')),
    }),
    app: { routes: [get('/', text('ok', { append: { 'Set-Cookie': 'handler=3' } }), 'admin')] },
    when: { target: '/' },
    gets: { headers: { 'Set-Cookie': ['edge=1', 'branch=2', 'handler=3'] } },
  },
  {
    title: 'given a branch when the handler asks for the state then it has what both gave',
    edge: probe =>
      probe
        .pipeline()
        .use({
          name: 'user',
          gives: ['user'],
          onRequest: ctx => void Object.assign(ctx.state, { user: 'ada' }),
        })
        .use(probe.middleware('a')),
    branches: edge => ({
      admin: edge.branch().use({
        name: 'role',
        gives: ['role'],
        onRequest: ctx => void Object.assign(ctx.state, { role: 'admin' }),
      }),
    }),
    app: { routes: [get('/', view => json(view.state()), 'admin')] },
    when: { target: '/' },
    gets: { body: '{"user":"ada","role":"admin"}' },
  },
]
