import type { IncomingMessage, Server } from 'node:http'
import type { Diagnosis, Pipeline, RequestContext } from '@palisade/core'
import { answerError, type CompiledPipeline, inspectable } from '@palisade/core/host'
import { refusalOf } from '@palisade/core/middleware'
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express'
import { compiled, report, requireContext } from './edge.js'
import { ErrorWatch } from './express/error-watch.js'
import { HiddenClasses } from './express/hidden-classes.js'
import { RouteTemplates } from './express/route-templates.js'
import { type ConnectMiddleware, connectMiddleware } from './node-http/connect.js'
import { attachDispatch, contextOfDispatch } from './node-http/dispatch.js'
import { NodeContext } from './node-http/node-context.js'
import { guardUnroutable } from './node-http/unroutable.js'
import { guardUpgrades } from './node-http/upgrade.js'
import { writeReply } from './node-http/write-reply.js'

export interface ExpressEdge<State extends object> extends RequestHandler, ConnectMiddleware {
  /**
   * What the pipeline's middlewares have put into the request's state. @throws Error when the
   * pipeline never ran on it
   */
  state(req: IncomingMessage): State
  context(req: IncomingMessage): RequestContext<State>
  /**
   * What the pipeline's `trust` gets wrong about the topology, from its first 100 requests;
   * `undefined` while nothing is wrong.
   */
  diagnose(): Diagnosis | undefined
  /**
   * Reports an error that the team answers itself, where the edge cannot see it: in a `catch`, or
   * in an error handler of a sub-app. Logs it, emits `request:error` and counts it, once.
   */
  report(error: unknown, req: IncomingMessage): void
  /**
   * Answers the team's own errors in the pipeline's form. Mount it last:
   * `app.use(edge.errorHandler)`.
   */
  readonly errorHandler: ErrorRequestHandler
  /** Answers what no route matched in the pipeline's form. Mount it behind the routes. */
  readonly notFoundHandler: RequestHandler
  /**
   * The pipeline in front of requests that a library takes from the server before the host sees
   * them: `io.engine.use(edge.middleware)` of Socket.IO, for long polling and WebSockets.
   */
  readonly middleware: ConnectMiddleware
  /**
   * Puts the pipeline in front of the server's upgrades too; returns a function that takes it away.
   */
  handleUpgrade(server: Server): () => void
  /**
   * Puts the pipeline in front of targets that Express answers itself, 404 without any middleware:
   * those in absolute form that it cannot read. Returns a function that takes it away.
   */
  handleUnroutable(server: Server): () => void
}

/**
 * A pipeline as Express middleware. Mount it first, in front of body parsers; a branch goes in
 * front of the routes it is for.
 *
 *     const edge = toExpress(pipeline().use(requestId()))
 *     app.use(edge)
 *     app.get('/me', (req, res) => res.json(edge.state(req)))
 */
export function toExpress<State extends object>(edge: Pipeline<State>): ExpressEdge<State> {
  const pipeline = compiled('toExpress', edge)
  const templates = new RouteTemplates()
  const hiddenClasses = new HiddenClasses()
  const errors = new ErrorWatch(
    (error, req) => pipeline.contextOf(req)?.noteError(error) ?? inspectable(error),
  )
  const enter = (req: Request, res: Response): ExpressContext => {
    hiddenClasses.share(req, res)
    errors.watch(req.app)
    return attachDispatch(pipeline, new ExpressContext(pipeline.root, req, res, templates))
  }
  const connect = connectMiddleware(pipeline)
  const middleware = (req: Request, res: Response, next: NextFunction) => {
    // Express was not asked: a library has taken the request in front of it.
    if (req.app === undefined) return connect(req, res, next)
    const ctx = contextOfDispatch(pipeline, req, res) ?? enter(req, res)
    const answer = pipeline.run(ctx)
    if (answer === undefined) next()
    else if (answer instanceof Promise)
      void answer.then(reply => (reply === undefined ? next() : writeReply(ctx, res, reply)))
    else writeReply(ctx, res, answer)
  }
  const errorHandler = (error: unknown, req: Request, res: Response, next: NextFunction) => {
    const ctx = contextOfDispatch(pipeline, req, res) ?? enter(req, res)
    const reply = answerError(ctx, error, 'the handler failed', undefined, { status: statusSet(res) })
    // Express itself tears the connection when half an answer is already out.
    if (res.headersSent) next(error)
    else writeReply(ctx, res, reply)
  }
  const notFoundHandler = (req: Request, res: Response) => {
    const ctx = contextOfDispatch(pipeline, req, res) ?? enter(req, res)
    writeReply(ctx, res, ctx.deny(refusalOf(404)))
  }
  return Object.assign(middleware as RequestHandler & ConnectMiddleware, {
    diagnose: () => pipeline.diagnose(),
    state: (req: IncomingMessage) => requireContext(pipeline, [req]).state as State,
    context: (req: IncomingMessage) => requireContext(pipeline, [req]) as unknown as RequestContext<State>,
    report: (error: unknown, req: IncomingMessage) => report(pipeline, [req], error),
    errorHandler,
    notFoundHandler,
    middleware: connect,
    handleUpgrade: (server: Server) => guardUpgrades(pipeline, server),
    handleUnroutable: (server: Server) =>
      guardUnroutable(
        pipeline,
        server,
        req => req.url?.[0] === '/',
        (req, res) => new ExpressContext(pipeline.root, req as Request, res as Response, templates),
      ),
  })
}

/** As Express itself, which sends the status that the handler set where the error has none. */
function statusSet({ statusCode }: Response): number | undefined {
  return statusCode >= 400 && statusCode <= 599 ? statusCode : undefined
}

class ExpressContext extends NodeContext {
  private readonly templates: RouteTemplates
  private readonly app: unknown

  constructor(pipeline: CompiledPipeline, req: Request, res: Response, templates: RouteTemplates) {
    super(pipeline, req, res)
    this.templates = templates
    this.app = req.app
  }

  /**
   * Express moves the prefix of a mount from `url` to `baseUrl`; whatever else changes `url` is a
   * rewrite.
   */
  protected override targetNow(): string {
    const { baseUrl, url, originalUrl } = this.req as Request & { baseUrl?: string }
    if (baseUrl === undefined || baseUrl === '') return url
    const start = pathStart(url)
    const seen = `${url.slice(0, start)}${baseUrl}${url.slice(start)}`
    // Express adds a slash where the request is for the mount itself.
    const bare = `${url.slice(0, start)}${baseUrl}${url.slice(start + 1)}`
    return bare === originalUrl ? originalUrl : seen
  }

  override removeHeader(name: string): void {
    super.removeHeader(name)
    if (name.toLowerCase() === 'x-powered-by') this.beforeHead.hideExpress()
  }

  override get route(): string | undefined {
    return this.templates.of(this.req as Request, this.app)
  }

  protected override get mountPath(): string | undefined {
    return this.templates.mountOf(this.req as Request, this.app)
  }
}

/**
 * Where the path begins in a target, which may be in absolute form: where Express's router has it.
 */
function pathStart(url: string): number {
  if (url.charCodeAt(0) === 47) return 0
  const scheme = url.indexOf('://')
  const path = scheme < 0 ? -1 : url.indexOf('/', scheme + 3)
  return Math.max(path, 0)
}
