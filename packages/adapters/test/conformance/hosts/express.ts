import { Readable } from 'node:stream'
import { pipeline as pump } from 'node:stream/promises'
import { toExpress } from '@palisade/adapters/express'
import express, {
  type IRouter,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { Answer } from '../answers.js'
import type { Mount, Rewrite, Route } from '../behaviour.js'
import { type Host, named, performIn, rewriteNode, routesOf, times } from './host.js'
import { answerOnNode } from './node-answer.js'
import { listen, serverFor } from './serve.js'

export const expressHost: Host = {
  name: 'express',
  lacks: {},
  async start(scene) {
    const { app: wanted, neighbour } = scene
    const edge = toExpress(scene.edge)
    const branches = Object.fromEntries(
      Object.entries(scene.branches).map(([name, branch]) => [name, toExpress(branch)]),
    )
    const app = express()
    // Express writes unhandled errors to the console otherwise.
    app.set('env', 'test')
    if (wanted.bodyReadInFront === true) app.use(express.text({ type: '*/*' }))
    if (wanted.rewriteInFront !== undefined) app.use(rewriting(wanted.rewriteInFront))
    for (let i = 0; i < times(wanted); i++) app.use(edge)
    if (wanted.rewrite !== undefined) app.use(rewriting(wanted.rewrite))
    if (wanted.parsers === true) app.use(express.json({ limit: '2mb' }))
    if (neighbour !== undefined) app.use(toExpress(neighbour))
    fill(app, routesOf(wanted), wanted.mounts)
    if (wanted.notFoundHandler === true) app.use(edge.notFoundHandler)
    if (wanted.errorHandler === true) app.use(edge.errorHandler)
    const { ownErrorHandler } = wanted
    if (ownErrorHandler !== undefined)
      app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
        res.status(ownErrorHandler).send('ours')
      })
    const server = serverFor(scene, app)
    if (wanted.edge !== 'never') edge.handleUnroutable(server)
    return listen(scene, server, edge)

    function fill(router: IRouter, routes: readonly Route[], mounts: readonly Mount[] = []): void {
      for (const { method, path, through, handler } of routes) {
        const gates = through.map(name => named(branches, name))
        router[method.toLowerCase() as 'get'](path, ...gates, (req: Request, res: Response) => {
          const view = {
            state: () => edge.state(req),
            context: () => edge.context(req),
            report: (error: unknown) => edge.report(error, req),
            body: async () => req.body as unknown,
          }
          const answer = performIn(scene, handler, view)
          if (!(answer instanceof Promise) && answer.kind === 'again') {
            req.url = answer.target
            Object.assign(req.headers, answer.headers)
            return app(req, res)
          }
          return answer instanceof Promise ? answer.then(one => respond(res, one)) : respond(res, answer)
        })
      }
      for (const mount of mounts) {
        const inner = mount.asApp === true ? express() : express.Router()
        fill(inner, mount.routes, mount.mounts)
        router.use(mount.at, ...(mount.through ?? []).map(name => named(branches, name)), inner)
      }
    }
  },
}

const rewriting =
  (rewrite: Rewrite): RequestHandler =>
  (req, _res, next) => {
    rewriteNode(req, rewrite)
    next()
  }

async function respond(res: Response, answer: Answer): Promise<void> {
  if (answer.kind === 'plain') {
    res.status(answer.status).set(answer.headers)
    for (const [name, value] of Object.entries(answer.append)) {
      if (name.toLowerCase() === 'vary') res.vary(value)
      else res.append(name, value)
    }
    if (answer.body === null) res.end()
    else res.send(answer.body)
  } else if (answer.kind === 'redirect') {
    res.redirect(answer.to)
  } else if (answer.kind === 'stream') {
    res.set(answer.headers)
    await pump(Readable.from(answer.chunks), res).catch(() => {})
  } else {
    await answerOnNode(res, answer)
  }
}
