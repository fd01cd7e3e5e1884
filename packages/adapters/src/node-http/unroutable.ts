import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { CompiledPipeline } from '@palisade/core/host'
import type { NodeContext } from './node-context.js'
import { writeReply } from './write-reply.js'

/**
 * Puts the pipeline in front of requests that a host answers on its own, before the team's code and
 * ours. A client could send these without end and never be counted, so what looks like one is given
 * to the pipeline first, on Node's own server.
 *
 * It may be given a request that the host does route: the pipeline then runs here, and not again on
 * the host.
 *
 * @returns a function that takes the pipeline away again
 */
export function guardUnroutable(
  pipeline: CompiledPipeline,
  server: Server,
  isRoutable: (req: IncomingMessage) => boolean,
  contextFor: (req: IncomingMessage, res: ServerResponse) => NodeContext,
): () => void {
  const { emit } = server
  let isReleased = false
  const guarded = function (this: Server, ...event: [name: string, ...unknown[]]): boolean {
    // All of Node's events pass here: read by index and handed on as they came, they cost nothing.
    if (event[0] === 'request' && !isReleased) {
      const req = event[1] as IncomingMessage
      if (!isRoutable(req) && pipeline.contextOf(req) === undefined) {
        const res = event[2] as ServerResponse
        admit(pipeline, contextFor(req, res), () => Reflect.apply(emit, this, event))
        return true
      }
    }
    return Reflect.apply(emit, this, event)
  }
  server.emit = guarded as typeof server.emit
  return () => {
    // Other code may have wrapped our function, which then has to stay.
    isReleased = true
    if (server.emit === guarded) server.emit = emit
  }
}

function admit(pipeline: CompiledPipeline, ctx: NodeContext, pass: () => void): void {
  pipeline.attach(ctx.req, ctx)
  const answer = pipeline.run(ctx)
  if (answer instanceof Promise)
    void answer.then(reply => (reply === undefined ? pass() : writeReply(ctx, ctx.res, reply)))
  else if (answer === undefined) pass()
  else writeReply(ctx, ctx.res, answer)
}
