import type { IncomingMessage, ServerResponse } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { toNode } from '@palisade/adapters/node'
import type { Route } from '../behaviour.js'
import { flatten, type Host, matches, named, performIn, rewriteNode, times } from './host.js'
import { answerOnNode } from './node-answer.js'
import { listen, serverFor } from './serve.js'

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

export const node: Host = {
  name: 'node',
  lacks: {
    router: 'a listener has no router: what matches nothing is for the listener itself to answer',
    'error-handler': 'errors are always answered in the form of the pipeline',
    'not-found-handler': 'a listener has no router',
  },
  async start(scene) {
    const { app, edge, branches, neighbour } = scene
    const routes = flatten(app).map(route => ({ route, listener: behind(route) }))
    const router: Listener = (req, res) => {
      if (app.rewrite !== undefined) rewriteNode(req, app.rewrite)
      const path = (req.url ?? '/').replace(/^http:\/\/[^/]*/, '').replace(/\?.*/, '')
      const found = routes.find(({ route }) => matches(route, req.method ?? '', path))
      if (found !== undefined) return found.listener(req, res)
      return res.writeHead(404).end('nothing here')
    }
    const mounted = toNode(edge, neighbour === undefined ? router : toNode(neighbour, router))
    const twice = times(app) === 2 ? toNode(edge, mounted) : mounted
    const { rewriteInFront } = app
    const inner: Listener = times(app) === 0 ? router : twice
    const changed: Listener =
      rewriteInFront === undefined
        ? inner
        : (req, res) => {
            rewriteNode(req, rewriteInFront)
            return inner(req, res)
          }
    const front: Listener = app.bodyReadInFront === true ? afterBody(changed) : changed

    function behind(route: Route): Listener {
      const handler: Listener = async (req, res) => {
        const view = {
          state: () => mounted.state(req),
          context: () => mounted.context(req),
          report: (error: unknown) => mounted.report(error, req),
          body: async () => JSON.parse(await textOf(req)) as unknown,
        }
        const answer = await performIn(scene, route.handler, view)
        if (answer.kind !== 'again') return answerOnNode(res, answer)
        req.url = answer.target
        Object.assign(req.headers, answer.headers)
        return front(req, res)
      }
      return route.through.reduceRight<Listener>(
        (inside, name) => toNode(named(branches, name), inside),
        handler,
      )
    }
    return listen(scene, serverFor(scene, front), mounted)
  },
}

const afterBody =
  (listener: Listener): Listener =>
  (req, res) => {
    req.resume().on('end', () => listener(req, res))
  }
