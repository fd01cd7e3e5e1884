import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import {
  answerError,
  type CompiledPipeline,
  type Pipeline,
  type Reply,
  type RequestContext,
} from '@palisade/core'
import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRequestHookHandler,
} from 'fastify'
import { requireContext } from './edge.js'
import { NodeContext } from './node-http/node-context.js'
import { guardUpgrades } from './node-http/upgrade.js'

export interface FastifyEdge<State extends object> extends FastifyPluginCallback {
  /** What the pipeline's middlewares have put into the request's state. @throws Error when the pipeline never ran on it */
  state(request: FastifyRequest): State
  context(request: FastifyRequest): RequestContext<State>
  /** The pipeline as a hook of one route: `app.get('/admin', { onRequest: admin.onRequest }, handler)`. */
  readonly onRequest: onRequestHookHandler
  /** Answers the team's own errors in the pipeline's form: `app.setErrorHandler(edge.errorHandler)`. */
  readonly errorHandler: (error: unknown, request: FastifyRequest, reply: FastifyReply) => void
  /** Answers what no route matched in the pipeline's form: `app.setNotFoundHandler(edge.notFoundHandler)`. */
  readonly notFoundHandler: (request: FastifyRequest, reply: FastifyReply) => void
  /** Puts the pipeline in front of the server's upgrades too; returns a function that takes it away. */
  handleUpgrade(server: Server): () => void
}

/**
 * A pipeline as a Fastify plugin, for all routes of the instance it is registered on, siblings and 404s included.
 *
 *     const edge = toFastify(pipeline().use(requestId()))
 *     await app.register(edge)
 *     app.get('/me', request => edge.state(request))
 */
export function toFastify<State extends object>(edge: Pipeline<State>): FastifyEdge<State> {
  const pipeline = edge.compile()
  const onRequest = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => {
    const ctx = pipeline.contextOf(request.raw) ?? enter(pipeline, request, reply)
    const answer = pipeline.run(ctx)
    if (answer === undefined) done()
    else if (answer instanceof Promise)
      void answer.then(sent => (sent === undefined ? done() : send(reply, sent)))
    else send(reply, answer)
  }
  const onError = (request: FastifyRequest, _reply: FastifyReply, error: unknown, done: () => void) => {
    const ctx = pipeline.contextOf(request.raw)
    if (ctx !== undefined) ctx.error ??= error
    done()
  }
  const plugin = (app: FastifyInstance, _options: object, done: (error?: Error) => void) => {
    app.addHook('onRequest', onRequest)
    app.addHook('onError', onError)
    done()
  }
  return Object.assign(plugin, {
    // fastify-plugin's mark: the hooks belong to the instance, not to a scope of their own.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'palisade',
    state: (request: FastifyRequest) => requireContext(pipeline, request.raw).state as State,
    context: (request: FastifyRequest) => requireContext(pipeline, request.raw) as RequestContext<State>,
    onRequest,
    errorHandler: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      const ctx = pipeline.contextOf(request.raw) ?? enter(pipeline, request, reply)
      send(reply, answerError(ctx, error, 'the handler failed', undefined))
    },
    notFoundHandler: (request: FastifyRequest, reply: FastifyReply) => {
      const ctx = pipeline.contextOf(request.raw) ?? enter(pipeline, request, reply)
      send(
        reply,
        ctx.deny({ status: 404, code: 'NOT_FOUND', message: 'The requested resource was not found' }),
      )
    },
    handleUpgrade: (server: Server) => guardUpgrades(pipeline, server),
  })
}

function enter(pipeline: CompiledPipeline, request: FastifyRequest, reply: FastifyReply): FastifyContext {
  const ctx = new FastifyContext(pipeline.root, request, reply)
  pipeline.attach(request.raw, ctx)
  return ctx
}

/** Through Fastify, so that the team's own `onSend` and `onResponse` hooks see it. */
function send(reply: FastifyReply, { status, headers, body }: Reply): void {
  if (reply.sent) return
  reply.code(status)
  for (const name in headers) reply.header(name, headers[name])
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) reply.send(body ?? '')
  else reply.send(Readable.from(body))
}

class FastifyContext extends NodeContext {
  private readonly request: FastifyRequest

  constructor(pipeline: CompiledPipeline, request: FastifyRequest, reply: FastifyReply) {
    super(pipeline, request.raw, reply.raw)
    this.request = request
  }

  override get route(): string | undefined {
    return this.request.routeOptions.url
  }
}
