import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type CompiledPipeline, discard } from '@palisade/core'
import { NodeContext } from './node-context.js'
import { writeReply } from './write-reply.js'

/**
 * Puts the pipeline in front of a server's WebSocket (and other) upgrades: what it refuses gets an HTTP answer and a closed socket,
 * what it lets through reaches the server's `upgrade` listeners, whenever they were added. The outcome is 101 when the socket closes.
 *
 * Node gives an `upgrade` to all listeners at once, so a listener cannot hold it back from the others: the server's `emit` is wrapped instead.
 *
 * @returns a function that takes the pipeline away again
 */
export function guardUpgrades(pipeline: CompiledPipeline, server: Server): () => void {
  const { emit } = server
  let isReleased = false
  const guarded = function (this: Server, ...event: [name: string, ...unknown[]]): boolean {
    if (isReleased || event[0] !== 'upgrade' || this.listenerCount('upgrade') === 0)
      return Reflect.apply(emit, this, event)
    const [, req, socket] = event as [string, IncomingMessage, Duplex]
    admit(pipeline, req, socket, () => Reflect.apply(emit, this, event))
    return true
  }
  server.emit = guarded as typeof server.emit
  return () => {
    // Somebody may have wrapped what we put there, which then has to stay.
    isReleased = true
    if (server.emit === guarded) server.emit = emit
  }
}

function admit(pipeline: CompiledPipeline, req: IncomingMessage, socket: Duplex, pass: () => void): void {
  // Until a listener takes over, nobody else hears that the client reset the connection.
  const ignore = () => {}
  socket.on('error', ignore)
  const ctx = new UpgradeContext(pipeline, req)
  pipeline.attach(req, ctx)
  const decide = (reply: Awaited<ReturnType<CompiledPipeline['run']>>) => {
    socket.off('error', ignore)
    if (socket.destroyed) {
      if (reply !== undefined) discard(reply)
      return
    }
    if (reply === undefined) {
      ctx.upgraded = true
      pass()
      return
    }
    socket.on('error', ignore)
    ctx.res.assignSocket(socket as never)
    ctx.res.on('finish', () => socket.end())
    writeReply(ctx, ctx.res, reply)
  }
  const answer = pipeline.run(ctx)
  if (answer instanceof Promise) void answer.then(decide)
  else decide(answer)
}

class UpgradeContext extends NodeContext {
  /** Whether the server's listeners have it now. */
  upgraded = false

  constructor(pipeline: CompiledPipeline, req: IncomingMessage) {
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    super(pipeline, req, res)
  }

  protected override watchEnd(): void {
    this.socket.on('close', () => {
      const { headersSent, statusCode, writableFinished } = this.res
      if (headersSent) this.finish(statusCode, !writableFinished)
      else if (this.upgraded) this.finish(101, false)
      else this.finish(undefined, true)
    })
  }
}
