import { Readable } from 'node:stream'
import { type FastifyEdge, toFastify } from '@palisade/adapters/fastify'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type { Answer } from '../answers.js'
import type { Mount, Route } from '../behaviour.js'
import { type Host, named, performIn, routesOf, times } from './host.js'
import { answerOnNode } from './node-answer.js'
import { listen, serverFor } from './serve.js'

export const fastify: Host = {
  name: 'fastify',
  lacks: { rewrites: 'it routes before its hooks run' },
  async start(scene) {
    const { app: wanted, neighbour } = scene
    const edge = toFastify(scene.edge)
    const branches = Object.fromEntries(
      Object.entries(scene.branches).map(([name, branch]) => [name, toFastify(branch)]),
    )
    const app = Fastify({ serverFactory: listener => serverFor(scene, listener) })
    if (wanted.bodyReadInFront === true)
      app.addHook('onRequest', (request, _reply, done) => {
        request.raw.resume().on('end', () => done())
      })
    const { rewriteInFront } = wanted
    if (rewriteInFront !== undefined)
      app.addHook('onRequest', (request, _reply, done) => {
        const header = (name: string) => request.headers[name] as string | undefined
        const change = rewriteInFront({ method: request.method, target: request.url, header })
        if (change?.headers !== undefined) request.headers = change.headers
        done()
      })
    for (let i = 0; i < times(wanted); i++) await app.register(edge)
    if (neighbour !== undefined) await app.register(toFastify(neighbour))
    if (wanted.notFoundHandler === true) app.setNotFoundHandler(edge.notFoundHandler)
    if (wanted.errorHandler === true) app.setErrorHandler(edge.errorHandler)
    const { ownErrorHandler } = wanted
    if (ownErrorHandler !== undefined)
      app.setErrorHandler((_error, _request, reply) => reply.code(ownErrorHandler).send('ours'))
    // Text bodies of any type are for the handlers to ignore.
    app.addContentTypeParser('*', (_request, payload, done) => {
      payload.resume().on('end', () => done(null))
    })
    fill(app, routesOf(wanted), wanted.mounts)
    await app.ready()
    const running = await listen(scene, app.server, edge)
    return {
      client: running.client,
      async close() {
        await running.close()
        await app.close()
      },
    }

    function fill(instance: FastifyInstance, routes: readonly Route[], mounts: readonly Mount[] = []): void {
      for (const { method, path, through, handler } of routes) {
        instance.route({
          method,
          url: path,
          onRequest: through.map(name => named<FastifyEdge<object>>(branches, name).onRequest),
          handler: (request, reply) => {
            const view = {
              state: () => edge.state(request),
              context: () => edge.context(request),
              report: (error: unknown) => edge.report(error, request),
              body: async () => request.body,
            }
            const answer = performIn(scene, handler, view)
            if (!(answer instanceof Promise) && answer.kind === 'again')
              return app
                .inject({ url: answer.target, headers: answer.headers })
                .then(({ statusCode, body }) => reply.code(statusCode).send(body))
            return answer instanceof Promise
              ? answer.then(one => respond(reply, one))
              : respond(reply, answer)
          },
        })
      }
      for (const mount of mounts) {
        instance.register(
          (inner, _options, done) => {
            for (const name of mount.through ?? [])
              inner.addHook('onRequest', named<FastifyEdge<object>>(branches, name).onRequest)
            fill(inner, mount.routes, mount.mounts)
            done()
          },
          { prefix: mount.at },
        )
      }
    }
  },
}

async function respond(reply: FastifyReply, answer: Answer): Promise<unknown> {
  if (answer.kind === 'plain') {
    reply.code(answer.status).headers(answer.headers)
    // Fastify adds only cookies; another field is read and written again, as its users do.
    for (const [name, value] of Object.entries(answer.append)) {
      const existing = name.toLowerCase() === 'set-cookie' ? undefined : reply.getHeader(name)
      reply.header(name, existing === undefined ? value : `${existing}, ${value}`)
    }
    return reply.send(answer.body ?? undefined)
  }
  if (answer.kind === 'redirect') return reply.redirect(answer.to)
  if (answer.kind === 'stream') return reply.headers(answer.headers).send(Readable.from(answer.chunks))
  if (answer.kind === 'raw') reply.hijack()
  await answerOnNode(reply.raw, answer)
  return reply
}
