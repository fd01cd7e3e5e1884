import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import {
  answerError,
  type CompiledPipeline,
  callback,
  checkOptions,
  optional,
  type Pipeline,
  type Reply,
  type ReplyBody,
  type RequestContext,
} from '@palisade/core'
import type { Context, ErrorHandler, MiddlewareHandler, Next, NotFoundHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { compiled, requireContext } from './edge.js'
import { gatherOnWrite } from './node-http/gather-on-write.js'
import { gathers } from './node-http/headers.js'
import { NodeContext } from './node-http/node-context.js'
import { guardUpgrades } from './node-http/upgrade.js'
import { begin, failBody } from './node-http/write-reply.js'
import { sendSafely, watched } from './reply.js'
import { bodyInit, isSent, observed, toResponse, withStaged } from './web/response.js'
import { WebContext } from './web/web-context.js'

/** What `@hono/node-server` puts into `c.env`. */
interface NodeBindings {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

export interface HonoOptions {
  /** The address of the socket away from `@hono/node-server`, such as `c => getConnInfo(c).remote.address`. Without it no client has an address, and none is counted. */
  peer?: (c: Context) => string | undefined
}

export interface HonoEdge<State extends object> extends MiddlewareHandler {
  /** What the pipeline's middlewares have put into the request's state. @throws Error when the pipeline never ran on it */
  state(c: Context): State
  context(c: Context): RequestContext<State>
  /** Answers the team's own errors in the pipeline's form: `app.onError(edge.errorHandler)`. */
  readonly errorHandler: ErrorHandler
  /** Answers what no route matched in the pipeline's form: `app.notFound(edge.notFoundHandler)`. */
  readonly notFoundHandler: NotFoundHandler
  /** Puts the pipeline in front of the Node server's upgrades too; returns a function that takes it away. */
  handleUpgrade(server: Server): () => void
}

/**
 * A pipeline as Hono middleware. Mount it first: `app.use(edge)`; a branch goes in front of the routes it is for.
 *
 * On `@hono/node-server` it works on Node's own request and response, so that no `Headers` are made and early headers are there
 * whoever answers; elsewhere headers wait for the response.
 *
 *     const edge = toHono(pipeline().use(requestId()))
 *     app.use(edge)
 *     app.get('/me', c => c.json(edge.state(c)))
 *
 * @throws ConfigError
 */
export function toHono<State extends object>(
  edge: Pipeline<State>,
  options: HonoOptions = {},
): HonoEdge<State> {
  const checked = checkOptions('toHono', options, {
    peer: optional(callback<NonNullable<HonoOptions['peer']>>('a function (c) => address')),
  })
  const pipeline = compiled('toHono', edge)
  const middleware = (c: Context, next: Next): Promise<Response | undefined> => {
    const known = pipeline.contextOf(carrierOf(c)) as HonoContext | undefined
    const ctx = known ?? enter(pipeline, c, checked)
    const answer = pipeline.run(ctx)
    const isFirst = known === undefined
    if (answer === undefined) return pass(ctx, isFirst, c, next)
    if (!(answer instanceof Promise)) return Promise.resolve(respond(ctx, isFirst, answer))
    return answer.then(reply =>
      reply === undefined ? pass(ctx, isFirst, c, next) : respond(ctx, isFirst, reply),
    )
  }
  return Object.assign(middleware, {
    state: (c: Context) => requireContext(pipeline, carrierOf(c)).state as State,
    context: (c: Context) => requireContext(pipeline, carrierOf(c)) as RequestContext<State>,
    errorHandler: (error: Error, c: Context) => {
      const ctx = (pipeline.contextOf(carrierOf(c)) as HonoContext | undefined) ?? enter(pipeline, c, checked)
      return respond(ctx, false, answerError(ctx, error, 'the handler failed', undefined))
    },
    notFoundHandler: (c: Context) => {
      const ctx = (pipeline.contextOf(carrierOf(c)) as HonoContext | undefined) ?? enter(pipeline, c, checked)
      return respond(
        ctx,
        false,
        ctx.deny({ status: 404, code: 'NOT_FOUND', message: 'The requested resource was not found' }),
      )
    },
    handleUpgrade: (server: Server) => guardUpgrades(pipeline, server),
  })
}

type HonoContext = HonoNodeContext | HonoWebContext

function nodeOf(c: Context): NodeBindings | undefined {
  const env = c.env as Partial<NodeBindings> | undefined
  return env?.incoming !== undefined && env.outgoing !== undefined ? (env as NodeBindings) : undefined
}

function carrierOf(c: Context): object {
  return nodeOf(c)?.incoming ?? c.req.raw
}

function enter(
  pipeline: CompiledPipeline,
  c: Context,
  { peer }: { peer: HonoOptions['peer'] | undefined },
): HonoContext {
  const node = nodeOf(c)
  const ctx =
    node === undefined
      ? new HonoWebContext(pipeline.root, c, peer?.(c))
      : new HonoNodeContext(pipeline.root, c, node)
  pipeline.attach(carrierOf(c), ctx)
  return ctx
}

/**
 * Hono catches what the handler throws, if it is an Error, and has a response by the time `next` is done. What is no Error it
 * hands to nobody, so it is answered here.
 */
function pass(ctx: HonoContext, isFirst: boolean, c: Context, next: Next): Promise<Response | undefined> {
  return next().then(
    () => {
      if (isFirst && !(ctx instanceof HonoNodeContext)) {
        ctx.error ??= c.error
        replace(c, observed(ctx, withStaged(ctx, c.res)))
      }
      return undefined
    },
    (thrown: unknown) => {
      if (!isFirst) throw thrown
      return respond(ctx, true, answerError(ctx, thrown, 'the handler failed', undefined))
    },
  )
}

function replace(c: Context, response: Response): void {
  if (response === c.res) return
  // Given one after the other, Hono would merge the headers of both.
  c.res = undefined
  c.res = response
}

function respond(ctx: HonoContext, isFirst: boolean, reply: Reply): Response {
  if (ctx instanceof HonoNodeContext) return nodeResponse(ctx, reply)
  const response = toResponse(ctx, reply)
  return isFirst ? observed(ctx, withStaged(ctx, response)) : response
}

/** On Node's response, as on every Node host; and as plain headers on the `Response`, which keep the node server on its fast path. */
function nodeResponse(ctx: HonoNodeContext, reply: Reply): Response {
  const sent = sendSafely(ctx, reply, one => begin(ctx.res, one))
  const plain: Record<string, string> = {}
  for (const name of ['content-type', 'content-length', ...Object.keys(sent.headers)]) {
    const value = gathers(name) ? undefined : ctx.res.getHeader(name)
    if (value !== undefined) plain[name.toLowerCase()] = String(value)
  }
  const body = isSent(ctx, sent) ? bodyInit(ctx, torn(ctx, sent.body as Exclude<ReplyBody, null>)) : null
  return new Response(body, { status: sent.status, headers: plain })
}

/** A stream that tears the connection when it fails. The node server would end it with the error's message, as if that belonged to it. */
function torn(ctx: HonoNodeContext, body: Exclude<ReplyBody, null>): Exclude<ReplyBody, null> {
  if (typeof body === 'string' || body instanceof Uint8Array) return body
  return watched(body, error => {
    failBody(ctx, error)
    // The server ends the response all the same, which then looks finished.
    ctx.finish(ctx.res.statusCode, true)
    ctx.res.destroy()
  })
}

/**
 * The route that answered, or that would have; a handler takes (c), what takes (c, next) under every method is middleware.
 *
 * The request itself is asked first, deprecated as that is: the helper looks under a symbol of its own copy of Hono, and an application
 * that was loaded by `require()` has another copy than this ES module.
 */
function templateOf(c: Context): string | undefined {
  const known: ReturnType<typeof matchedRoutes> | undefined = c.req.matchedRoutes
  const reached = (known ?? matchedRoutes(c)).slice(c.req.routeIndex)
  return reached.find(({ method, handler }) => method !== 'ALL' || handler.length < 2)?.path
}

class HonoNodeContext extends NodeContext {
  private readonly c: Context

  constructor(pipeline: CompiledPipeline, c: Context, { incoming, outgoing }: NodeBindings) {
    super(pipeline, incoming, outgoing)
    this.c = c
  }

  override get raw(): unknown {
    return this.c.req.raw
  }

  override get route(): string | undefined {
    return templateOf(this.c)
  }

  override finish(status: number | undefined, aborted: boolean): void {
    this.error ??= this.c.error
    super.finish(status, aborted)
  }

  override appendHeader(name: string, value: string): void {
    super.appendHeader(name, value)
    if (gathers(name)) gatherOnWrite(this.res)
  }
}

class HonoWebContext extends WebContext {
  private readonly c: Context

  constructor(pipeline: CompiledPipeline, c: Context, peer: string | undefined) {
    super(pipeline, c.req.raw, peer)
    this.c = c
  }

  override get route(): string | undefined {
    return templateOf(this.c)
  }
}
