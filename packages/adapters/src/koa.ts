import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Diagnosis, Pipeline, Reply, RequestContext } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { answerError, type CompiledPipeline, discard, exposedMessage } from '@palisade/core/host'
import { refusalOf } from '@palisade/core/middleware'
import type { Context, Middleware, Next } from 'koa'
import { compiled, contextIn, report, requireContext } from './edge.js'
import { mountOf, templateOf, watchMounts } from './koa/template.js'
import { type ConnectMiddleware, connectMiddleware, orConnect } from './node-http/connect.js'
import { tear } from './node-http/end-of-response.js'
import { NodeContext } from './node-http/node-context.js'
import { guardUpgrades } from './node-http/upgrade.js'
import { begin, writeReply } from './node-http/write-reply.js'
import { hasNoBody, sendSafely } from './reply.js'

interface HasRequest {
  readonly req: IncomingMessage
}

export interface KoaEdge<State extends object> extends Middleware {
  /**
   * What the pipeline's middlewares have put into the request's state; of an upgrade, by Node's own
   * request. @throws Error when the pipeline never ran on it
   */
  state(ctx: HasRequest | IncomingMessage): State
  context(ctx: HasRequest | IncomingMessage): RequestContext<State>
  /**
   * What the pipeline's `trust` gets wrong about the topology, from its first 100 requests;
   * `undefined` while nothing is wrong.
   */
  diagnose(): Diagnosis | undefined
  /**
   * Reports an error that the team answers itself, where the edge cannot see it: in a `catch`
   * behind it. Logs it, emits `request:error` and counts it, once.
   */
  report(error: unknown, ctx: HasRequest | IncomingMessage): void
  /**
   * Answers the team's own errors and what no route matched in the pipeline's form:
   * `app.use(edge).use(edge.errorHandler)`.
   */
  readonly errorHandler: Middleware
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
 * A pipeline as Koa middleware. Mount it first; a branch goes in front of the routes it is for.
 *
 *     const edge = toKoa(pipeline().use(requestId()))
 *     app.use(edge)
 *     router.get('/me', ctx => { ctx.body = edge.state(ctx) })
 */
export function toKoa<State extends object>(edge: Pipeline<State>): KoaEdge<State> {
  const pipeline = compiled('toKoa', edge)
  const apps = new WeakSet<object>()
  const middleware = (koa: Context, next: Next): Promise<void> => {
    listen(koa.app)
    const ctx = enter(pipeline, koa)
    const answer = pipeline.run(ctx)
    if (answer === undefined) return pass(ctx, koa, next)
    if (answer instanceof Promise)
      return answer.then(reply => (reply === undefined ? pass(ctx, koa, next) : respond(ctx, koa, reply)))
    respond(ctx, koa, answer)
    return Promise.resolve()
  }
  // Koa's own way to report an error that inner middleware of the team has answered.
  const listen = (app: Context['app']) => {
    if (apps.has(app)) return
    apps.add(app)
    watchMounts(app.context)
    // Koa adds its own listener, which writes to the console, only where there is no other.
    if (app.listenerCount('error') === 0) return
    app.on('error', (error: unknown, koa?: Context) => {
      const ctx = koa?.req === undefined ? undefined : contextIn(pipeline, [koa, koa.req])
      // Koa also emits the reset of a client that has left, which is no error of the handler.
      if (ctx?.clientHasLeft === false) ctx.noteError(error)
    })
  }
  const errorHandler = async (koa: Context, next: Next): Promise<void> => {
    const ctx = enter(pipeline, koa)
    try {
      await next()
    } catch (error) {
      // Koa shows such a message for every status.
      const view = { message: exposedMessage(error) }
      const answer = answerError(ctx, error, 'the handler failed', undefined, view)
      if (!koa.headerSent) return respond(ctx, koa, answer)
      // Half an answer cannot be taken back; a torn connection is how the client learns that it is
      // half. Koa itself would leave it open.
      koa.respond = false
      tear(koa.res)
      return
    }
    if (koa.status === 404 && koa.body === undefined && koa.respond !== false && !koa.headerSent) {
      respond(ctx, koa, ctx.deny(refusalOf(404)))
    }
  }
  const connect = connectMiddleware(pipeline)
  return Object.assign(orConnect(middleware, connect), {
    diagnose: () => pipeline.diagnose(),
    state: (koa: HasRequest | IncomingMessage) => requireContext(pipeline, carriers(koa)).state as State,
    context: (koa: HasRequest | IncomingMessage) =>
      requireContext(pipeline, carriers(koa)) as unknown as RequestContext<State>,
    report: (error: unknown, koa: HasRequest | IncomingMessage) => report(pipeline, carriers(koa), error),
    errorHandler,
    middleware: connect,
    handleUpgrade: (server: Server) => guardUpgrades(pipeline, server),
  })
}

/**
 * Koa makes a context for each dispatch; Node's request may come through several (`app.callback()`
 * in a handler).
 */
function enter(pipeline: CompiledPipeline, koa: Context): HostContext {
  const known = pipeline.contextOf(koa)
  if (known !== undefined) return known
  const outer = pipeline.contextOf(koa.req)
  // `toNode` around the app has met the request.
  const ctx = outer === undefined || outer instanceof KoaContext ? new KoaContext(pipeline.root, koa) : outer
  if (outer === undefined) pipeline.attach(koa.req, ctx)
  pipeline.attach(koa, ctx)
  return ctx
}

async function pass(ctx: HostContext, koa: Context, next: Next): Promise<void> {
  try {
    await next()
  } catch (error) {
    const thrown = ctx.noteError(error)
    if (ctx instanceof KoaContext) keepEarlyHeaders(koa, ctx.early)
    // Koa itself fails on what it cannot inspect, and never answers what is nothing.
    throw printable(thrown)
  }
}

/**
 * Koa's own error answer drops every header that `getHeaderNames` lists, and takes over those of
 * `error.headers`. The error may be shared between requests, so what belongs to this one is not
 * written on it: the headers are left out of the list instead.
 */
function keepEarlyHeaders({ res }: Context, early: ReadonlySet<string>): void {
  const list = res.getHeaderNames
  res.getHeaderNames = () => list.call(res).filter(name => !early.has(name))
}

/** Koa never answers `null`, nor what does not become JSON for its log, such as a BigInt. */
function printable(thrown: unknown): unknown {
  if (thrown instanceof Error) return thrown
  if (thrown === null) return new TypeError('null was thrown')
  try {
    JSON.stringify(thrown)
    return thrown
  } catch {
    return new TypeError(`a value of type ${typeof thrown} was thrown`)
  }
}

/**
 * Through Koa, so that outer middleware of the team sees the status; what Koa cannot take is
 * written past it.
 */
function respond(ctx: HostContext, koa: Context, reply: Reply): void {
  if (koa.headerSent) {
    discard(reply)
    return
  }
  const isStream =
    reply.body !== null && typeof reply.body !== 'string' && !(reply.body instanceof Uint8Array)
  if (isStream || STATUS_CODES[reply.status] === undefined) {
    koa.respond = false
    writeReply(ctx, koa.res, reply)
    return
  }
  const { body, status } = sendSafely(ctx, reply, one => begin(koa.res, one)) as Reply & { body: Fixed }
  koa.status = status
  if (hasNoBody(status)) return
  const hasType = koa.res.hasHeader('Content-Type')
  koa.body = typeof body === 'string' ? body : Buffer.from(body ?? [])
  // Koa gives even an empty body a type.
  if (!hasType) koa.remove('Content-Type')
}

type Fixed = string | Uint8Array | null

class KoaContext extends NodeContext {
  private readonly koa: Context
  /** The names of the headers that were set before the handler, one by one and by the dozen. */
  private readonly names: string[] = []
  private readonly dozens: Parameters<HostContext['setHeaders']>[0][] = []

