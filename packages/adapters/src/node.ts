import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Diagnosis, Pipeline, RequestContext } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { answerError } from '@palisade/core/host'
import { compiled, report, requireContext, requireHandler } from './edge.js'
import { type ConnectMiddleware, connectMiddleware } from './node-http/connect.js'
import { attachDispatch, contextOfDispatch } from './node-http/dispatch.js'
import { tear } from './node-http/end-of-response.js'
import { NodeContext } from './node-http/node-context.js'
import { guardUpgrades } from './node-http/upgrade.js'
import { writeReply } from './node-http/write-reply.js'

/** `ctx.state` is what the pipeline's middlewares have put there. */
export type NodeHandler<State extends object = {}> = (
  req: IncomingMessage,
  res: ServerResponse,
  ctx: RequestContext<State>,
) => unknown

export interface NodeEdge<State extends object> extends RequestListener, ConnectMiddleware {
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
   * Reports an error that the handler answers itself. Logs it, emits `request:error` and counts it,
   * once.
   */
  report(error: unknown, req: IncomingMessage): void
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
 * Puts a pipeline in front of a listener of Node's own HTTP server. A handler that throws or
 * rejects is answered through the pipeline's errors.
 *
 *     http.createServer(toNode(edge, (req, res, ctx) => res.end(ctx.state.requestId)))
 *
 * A branch is called from within the handler of its parent:
 * `toNode(edge, (req, res) => admin(req, res))`.
 */
export function toNode<State extends object>(
  edge: Pipeline<State>,
  handler: NodeHandler<State>,
): NodeEdge<State> {
  requireHandler('toNode', handler, 'a function (req, res, ctx)')
  const pipeline = compiled('toNode', edge)
  const connect = connectMiddleware(pipeline)
  const enter = (req: IncomingMessage, res: ServerResponse) =>
    attachDispatch(pipeline, new NodeContext(pipeline.root, req, res))
  const listener = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => {
    if (typeof next === 'function') return connect(req, res, next)
    const ctx = contextOfDispatch(pipeline, req, res) ?? enter(req, res)
    const answer = pipeline.run(ctx)
    if (answer === undefined) handle(ctx, handler as NodeHandler, req, res)
    else if (answer instanceof Promise)
      void answer.then(reply =>
        reply === undefined ? handle(ctx, handler as NodeHandler, req, res) : writeReply(ctx, res, reply),
      )
    else writeReply(ctx, res, answer)
  }
  return Object.assign(listener, {
    diagnose: () => pipeline.diagnose(),
    state: (req: IncomingMessage) => requireContext(pipeline, [req]).state as State,
    context: (req: IncomingMessage) => requireContext(pipeline, [req]) as unknown as RequestContext<State>,
    report: (error: unknown, req: IncomingMessage) => report(pipeline, [req], error),
    middleware: connect,
    handleUpgrade: (server: Server) => guardUpgrades(pipeline, server),
  })
}

function handle(ctx: HostContext, handler: NodeHandler, req: IncomingMessage, res: ServerResponse): void {
  try {
    const result = handler(req, res, ctx)
    if (result instanceof Promise) result.catch(error => answerFailure(ctx, error, res))
  } catch (error) {
    answerFailure(ctx, error, res)
  }
}

function answerFailure(ctx: HostContext, error: unknown, res: ServerResponse): void {
  const reply = answerError(ctx, error, 'the handler failed', undefined)
  // Half an answer cannot be taken back; a torn connection is how the client learns that it is
  // half.
  if (res.headersSent) tear(res)
  else writeReply(ctx, res, reply)
}
