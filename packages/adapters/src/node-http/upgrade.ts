import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type CompiledPipeline, discard } from '@palisade/core'
import { NodeContext } from './node-context.js'
import { writeReply } from './write-reply.js'

/**
 * Puts the pipeline in front of a server's WebSocket (and other) upgrades: what it refuses gets an HTTP answer and a closed socket,
 * what it lets through reaches the server's `upgrade` listeners, whenever they were added. The outcome has the status
 * that the listener wrote, 101 or a refusal of its own, when the socket closes.
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
      watchStatus(socket, status => {
        ctx.upgradeStatus = status
      })
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
  /** What the server's listener answered, if it did. */
  upgradeStatus: number | undefined = undefined

  constructor(pipeline: CompiledPipeline, req: IncomingMessage) {
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    super(pipeline, req, res)
  }

  protected override watchEnd(): void {
    this.socket.on('close', () => {
      const { headersSent, statusCode, writableFinished } = this.res
      if (headersSent) this.finish(statusCode, !writableFinished)
      else this.finish(this.upgradeStatus, this.upgradeStatus === undefined)
    })
  }
}

/** Reads the status line of what is written first, by whoever has the socket then: Node has no part in that answer. */
function watchStatus(socket: Duplex, tell: (status: number) => void): void {
  const { write, end } = socket
  let line = ''
  const look = (chunk: unknown) => {
    if (line.length >= STATUS_END) return
    if (typeof chunk === 'string') line += chunk.slice(0, STATUS_END)
    else if (chunk instanceof Uint8Array) line += Buffer.from(chunk).toString('latin1', 0, STATUS_END)
    if (line.length < STATUS_END) return
    // All that follows is the protocol's own, and may be much.
    if (socket.write === looking.write) socket.write = write
    if (socket.end === looking.end) socket.end = end
    const status = /^HTTP\/1\.\d (\d{3})/.exec(line)?.[1]
    if (status !== undefined) tell(Number(status))
  }
  const looking = {
    write(this: Duplex, ...args: unknown[]) {
      look(args[0])
      return Reflect.apply(write, this, args)
    },
    end(this: Duplex, ...args: unknown[]) {
      look(args[0])
      return Reflect.apply(end, this, args)
    },
  } as Pick<Duplex, 'write' | 'end'>
  Object.assign(socket, looking)
}

const STATUS_END = 'HTTP/1.1 101'.length
