import type { IncomingMessage, Server } from 'node:http'
import type { Diagnosis, MaybePromise, Pipeline, Reply, RequestContext } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { answerError, type CompiledPipeline } from '@palisade/core/host'
import { callback, checkOptions, optional, refusalOf } from '@palisade/core/middleware'
import type { Context, ErrorHandler, MiddlewareHandler, Next, NotFoundHandler } from 'hono'
import { compiled, report, requireContext } from '../edge.js'
import type { ConnectMiddleware } from '../node-http/connect.js'
import { passedThrough, viewOf } from './error-view.js'

export interface HonoOptions {
  /**
   * The address of the socket away from `@hono/node-server`, such as
   * `c => getConnInfo(c).remote.address`. Without it no client has an address, and none is counted.
   */
  peer?: (c: Context) => string | undefined
}

export interface HonoEdge<State extends object> extends MiddlewareHandler {
  /**
   * What the pipeline's middlewares have put into the request's state; of an upgrade, by Node's own
   * request. @throws Error when the pipeline never ran on it
   */
  state(c: Context | IncomingMessage): State
  context(c: Context | IncomingMessage): RequestContext<State>
  /**
   * What the pipeline's `trust` gets wrong about the topology, from its first 100 requests;
   * `undefined` while nothing is wrong.
   */
  diagnose(): Diagnosis | undefined
  /**
   * Reports an error that the team answers itself, where the edge cannot see it: in a `catch`, or
   * in an app below `app.mount()`. Logs it, emits `request:error` and counts it, once.
   */
  report(error: unknown, c: Context | IncomingMessage): void
  /** Answers the team's own errors in the pipeline's form: `app.onError(edge.errorHandler)`. */
  readonly errorHandler: ErrorHandler
  /** Answers what no route matched in the pipeline's form: `app.notFound(edge.notFoundHandler)`. */
  readonly notFoundHandler: NotFoundHandler
  /**
   * The pipeline in front of requests that a library takes from the server before the host sees
   * them: `io.engine.use(edge.middleware)` of Socket.IO, for long polling and WebSockets. It works
   * on `@hono/node-server` only.
   */
  readonly middleware: ConnectMiddleware
  /**
   * Puts the pipeline in front of the Node server's upgrades too; returns a function that takes it
   * away.
   */
  handleUpgrade(server: Server): () => void
  /**
   * Puts the pipeline in front of what `@hono/node-server` answers 400 itself, before the app is
   * asked, so that it is counted and can be refused: a target that is no path, a backslash in one,
   * a wrong `Host`. Returns a function that takes it away.
   */
  handleUnroutable(server: Server): () => void
}

/** A request of Hono, wherever Hono runs. */
export interface HonoContext extends HostContext {
  /** The app asks about the request. @returns whether it does for the first time */
  meets(c: Context): boolean
  /**
   * A reply as what Hono's middleware returns. @param isOuter whether nothing of this pipeline is
   * around it, which leaves headers and the end to it
   */
  answer(reply: Reply, isOuter: boolean): MaybePromise<Response>
  /** Hono has a response. Called where `isOuter`. */
  answered(): void
}

/** What Hono runs on: with Node, or wherever there is `fetch`. */
export interface HonoPlatform {
  /** The context of a dispatch that the pipeline meets for the first time. */
  contextFor(pipeline: CompiledPipeline, c: Context, peer: HonoOptions['peer']): HonoContext
  /** The middleware, and the same as the entry of libraries that have Node's own requests. */
  withConnect(
    pipeline: CompiledPipeline,
    middleware: MiddlewareHandler,
  ): { entry: MiddlewareHandler; middleware: ConnectMiddleware }
  handleUpgrade(pipeline: CompiledPipeline, server: Server): () => void
  handleUnroutable(pipeline: CompiledPipeline, server: Server): () => void
}

/** @throws ConfigError */
export function honoEdge<State extends object>(
  edge: Pipeline<State>,
  options: HonoOptions,
  platform: HonoPlatform,
): HonoEdge<State> {
  const { peer } = checkOptions('toHono', options, {
    peer: optional(callback<NonNullable<HonoOptions['peer']>>('a function (c) => address')),
  })
  const pipeline = compiled('toHono', edge)
  // Hono makes a Context for each dispatch. The request below may be shared by several.
  const contextOf = (c: Context): HonoContext => {
    const known = pipeline.contextOf(c) as HonoContext | undefined
    if (known !== undefined) return known
    const ctx = platform.contextFor(pipeline, c, peer)
    pipeline.attach(c, ctx)
    return ctx
  }
  const middleware: MiddlewareHandler = (c: Context, next: Next): Promise<Response | undefined> => {
    const ctx = contextOf(c)
    const isOuter = ctx.meets(c)
    const answer = pipeline.run(ctx)
    if (answer === undefined) return pass(ctx, isOuter, next)
    if (!(answer instanceof Promise)) return Promise.resolve(ctx.answer(answer, isOuter))
    return answer.then(reply => (reply === undefined ? pass(ctx, isOuter, next) : ctx.answer(reply, isOuter)))
  }
  const { entry, middleware: connect } = platform.withConnect(pipeline, middleware)
  return Object.assign(entry, {
    diagnose: () => pipeline.diagnose(),
    state: (c: Context | IncomingMessage) => requireContext(pipeline, [c]).state as State,
    context: (c: Context | IncomingMessage) =>
      requireContext(pipeline, [c]) as unknown as RequestContext<State>,
    report: (error: unknown, c: Context | IncomingMessage) => report(pipeline, [c], error),
    errorHandler: (error: Error, c: Context) => {
      const ctx = contextOf(c)
      const answer = () => answerError(ctx, error, 'the handler failed', undefined, viewOf(error))
      return passedThrough(error) ?? ctx.answer(answer(), false)
    },
    notFoundHandler: (c: Context) => {
      const ctx = contextOf(c)
      return ctx.answer(ctx.deny(refusalOf(404)), false)
    },
    middleware: connect,
    handleUpgrade: (server: Server) => platform.handleUpgrade(pipeline, server),
    handleUnroutable: (server: Server) => platform.handleUnroutable(pipeline, server),
  })
}

/**
 * If the handler throws an Error, Hono catches it and has a response by the time `next` is done.
 * Hono does not catch other values: they are answered here.
 */
function pass(ctx: HonoContext, isOuter: boolean, next: Next): Promise<Response | undefined> {
  return next().then(
    () => {
      if (isOuter) ctx.answered()
      return undefined
    },
    (thrown: unknown) => {
      if (!isOuter) throw thrown
      return ctx.answer(answerError(ctx, thrown, 'the handler failed', undefined), true)
    },
  )
}
