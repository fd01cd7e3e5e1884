import { type IncomingMessage, type Server, validateHeaderName, validateHeaderValue } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { RequestContext } from '@palisade/core'
import { ConfigError, type Diagnosis, type Pipeline, type Reply } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { answerError, type CompiledPipeline, denialOf, discard } from '@palisade/core/host'
import { refusalOf } from '@palisade/core/middleware'
import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRequestHookHandler,
} from 'fastify'
import { compiled, report, requireContext } from './edge.js'
import { FastifyContext } from './fastify/context.js'
import { viewOf } from './fastify/error-view.js'
import { markPreflights, watchRoutes } from './fastify/preflights.js'
import { routability } from './fastify/routable.js'
import { type ConnectMiddleware, connectMiddleware, orConnect } from './node-http/connect.js'
import { tear } from './node-http/end-of-response.js'
import { isVary } from './node-http/headers.js'
import { streamOf } from './node-http/http2.js'
import { isByteStream, watchSource } from './node-http/pipe.js'
import { limitUnreadBody } from './node-http/unread-body.js'
import { guardUnroutable } from './node-http/unroutable.js'
import { guardUpgrades, handOver, headOf, refuse } from './node-http/upgrade.js'
import { failBody, writeReply } from './node-http/write-reply.js'
import { hasNoBody, sendSafely, typeOf, watched } from './reply.js'
import { mergeVary } from './vary.js'

export interface FastifyEdge<State extends object> extends FastifyPluginCallback {
  /**
   * What the pipeline's middlewares have put into the request's state; of an upgrade, by Node's own
   * request. @throws Error when the pipeline never ran on it
   */
  state(request: FastifyRequest | IncomingMessage): State
  context(request: FastifyRequest | IncomingMessage): RequestContext<State>
  /**
   * What the pipeline's `trust` gets wrong about the topology, from its first 100 requests;
   * `undefined` while nothing is wrong.
   */
  diagnose(): Diagnosis | undefined
  /**
   * The pipeline as a hook of one route:
   * `app.get('/admin', { onRequest: admin.onRequest }, handler)`.
   */
  readonly onRequest: onRequestHookHandler
  /**
   * Reports an error that the team answers itself, where the edge cannot see it: in a `catch`. Logs
   * it, emits `request:error` and counts it, once.
   */
  report(error: unknown, request: FastifyRequest | IncomingMessage): void
  /**
   * Answers the team's own errors in the pipeline's form: `app.setErrorHandler(edge.errorHandler)`.
   */
  readonly errorHandler: (error: unknown, request: FastifyRequest, reply: FastifyReply) => void
  /**
   * Answers what no route matched in the pipeline's form:
   * `app.setNotFoundHandler(edge.notFoundHandler)`.
   */
  readonly notFoundHandler: (request: FastifyRequest, reply: FastifyReply) => void
  /**
   * The pipeline in front of requests that a library takes from the server before the host sees
   * them: `io.engine.use(edge.middleware)` of Socket.IO, for long polling and WebSockets.
   */
  readonly middleware: ConnectMiddleware
  /**
   * Puts the pipeline in front of the server's upgrades too; returns a function that takes it away.
   */
  handleUpgrade(server: Server): () => void
}

/**
 * A pipeline as a Fastify plugin, for all routes of the instance it is registered on, siblings and
 * 404s included.
 *
 *     const edge = toFastify(pipeline().use(requestId()))
 *     await app.register(edge)
 *     app.get('/me', request => edge.state(request))
 */
export function toFastify<State extends object>(edge: Pipeline<State>): FastifyEdge<State> {
  const pipeline = compiled('toFastify', edge)
  const enterHook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => {
    const ctx = enter(pipeline, request, reply)
    const answer = pipeline.run(ctx)
    if (answer === undefined) done()
    else if (answer instanceof Promise)
      void answer.then(sent => (sent === undefined ? done() : send(ctx, reply, sent)))
    else send(ctx, reply, answer)
  }
  const onRequest = markPreflights(pipeline, enterHook)
  const onError = (request: FastifyRequest, reply: FastifyReply, error: unknown, done: () => void) => {
    const noted = pipeline.contextOf(request)?.noteError(error)
    // Fastify fails to read the status of such an error, and would answer with 200.
    if (noted !== undefined && noted !== error) reply.code(denialOf(noted).status)
    done()
  }
  const plugin = (app: FastifyInstance, _options: object, done: (error?: Error) => void) => {
    const fault = wrongDelimiter(app)
    if (fault !== undefined) return done(fault)
    watchRoutes(app)
    app.addHook('onRequest', onRequest)
    app.addHook('onError', onError)
    const { isRoutable, rewrittenTarget } = routability(app)
    guardUnroutable(
      pipeline,
      app.server,
      isRoutable,
      (req, res) => new FastifyContext(pipeline.root, req, res, rewrittenTarget(req)),
    )
    done()
  }
  const connect = connectMiddleware(pipeline)
  return Object.assign(orConnect(plugin, connect), {
    // fastify-plugin's mark: the hooks belong to the instance, not to a scope of their own.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'palisade',
    diagnose: () => pipeline.diagnose(),
    state: (request: FastifyRequest | IncomingMessage) =>
      requireContext(pipeline, carriers(request)).state as State,
    context: (request: FastifyRequest | IncomingMessage) =>
      requireContext(pipeline, carriers(request)) as unknown as RequestContext<State>,
    onRequest,
    report: (error: unknown, request: FastifyRequest | IncomingMessage) =>
      report(pipeline, carriers(request), error),
    errorHandler: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      const ctx = enter(pipeline, request, reply)
      const answer = answerError(ctx, error, 'the handler failed', undefined, viewOf(error, reply))
      // Half an answer cannot be taken back; a torn connection is how the client learns that it is
      // half.
      if (reply.raw.headersSent) tear(reply.raw)
      else send(ctx, reply, answer)
    },
    notFoundHandler: (request: FastifyRequest, reply: FastifyReply) => {
      const ctx = enter(pipeline, request, reply)
      send(ctx, reply, ctx.deny(refusalOf(404)))
    },
    middleware: connect,
    handleUpgrade: (server: Server) => guardUpgrades(pipeline, server),
  })
}

