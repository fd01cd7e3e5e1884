import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { deathOf, isHeadSent, queueOf, watchDeath } from './connection.js'
import { INTERNAL_ERROR, streamOf } from './http2.js'
import { isUpgrade, watchUpgrade } from './upgrade-status.js'

/** Told once how a response ended: a context. */
export interface EndListener {
  finish(status: number | undefined, aborted: boolean): void
}

/**
 * The one place that knows when a response of Node has really ended, and how.
 *
 * | the response | ends | is complete if |
 * |---|---|---|
 * | HTTP/1.1 | when it closes, or its connection does | all of it was written |
 * | HTTP/2 | when its stream closes | the stream was not aborted, and all of it was written |
 * | to an upgrade | when the socket closes | 101 was written, or all of the refusal |
 * | to an inner request | as an injected one, or when the outer one closes | the handler ended it |
 * | injected, or on a serverless platform | when it is finished, or closes | the handler ended it |
 */
export function watchEnd(
  req: IncomingMessage,
  res: ServerResponse,
  socket: Duplex | undefined,
  listener: EndListener,
): void {
  const stream = streamOf(res)
  if (stream !== undefined) watchStream(stream, res, listener)
  else if (socket !== undefined && isUpgrade(req)) watchUpgradeEnd(res, socket, listener)
  else if (socket instanceof Socket) watchConnection(socket, res, listener)
  else watchInjected(res, listener)
}

/**
 * Whether the connection broke before the response ended. This is known earlier than the end: Node
 * gives the application the errors of a broken connection before it closes the response.
 */
export function isDisconnected(
  req: IncomingMessage,
  res: ServerResponse,
  socket: Duplex | undefined,
): boolean {
  const stream = streamOf(res)
  if (stream !== undefined) return stream.aborted || (stream.destroyed && !stream.writableFinished)
  if (socket?.destroyed !== true) return false
  if (isUpgrade(req)) return !res.writableFinished
  return socket instanceof Socket && !(deathOf(res, socket)?.isFinished ?? res.writableFinished)
}

/**
 * Whether the server tore the response, which is its own failure, whatever the client does then.
 */
export function isTorn(res: ServerResponse, socket: Duplex | undefined): boolean {
  const stream = streamOf(res)
  if (stream !== undefined) return TORN in stream
  const isDestroyed = !!res.errored || (res.destroyed && !res.closed)
  return socket instanceof Socket ? (deathOf(res, socket)?.isTorn ?? isDestroyed) : isDestroyed
}

/**
 * Whether a socket without a peer's address has lost its client: a TCP socket that is still open
 * knows its own address, one that is closed knows none. An open socket with neither is a Unix
 * socket, or injected.
 */
export function hasLostPeer(socket: Duplex | undefined): boolean {
  return socket !== undefined && (socket.destroyed || (socket as Partial<Socket>).localAddress !== undefined)
}

/** Ends a response in the middle, so that the client does not take a part for the whole. */
export function tear(res: ServerResponse): void {
  const stream = streamOf(res)
  if (stream === undefined) {
    res.destroy()
    return
  }
  // The code does not say who closed the stream: a client may send the same.
  Object.defineProperty(stream, TORN, { value: true })
  stream.close(INTERNAL_ERROR)
}

const TORN = Symbol('palisade.torn')

function watchConnection(socket: Socket, res: ServerResponse, listener: EndListener): void {
  // The client may have left while something in front of the pipeline waited.
  if (res.closed || socket.destroyed) {
    finishClosed(socket, res, listener)
    return
  }
  watchDeath(socket)
  if (res.socket === null) watchQueued(socket, res, listener)
  else res.on('close', () => finishClosed(socket, res, listener))
}

function watchQueued(socket: Socket, res: ServerResponse, listener: EndListener): void {
  const queue = queueOf(socket)
  const queued = { close: () => finishClosed(socket, res, listener) }
  queue.add(queued)
  res.on('close', () => {
    queue.delete(queued)
    queued.close()
  })
}

/** The response has closed, or will never be sent. */
function finishClosed(socket: Socket, res: ServerResponse, listener: EndListener): void {
  const death = deathOf(res, socket)
  if (death === undefined && res.writableFinished) {
    listener.finish(res.statusCode, false)
    return
  }
  // `statusCode` is 200 before anything was sent; only sent headers say what the client saw.
  const isSent = death?.isHeadSent ?? isHeadSent(res)
  listener.finish(isSent ? res.statusCode : undefined, death?.isFinished !== true)
}

/** The response to a HEAD never closes when its handler pipes a body; its stream does. */
function watchStream(stream: ServerHttp2Stream, res: ServerResponse, listener: EndListener): void {
  const close = () => {
    // A stream that is aborted is ended by Node, and then looks finished.
    const isComplete = stream.writableFinished && !stream.aborted
    listener.finish(res.headersSent ? res.statusCode : undefined, !isComplete)
  }
  if (stream.destroyed) {
    close()
    return
  }
  stream.once('close', close)
  stream.once('end', () => setImmediate(destroyStuck, stream))
}

/**
 * A client that resets a stream with NO_ERROR before the answer is flushed leaves it closed, but
 * never destroyed: Node waits for a write that cannot end, and keeps the connection.
 */
function destroyStuck(stream: ServerHttp2Stream): void {
  if (stream.closed && !stream.destroyed && !stream.writableFinished) stream.destroy()
}

/** Node has no part in the answer to an upgrade: what is written on the socket decides. */
export function watchUpgradeEnd(
  res: ServerResponse | undefined,
  socket: Duplex,
  listener: EndListener,
): void {
  const upgrade = watchUpgrade(socket)
  const close = () => {
    if (res?.headersSent === true) listener.finish(upgrade.status ?? res.statusCode, !res.writableFinished)
    else listener.finish(upgrade.status, upgrade.status === undefined)
  }
  if (socket.destroyed) close()
  else socket.once('close', close)
}

/**
 * A response that the application made for a request to itself: no connection ends it, and at the
 * latest the outer one does.
 */
export function watchInnerEnd(res: ServerResponse, outer: ServerResponse, listener: EndListener): void {
  watchInjected(res, listener)
  const close = () => listener.finish(res.headersSent ? res.statusCode : undefined, !res.writableEnded)
  if (outer.closed || outer.destroyed) close()
  else outer.once('close', close)
}

/**
 * For `light-my-request` and adapters of serverless platforms: their sockets are not real ones and
 * report no end.
 */
function watchInjected(res: ServerResponse, listener: EndListener): void {
  const close = () => listener.finish(res.headersSent ? res.statusCode : undefined, !res.writableEnded)
  if (res.closed || res.destroyed) {
    close()
    return
  }
  // Where writing takes no time, this comes before the response knows that it has ended.
  res.once('finish', () => listener.finish(res.statusCode, false))
  res.once('close', close)
}