  constructor(pipeline: CompiledPipeline, koa: Context) {
    super(pipeline, koa.req, koa.res)
    this.koa = koa
  }

  /**
   * `koa-mount` takes the prefix of a mount away and names it, the innermost only. Any other change
   * is a rewrite.
   */
  protected override targetNow(): string {
    const { originalUrl, url, mountPath } = this.koa as Context & { mountPath?: string }
    if (mountPath === undefined || url === originalUrl) return url
    const seen = mountPath + url
    if (originalUrl.endsWith(seen) || originalUrl.endsWith(mountPath + url.slice(1))) return originalUrl
    return seen
  }

  override get route(): string | undefined {
    return templateOf(this.koa)
  }

  protected override get mountPath(): string | undefined {
    return mountOf(this.koa)
  }

  override setHeader(name: string, value: string): void {
    super.setHeader(name, value)
    this.names.push(name)
  }

  override setHeaders(pairs: Parameters<HostContext['setHeaders']>[0]): void {
    super.setHeaders(pairs)
    this.dozens.push(pairs)
  }

  override appendHeader(name: string, value: string): void {
    super.appendHeader(name, value)
    this.names.push(name)
  }

  /** In lower case. */
  get early(): ReadonlySet<string> {
    const names = [...this.names, ...this.dozens.flatMap(pairs => pairs.map(([name]) => name))]
    return new Set(names.map(name => name.toLowerCase()))
  }
}

const carriers = (koa: HasRequest | IncomingMessage): readonly object[] =>
  'req' in koa ? [koa, koa.req] : [koa]
