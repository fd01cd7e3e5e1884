import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Reply } from '@palisade/core'
import { answerError, type CompiledPipeline, discard, type HostContext } from '@palisade/core/host'
import { isPromise } from '@palisade/core/middleware'
import { NodeContext } from './node-context.js'
import { endWithResponse, watchUpgrade } from './upgrade-status.js'
import { writeReply } from './write-reply.js'

/**
 * Puts the pipeline in front of a server's WebSocket (and other) upgrades. A refused one gets an
 * HTTP answer and a closed socket. One that passes reaches the server's `upgrade` listeners,
 * whenever they were added; its outcome has the status that the listener wrote, 101 or a refusal of
 * its own, when the socket closes.
 *
 * Node gives an `upgrade` to all listeners at once, so a listener cannot hold it back from the
 * others: the server's `emit` is wrapped instead.
 *
 * @returns a function that takes the pipeline away again
 */
export function guardUpgrades(pipeline: CompiledPipeline, server: Server): () => void {
  const { emit } = server
  let isReleased = false
  const guarded = function (this: Server, ...event: [name: string, ...unknown[]]): boolean {
    if (isReleased || event[0] !== 'upgrade' || this.listenerCount('upgrade') === 0)
      return Reflect.apply(emit, this, event)
    const [, req, socket, head] = event as [string, IncomingMessage, Duplex, Buffer]
    admitUpgrade(pipeline, { req, socket, head }, () => Reflect.apply(emit, this, event))
    return true
  }
  server.emit = guarded as typeof server.emit
  return () => {
    // Other code may have wrapped our function, which then has to stay.
    isReleased = true
    if (server.emit === guarded) server.emit = emit
  }
}

/** What Node's `upgrade` event gives. */
export interface Upgrade {
  readonly req: IncomingMessage
  readonly socket: Duplex
  readonly head: Uint8Array
}

/**
 * Runs the pipeline on an upgrade, once however many ways the upgrade takes to a pipeline.
 *
 * @param pass is given the headers that the middlewares have set, for an answer that can have them
 */
export function admitUpgrade(
  pipeline: CompiledPipeline,
  { req, socket, head }: Upgrade,
  pass: (headers: ReturnType<ServerResponse['getHeaders']>) => void,
): void {
  // Until a listener takes over, only this one hears that the client reset the connection.
  const ignore = () => {}
  socket.on('error', ignore)
  const ctx = (pipeline.contextOf(req) as NodeContext | undefined) ?? enter(pipeline, req, socket)
  const decide = (reply: Awaited<ReturnType<CompiledPipeline['run']>>) => {
    if (socket.destroyed) {
      if (reply !== undefined) discard(reply)
    } else if (reply === undefined) {
      socket.off('error', ignore)
      pass(ctx.res.getHeaders())
    } else if (reply.takesOver === undefined) refuse(ctx, socket, reply)
    else handOver(ctx, reply.takesOver, { socket, head }, failed => refuse(ctx, socket, failed))
  }
  const answer = pipeline.run(ctx)
  if (answer instanceof Promise) void answer.then(decide)
  else decide(answer)
}

function enter(pipeline: CompiledPipeline, req: IncomingMessage, socket: Duplex): NodeContext {
  const ctx = new UpgradeContext(pipeline.root, req, socket)
  pipeline.attach(req, ctx)
  return ctx
}

/**
 * Gives the socket of an upgrade away.
 *
 * @param answer sends the refusal of one whose function failed before it wrote anything
 */
export function handOver(
  ctx: HostContext,
  takesOver: NonNullable<Reply['takesOver']>,
  { socket, head }: Pick<Upgrade, 'socket' | 'head'>,
  answer: (failed: Reply) => void,
): void {
  const upgrade = watchUpgrade(socket)
  const fail = (error: unknown) => {
    const failed = answerError(ctx, error, 'an upgrade that was taken over failed', undefined)
    if (upgrade.status === undefined && !socket.destroyed) answer(failed)
    else socket.destroy()
  }
  try {
    const result: unknown = (takesOver as (socket: Duplex, head: Uint8Array) => unknown)(socket, head)
    if (isPromise(result)) result.then(undefined, fail)
  } catch (error) {
    fail(error)
  }
}

/** The answer goes straight to the socket, which Node has given away with the event. */
export function refuse(ctx: NodeContext, socket: Duplex, reply: Reply): void {
  const { res } = ctx
  res.assignSocket(socket as never)
  endWithResponse(socket, res)
  writeReply(ctx, res, reply)
}

class UpgradeContext extends NodeContext {
  constructor(pipeline: CompiledPipeline, req: IncomingMessage, socket: Duplex) {
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    super(pipeline, req, res, socket)
  }
}

/**
 * What came behind an upgrade that a library gives on as a request: `@fastify/websocket` puts it
 * there. The others keep it. It is mostly empty, since the client of a WebSocket waits for the
 * answer.
 */
export function headOf(req: object): Uint8Array {
  const key = Object.getOwnPropertySymbols(req).find(one => one.description === 'ws-head')
  return key === undefined ? Buffer.alloc(0) : ((req as Record<symbol, Uint8Array>)[key] as Uint8Array)
}
