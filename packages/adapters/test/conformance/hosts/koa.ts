import { Readable } from 'node:stream'
import Router, { type RouterContext } from '@koa/router'
import { toKoa } from '@palisade/adapters/koa'
import Koa from 'koa'
import { koaBody } from 'koa-body'
import type { Answer } from '../answers.js'
import type { Mount, Rewrite, Route } from '../behaviour.js'
import { type Host, named, performIn, rewriteNode, routesOf, times } from './host.js'
import { answerOnNode } from './node-answer.js'
import { listen, serverFor } from './serve.js'

export const koa: Host = {
  name: 'koa',
  lacks: {},
  async start(scene) {
    const { app: wanted, neighbour } = scene
    const edge = toKoa(scene.edge)
    const branches = Object.fromEntries(
      Object.entries(scene.branches).map(([name, branch]) => [name, toKoa(branch)]),
    )
    const app = new Koa()
    // Koa writes unhandled errors to the console otherwise.
    app.silent = true
    if (wanted.bodyReadInFront === true)
      app.use(async (ctx, next) => {
        for await (const _ of ctx.req);
        await next()
      })
    if (wanted.rewriteInFront !== undefined) app.use(rewriting(wanted.rewriteInFront))
    for (let i = 0; i < times(wanted); i++) app.use(edge)
    if (wanted.rewrite !== undefined) app.use(rewriting(wanted.rewrite))
    if (wanted.parsers === true) app.use(koaBody({ jsonLimit: '2mb' }))
    if (neighbour !== undefined) app.use(toKoa(neighbour))
    if (wanted.errorHandler === true || wanted.notFoundHandler === true) app.use(edge.errorHandler)
    const { ownErrorHandler } = wanted
    if (ownErrorHandler !== undefined)
      app.use(async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          ctx.status = ownErrorHandler
          ctx.body = 'ours'
          // As Koa's own documentation advises.
          ctx.app.emit('error', error, ctx)
        }
      })
    app.use(fill(new Router(), routesOf(wanted), wanted.mounts).routes())
    return listen(scene, serverFor(scene, app.callback()), edge)

    function fill(router: Router, routes: readonly Route[], mounts: readonly Mount[] = []): Router {
      for (const { method, path, through, handler } of routes) {
        const gates = through.map(name => named(branches, name))
        router.register(
          path,
          [method],
          [
            ...gates,
            (ctx: RouterContext) => {
              const view = {
                state: () => edge.state(ctx),
                context: () => edge.context(ctx),
                report: (error: unknown) => edge.report(error, ctx),
                body: async () => (ctx.request as { body?: unknown }).body,
              }
              const answer = performIn(scene, handler, view)
              if (!(answer instanceof Promise) && answer.kind === 'again') {
                ctx.respond = false
                ctx.req.url = answer.target
                Object.assign(ctx.req.headers, answer.headers)
                return app.callback()(ctx.req, ctx.res)
              }
              return answer instanceof Promise ? answer.then(one => respond(ctx, one)) : respond(ctx, answer)
            },
          ],
        )
      }
      for (const mount of mounts) {
        const inner = fill(new Router(), mount.routes, mount.mounts)
        router.use(mount.at, ...(mount.through ?? []).map(name => named(branches, name)), inner.routes())
      }
      return router
    }
  },
}

const rewriting =
  (rewrite: Rewrite): Koa.Middleware =>
  (ctx, next) => {
    rewriteNode(ctx.req, rewrite)
    return next()
  }

async function respond(ctx: RouterContext, answer: Answer): Promise<void> {
  if (answer.kind === 'plain') {
    ctx.status = answer.status
    ctx.set(answer.headers)
    for (const [name, value] of Object.entries(answer.append)) {
      if (name.toLowerCase() === 'vary') ctx.vary(value)
      else ctx.append(name, value)
    }
    ctx.body = answer.body
    // A body of null makes Koa forget the status it was given.
    ctx.status = answer.status
  } else if (answer.kind === 'redirect') {
    ctx.redirect(answer.to)
  } else if (answer.kind === 'stream') {
    ctx.set(answer.headers)
    ctx.body = Readable.from(answer.chunks)
  } else {
    if (answer.kind === 'raw') ctx.respond = false
    await answerOnNode(ctx.res, answer)
  }
}
