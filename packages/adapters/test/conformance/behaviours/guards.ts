/**
 * Authorization, end to end: what a caller may not do is refused with the same bytes on every host.
 */
import { type Identity, type Pipeline, provideIdentity, type RequestContext, requestId } from '@palisade/core'
import {
  allowIp,
  anyOf,
  ensure,
  guard,
  permissions,
  requireOwnership,
  requireRole,
  requireScopes,
  scopeTo,
} from '@palisade/guards'
import { json, text } from '../answers.js'
import { type App, type Behaviour, get, post } from '../behaviour.js'
import type { Probe } from '../probe.js'
import { refusal, still } from '../refusal.js'

const callers: Readonly<Record<string, Identity>> = {
  ada: {
    subject: 'ada',
    method: 'jwt',
    tenant: 'acme',
    scopes: new Set(['orders:*']),
    roles: new Set(['editor']),
    claims: {},
  },
  bob: { subject: 'bob', method: 'session', scopes: new Set(), roles: new Set(['not-admin']), claims: {} },
}
const records: Readonly<Record<string, { ownerId: string }>> = {
  '/mine': { ownerId: 'ada' },
  '/hidden': { ownerId: 'bob' },
}

const by = (name: string) => ({ 'X-Caller': name, 'X-Request-ID': 'same' })

/** The header stands for a login; time and id stand still, so that bytes can be compared. */
function edgeOf(probe: Probe): Pipeline<{ requestId: string; identity: Identity }> {
  return probe
    .pipeline(still())
    .use(probe.middleware('a'))
    .use(requestId())
    .use(provideIdentity(ctx => callers[ctx.header('x-caller') ?? ''] as Identity))
}

const FORBIDDEN = refusal('FORBIDDEN', 'Access denied')
const LACKING = refusal('FORBIDDEN', 'The credential lacks a required scope')
const UNAUTHORIZED = refusal('UNAUTHORIZED', 'Authentication is required')
const NOT_FOUND = refusal('NOT_FOUND', 'The requested resource was not found')
const INTERNAL = refusal('INTERNAL_ERROR', 'An unexpected error occurred')

const type = { 'Content-Type': 'application/json; charset=utf-8' }
const orders: App = { routes: [get('/mine', text('mine')), get('/hidden', text('hidden'))] }

