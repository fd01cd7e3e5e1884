import type { HonoEdge, HonoOptions, toHono } from '@palisade/adapters/hono'
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode, StatusCode } from 'hono/utils/http-status'
import type { Answer } from '../answers.js'
import type { Mount, Route } from '../behaviour.js'
import { named, performIn, rewrittenRequest, routesOf, type Scene, times } from './host.js'
import { bytesOf, responseOf } from './web-answer.js'

/** The scene as a Hono app, for Node and for anything else that has `fetch`. */
export function honoApp(
  scene: Scene,
  mount: typeof toHono,
  options: HonoOptions,
): { app: Hono; edge: HonoEdge<object> } {
  const { app: wanted, neighbour } = scene
  const edge = mount(scene.edge, options)
  const branches = Object.fromEntries(
    Object.entries(scene.branches).map(([name, branch]) => [name, mount(branch, options)]),
  )
  const app = new Hono()
  if (wanted.bodyReadInFront === true)
    app.use(async (c, next) => {
      await c.req.text()
      await next()
    })
  const { rewrite, rewriteInFront } = wanted
  if (rewriteInFront !== undefined)
    app.use((c, next) => {
      c.req.raw = rewrittenRequest(c.req.raw, rewriteInFront) ?? c.req.raw
      return next()
    })
  for (let i = 0; i < times(wanted); i++) app.use(edge)
  // As Hono's own method-override does it: by another dispatch.
  if (rewrite !== undefined)
    app.use(async (c, next) => {
      const other = rewrittenRequest(c.req.raw, rewrite)
      return other === undefined ? next() : app.fetch(other, c.env)
    })
  if (neighbour !== undefined) app.use(mount(neighbour, options))
  if (wanted.notFoundHandler === true) app.notFound(edge.notFoundHandler)
  // Hono's own error handler writes to the console.
  app.onError(
    wanted.errorHandler === true
      ? edge.errorHandler
      : (_error, c) =>
          wanted.ownErrorHandler === undefined
            ? c.text('Internal Server Error', 500)
            : c.text('ours', wanted.ownErrorHandler as ContentfulStatusCode),
  )
  fill(app, routesOf(wanted), wanted.mounts)
  return { app, edge }

  function fill(router: Hono, routes: readonly Route[], mounts: readonly Mount[] = []): void {
    for (const { method, path, through, handler } of routes) {
      router.on(
        method,
        [path],
        ...through.map(name => named(branches, name)),
        (c: Context): Response | Promise<Response> => {
          const view = {
            state: () => edge.state(c),
            context: () => edge.context(c),
            report: (error: unknown) => edge.report(error, c),
            body: () => c.req.json() as Promise<unknown>,
          }
          const answer = performIn(scene, handler, view)
          if (!(answer instanceof Promise) && answer.kind === 'again')
            return Promise.resolve(app.request(answer.target, { headers: { ...answer.headers } }, c.env))
          return answer instanceof Promise ? answer.then(one => respond(c, one)) : respond(c, answer)
        },
      )
    }
    for (const mount of mounts) {
      const inner = new Hono()
      for (const name of mount.through ?? []) inner.use(named(branches, name))
      fill(inner, mount.routes, mount.mounts)
      router.route(mount.at, inner)
    }
  }
}

function respond(c: Context, answer: Answer): Response {
  if (answer.kind === 'plain') {
    for (const [name, value] of Object.entries(answer.headers)) c.header(name, value)
    for (const [name, value] of Object.entries(answer.append)) c.header(name, value, { append: true })
    c.status(answer.status as StatusCode)
    return answer.body === null ? c.body(null) : c.body(answer.body, answer.status as ContentfulStatusCode)
  }
  if (answer.kind === 'redirect' && !answer.native) return c.redirect(answer.to)
  if (answer.kind === 'stream') return c.body(bytesOf(answer.chunks), 200, { ...answer.headers })
  return responseOf(answer)
}