/**
 * The context of a dispatch. It exists already if another mount or the raw server met the request
 * first. Fastify makes a request for each dispatch; Node's request may come through several
 * (`app.routing()` in a handler).
 */
function enter(pipeline: CompiledPipeline, request: FastifyRequest, reply: FastifyReply): HostContext {
  const known = pipeline.contextOf(request)
  if (known !== undefined) return known
  const outer = pipeline.contextOf(request.raw)
  const isNew = outer === undefined || (outer instanceof FastifyContext && outer.isRouted)
  const ctx = isNew ? new FastifyContext(pipeline.root, request.raw, reply.raw) : outer
  if (outer === undefined) pipeline.attach(request.raw, ctx)
  if (ctx instanceof FastifyContext) ctx.routed(request)
  pipeline.attach(request, ctx)
  return ctx
}

/**
 * `/secret;x` would be routed to `/secret`, and every rule by path would have seen another path.
 */
function wrongDelimiter(app: FastifyInstance): ConfigError | undefined {
  const { useSemicolonDelimiter, routerOptions } = app.initialConfig as {
    useSemicolonDelimiter?: boolean
    routerOptions?: { useSemicolonDelimiter?: boolean }
  }
  if (routerOptions?.useSemicolonDelimiter !== true && useSemicolonDelimiter !== true) return undefined
  return new ConfigError({
    owner: 'toFastify',
    option: 'routerOptions.useSemicolonDelimiter',
    value: true,
    allowed: 'false, since rules by path would see another path than the router',
  })
}

const carriers = (request: FastifyRequest | IncomingMessage): readonly object[] =>
  'raw' in request ? [request, request.raw] : [request]

/** Through Fastify, so that the team's own `onSend` and `onResponse` hooks see it. */
function send(ctx: HostContext, reply: FastifyReply, answer: Reply): void {
  if (reply.sent) {
    discard(answer)
    return
  }
  if (answer.takesOver !== undefined) {
    takeOver(ctx as FastifyContext, reply, answer.takesOver)
    return
  }
  const sent = sendSafely(ctx, answer, one => begin(reply, one))
  const { body, status } = sent
  if (hasNoBody(status)) {
    discard(sent)
    reply.send()
  }
  // Not even bytes without length, which Fastify gives a type. The length it leaves to us when the
  // method is HEAD.
  else if (body === null) reply.header('content-length', '0').send()
  // Bytes, since Fastify completes the type of a text by its own rules.
  else if (typeof body === 'string') reply.send(Buffer.from(body))
  else if (body instanceof Uint8Array) reply.send(body)
  else if (ctx.method === 'HEAD' || reply.raw.destroyed) {
    // Fastify would read the stream, and throw away what it reads; where the client has left it
    // would not end it.
    reply.hijack()
    writeReply(ctx, reply.raw, sent)
  } else {
    // Fastify tears the connection when a stream fails, but says it to its own log only, and ends
    // an HTTP/2 stream as if it were whole.
    const fail = (error: unknown) => {
      failBody(ctx, error)
      if (streamOf(reply.raw) !== undefined) tear(reply.raw)
    }
    if (isByteStream(body)) watchSource(body, fail)
    reply.send(isByteStream(body) ? body : Readable.from(watched(body, fail)))
  }
}

/** Of an upgrade that `@fastify/websocket` has given to Fastify, with a response on its socket. */
function takeOver(
  ctx: FastifyContext,
  reply: FastifyReply,
  takesOver: NonNullable<Reply['takesOver']>,
): void {
  const { raw } = reply
  const socket = raw.socket as Socket
  reply.hijack()
  raw.detachSocket(socket)
  const head = headOf(reply.request.raw)
  handOver(ctx, takesOver, { socket, head }, failed => refuse(ctx, socket, failed))
}

/**
 * @throws TypeError for a header that Node would refuse, when it is too late to answer anything
 * else
 */
function begin(reply: FastifyReply, answer: Reply): Reply {
  const { headers, status } = answer
  for (const name in headers) {
    validateHeaderName(name)
    for (const line of [headers[name]].flat()) validateHeaderValue(name, line as string)
  }
  limitUnreadBody(reply.request.raw, reply.raw)
  reply.code(status)
  for (const name in headers) {
    const value = headers[name] as string | string[]
    reply.header(name, isVary(name) ? varyWith(reply, value) : value)
  }
  const type = typeOf(answer)
  if (type !== undefined && !reply.hasHeader('content-type') && !reply.raw.hasHeader('content-type'))
    reply.header('content-type', type)
  return answer
}

function varyWith(reply: FastifyReply, value: string | string[]): string {
  const existing = reply.getHeader('vary')
  return mergeVary(existing === undefined ? undefined : String(existing), [value].flat().join(', '))
}