export const guards: readonly Behaviour[] = [
  {
    title:
      'given a scope when a bearer token lacks it then the refusal is the same bytes and names the scope to ask for',
    edge: probe => edgeOf(probe).use(guard(requireScopes('orders:read', 'users:read'), { name: 'readers' })),
    when: { headers: by('ada') },
    gets: {
      status: 403,
      headers: {
        ...type,
        'WWW-Authenticate': 'Bearer realm="api", error="insufficient_scope", scope="orders:read users:read"',
      },
      body: LACKING,
    },
    trace: ['a>', '<a'],
    outcomes: [{ status: 403, aborted: false, error: null }],
    events: [
      [
        'decision:refused',
        {
          by: 'guard',
          rule: 'readers',
          enforced: true,
          subject: 'ada',
          status: 403,
          code: 'FORBIDDEN',
          reason: 'the scopes lack all of: users:read',
        },
      ],
    ],
  },
  {
    title: 'given a scope when a session lacks it then there is no challenge for a token',
    edge: probe => edgeOf(probe).use(guard(requireScopes('orders:read'))),
    when: { headers: by('bob') },
    gets: { status: 403, headers: { 'WWW-Authenticate': null }, body: LACKING },
  },
  {
    title: 'given a granted wildcard when a scope of its segment is required then the handler runs',
    edge: probe => edgeOf(probe).use(guard(requireScopes('orders:write'))),
    when: { headers: by('ada') },
    gets: { status: 200, body: 'ok' },
    trace: ['a>', 'handler', '<a'],
  },
  {
    title: 'given a guard when nobody is identified then it is a 401 with a challenge and the same bytes',
    edge: probe => edgeOf(probe).use(guard(() => true)),
    when: { headers: by('nobody') },
    gets: {
      status: 401,
      headers: { ...type, 'WWW-Authenticate': 'Bearer realm="api"' },
      body: UNAUTHORIZED,
    },
    trace: ['a>', '<a'],
  },
  {
    title: 'given a role when another one merely contains its name then it is refused',
    edge: probe => edgeOf(probe).use(guard(anyOf(requireRole('admin'), allowIp(['192.0.2.0/24'])))),
    when: { headers: by('bob') },
    gets: { status: 403, headers: { ...type, 'WWW-Authenticate': null }, body: FORBIDDEN },
  },
  {
    title:
      'given a guard that conceals when a record is hidden, and when it is absent, then both are the 404 of a route that is not there',
    edge: probe =>
      edgeOf(probe).use(
        guard(
          requireOwnership({
            load: async ctx => (ctx.path === '/nowhere' ? { ownerId: 'ada' } : records[ctx.path]),
            conceal: true,
          }),
        ),
      ),
    app: { ...orders, notFoundHandler: true },
    when: ['/mine', '/hidden', '/absent', '/nowhere'].map(target => ({ target, headers: by('ada') })),
    gets: [
      { status: 200, body: 'mine' },
      { status: 404, headers: type, body: NOT_FOUND },
      { status: 404, headers: type, body: NOT_FOUND },
      { status: 404, headers: type, body: NOT_FOUND },
    ],
    needs: ['not-found-handler'],
  },
  {
    title: 'given a guard that fails when a request comes then it is a 500 that shows nothing of the cause',
    edge: probe =>
      edgeOf(probe).use(
        guard(
          async (): Promise<boolean> => {
            throw new Error('database is down')
          },
          { name: 'broken' },
        ),
      ),
    when: { headers: by('ada') },
    gets: { status: 500, headers: type, body: INTERNAL },
    trace: ['a>', '<a'],
    logs: [/middleware "guard\(broken\)" failed: database is down/],
  },
  {
    title: 'given a guard that answers with nothing when a request comes then it is a 500 and not a yes',
    edge: probe =>
      edgeOf(probe).use(guard((() => undefined) as unknown as () => boolean, { name: 'mistake' })),
    when: { headers: by('ada') },
    gets: { status: 500, headers: type, body: INTERNAL },
    trace: ['a>', '<a'],
    logs: [/the guard "function" answered undefined/],
  },
  {
    title: 'given shadow mode when a guard would refuse then the event says so and the handler runs',
    edge: probe => edgeOf(probe).use(guard(requireRole('admin'), { mode: 'shadow' })),
    when: { headers: by('ada') },
    gets: { status: 200, headers: { 'WWW-Authenticate': null }, body: 'ok' },
    trace: ['a>', 'handler', '<a'],
    events: [
      [
        'decision:refused',
        { by: 'guard', rule: 'requireRole', status: 403, enforced: false, subject: 'ada' },
      ],
    ],
  },
  {
    title: 'given a guard on a branch when another route is asked then only its own routes are guarded',
    edge: edgeOf,
    branches: edge => ({
      admin: (edge as ReturnType<typeof edgeOf>).branch().use(guard(requireRole('admin'))),
    }),
    app: { routes: [get('/', text('ok')), get('/admin', text('admin'), 'admin')] },
    when: ['/', '/admin'].map(target => ({ target, headers: by('ada') })),
    gets: [
      { status: 200, body: 'ok' },
      { status: 403, headers: type, body: FORBIDDEN },
    ],
  },
  {
    title: 'given permissions when methods differ then each needs its own',
    edge: probe =>
      edgeOf(probe).use(
        guard(permissions({ grants: [{ resource: 'orders', read: true }], resource: () => 'orders' })),
      ),
    app: { routes: [get('/', text('ok')), post('/', text('created'))] },
    when: [
      { headers: by('ada') },
      { method: 'HEAD', headers: by('ada') },
      { method: 'POST', headers: by('ada') },
    ],
    gets: [
      { status: 200, body: 'ok' },
      { status: 200, body: '' },
      {
        status: 403,
        headers: type,
        body: refusal('FORBIDDEN', 'The create permission for this resource is required'),
      },
    ],
  },
  {
    title:
      'given scopeTo when the handler asks for its state then the filter is there, or the handler does not run',
    edge: probe => edgeOf(probe).use(scopeTo(ctx => ({ tenantId: ctx.state.identity.tenant }))),
    app: { routes: [get('/', view => json(view.state()['filter']))] },
    when: [{ headers: by('ada') }, { headers: by('bob') }],
    gets: [
      { status: 200, body: '{"tenantId":"acme"}' },
      { status: 403, headers: type, body: FORBIDDEN },
    ],
    trace: ['a>', 'handler', '<a', 'a>', '<a'],
  },
  {
    title: 'given ensure in a handler when it refuses then the answer is that of a guard in front',
    edge: edgeOf,
    app: {
      errorHandler: true,
      routes: [
        get('/', view => {
          const ctx = view.context() as RequestContext<{ identity: Identity }>
          ensure(requireScopes('users:read'), ctx)
          return text('ok')
        }),
      ],
    },
    when: { headers: by('ada') },
    gets: {
      status: 403,
      headers: {
        ...type,
        'WWW-Authenticate': 'Bearer realm="api", error="insufficient_scope", scope="users:read"',
      },
      body: LACKING,
    },
    needs: ['error-handler'],
  },
]
