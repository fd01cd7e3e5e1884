import { toFetch } from '@palisade/adapters/fetch'
import type { Route } from '../behaviour.js'
import { callClient } from '../client/call-client.js'
import { flatten, type Host, matches, named, performIn, rewrittenRequest, times } from './host.js'
import { responseOf } from './web-answer.js'

type Serve = (request: Request) => Response | Promise<Response>

export const fetchHost: Host = {
  name: 'fetch',
  lacks: {
    socket: 'it is called, not connected to',
    upgrades: 'there is no Node server',
    rewrites: 'a Request cannot be changed, and a branch knows its parent by the Request',
    router: 'a handler has no router: what matches nothing is for the handler itself to answer',
    'error-handler': 'errors are always answered in the form of the pipeline',
    'not-found-handler': 'a handler has no router',
  },
  async start(scene) {
    const { app, edge, branches, neighbour } = scene
    const peer = () => '127.0.0.1'
    const routes = flatten(app).map(route => ({ route, serve: behind(route) }))
    const router: Serve = request => {
      const found = routes.find(({ route }) => matches(route, request.method, new URL(request.url).pathname))
      return found === undefined ? new Response('nothing here', { status: 404 }) : found.serve(request)
    }
    const mounted = toFetch(edge, neighbour === undefined ? router : toFetch(neighbour, router, { peer }), {
      peer,
    })
    const twice = times(app) === 2 ? toFetch(edge, mounted, { peer }) : mounted
    const inner: Serve = times(app) === 0 ? router : twice
    const { rewriteInFront } = app
    const changed: Serve =
      rewriteInFront === undefined
        ? inner
        : request => inner(rewrittenRequest(request, rewriteInFront) ?? request)
    const front: Serve =
      app.bodyReadInFront === true ? request => request.text().then(() => changed(request)) : changed

    function behind(route: Route): Serve {
      const handler: Serve = request => {
        const view = {
          state: () => mounted.state(request),
          context: () => mounted.context(request),
          report: (error: unknown) => mounted.report(error, request),
          body: () => request.json() as Promise<unknown>,
        }
        const answer = performIn(scene, route.handler, view)
        if (!(answer instanceof Promise) && answer.kind === 'again')
          return mounted(new Request(new URL(answer.target, request.url), { headers: { ...answer.headers } }))
        return answer instanceof Promise ? answer.then(responseOf) : responseOf(answer)
      }
      return route.through.reduceRight<Serve>(
        (inside, name) => toFetch(named(branches, name), inside),
        handler,
      )
    }
    return { client: callClient(async request => front(request)), close: async () => {} }
  },
}
