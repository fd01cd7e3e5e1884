/** A branch with cors in front of some routes, which have no OPTIONS themselves. */
import { cors } from '@palisade/core'
import { text } from '../answers.js'
import { type App, type Behaviour, get, post } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'

const APP = 'https://app.example.com'

const preflight = (target: string): ClientRequest => ({
  method: 'OPTIONS',
  target,
  headers: { Origin: APP, 'Access-Control-Request-Method': 'POST' },
})

const NEEDS_ROUTER = 'it has no router: a branch is called in a handler, which is reached by any method'

const KOA = '@koa/router runs the middleware of a mount only where a route matches the method'

const inMount = (where: string, app: App, target: string): Behaviour => ({
  title: `given a branch with cors in front of ${where} when a preflight comes then it is answered with 204`,
  edge: probe => probe.pipeline().use(probe.middleware('a')),
  branches: edge => ({ open: edge.branch().use(cors({ origin: APP, methods: ['GET', 'POST'] })) }),
  app,
  when: [preflight(target), { target, headers: { Origin: APP } }],
  gets: [
    {
      status: 204,
      headers: { 'Access-Control-Allow-Origin': APP, 'Access-Control-Allow-Methods': 'GET, POST' },
    },
    { status: 200, headers: { 'Access-Control-Allow-Origin': APP }, body: 'ok' },
  ],
  notOn: { node: NEEDS_ROUTER, fetch: NEEDS_ROUTER, koa: KOA },
})

const routes = [get('/items/:id', text('ok')), post('/items/:id', text('ok')), get('/', text('ok'))]

export const preflights: readonly Behaviour[] = [
  inMount('a mount', { mounts: [{ at: '/api', through: ['open'], routes }] }, '/api/items/7'),
  inMount('the index of a mount', { mounts: [{ at: '/api', through: ['open'], routes }] }, '/api'),
  inMount(
    'a mount with a parameter',
    { mounts: [{ at: '/api/:tenant', through: ['open'], routes }] },
    '/api/acme/items/7',
  ),
  inMount(
    'a mount in a mount',
    { mounts: [{ at: '/v1', routes: [], mounts: [{ at: '/api', through: ['open'], routes }] }] },
    '/v1/api/items/7',
  ),
  inMount(
    'a mount around a mount',
    { mounts: [{ at: '/v1', through: ['open'], routes: [], mounts: [{ at: '/api', routes }] }] },
    '/v1/api/items/7',
  ),
]
