import { IncomingMessage, type ServerResponse } from 'node:http'
import type { CompiledPipeline } from '@palisade/core/host'
import { NodeContext } from './node-context.js'
import { admitUpgrade, headOf } from './upgrade.js'
import { isUpgrade } from './upgrade-status.js'
import { writeReply } from './write-reply.js'

/**
 * A middleware of connect's form, for libraries that take a Node server's requests in front of the
 * host: `io.engine.use(edge.middleware)` of Socket.IO calls it for long polling and for WebSockets.
 */
export type ConnectMiddleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** The pipeline in front of requests that the host never sees. */
export function connectMiddleware(pipeline: CompiledPipeline): ConnectMiddleware {
  return (req, res, next) => {
    if (isUpgrade(req)) {
      // The response that comes with an upgrade only collects headers: nothing can be answered
      // through it.
      const upgrade = { req, socket: req.socket, head: headOf(req) }
      admitUpgrade(pipeline, upgrade, headers => {
        for (const name in headers) res.setHeader(name, headers[name] as string)
        next()
      })
      return
    }
    const ctx = pipeline.contextOf(req) ?? enter(pipeline, req, res)
    const answer = pipeline.run(ctx)
    if (answer === undefined) next()
    else if (answer instanceof Promise)
      void answer.then(reply => (reply === undefined ? next() : writeReply(ctx, res, reply)))
    else writeReply(ctx, res, answer)
  }
}

/**
 * A host's own entry that such a library may be given in its place, `io.engine.use(edge)`: it knows
 * the call by Node's own request.
 */
export function orConnect<Own extends (first: never, second: never, third: never) => unknown>(
  own: Own,
  connect: ConnectMiddleware,
): Own {
  const either = (first: unknown, second: unknown, third: unknown) =>
    typeof third === 'function' && first instanceof IncomingMessage
      ? connect(first, second as ServerResponse, third as Parameters<ConnectMiddleware>[2])
      : own(first as never, second as never, third as never)
  return either as unknown as Own
}

function enter(pipeline: CompiledPipeline, req: IncomingMessage, res: ServerResponse): NodeContext {
  const ctx = new NodeContext(pipeline.root, req, res)
  pipeline.attach(req, ctx)
  return ctx
}
