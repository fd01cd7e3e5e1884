import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex, Writable } from 'node:stream'
import { streamOfBody } from './body-stream.js'
import { NO_ERROR, streamOf } from './http2.js'

/** What is read of a body, or of anything else, that a refused client goes on sending. */
const ALLOWED_BYTES = 64 * 1024
/** How long a refused client may take to finish, so that it comes to read the answer. */
const ALLOWED_MS = 500

/**
 * Limits what a client may go on sending once its request is answered without having been read.
 * Node would read a body without end, to keep the connection for a next request.
 *
 * A body of a known and small length may still arrive. With every other the connection ends with
 * the answer. It is not closed at once: closing a socket with unread data resets the connection,
 * and the reset may overtake the answer (RFC 9112 section 9.6). To be called before the head of the
 * answer is written.
 */
export function limitUnreadBody(req: IncomingMessage, res: ServerResponse): void {
  const body = streamOfBody(req)
  if (body === undefined) {
    limit(req, res)
    return
  }
  // A proxy may answer while it still passes the body on. A reader that has not begun by the end
  // will not begin.
  body.whenStopped(() => limit(req, res))
  res.once('finish', () => {
    if (!body.isOpened) void body.return()
  })
}

function limit(req: IncomingMessage, res: ServerResponse): void {
  const stream = streamOf(res)
  if (stream !== undefined) {
    limitStream(stream)
    return
  }
  const { socket } = req
  // What is injected, or comes by a serverless platform, is all there.
  if (!(socket instanceof Socket) || !hasBody(req)) return
  if (req.complete) {
    // What a reader has left would keep Node from reading the next request.
    if (streamOfBody(req) !== undefined) req.resume()
    return
  }
  if (res.headersSent) {
    closeWhenLate(req, res, socket)
    return
  }
  if (Number(req.headers['content-length'] ?? Number.NaN) > ALLOWED_BYTES || isChunked(req))
    res.shouldKeepAlive = false
  if (res.shouldKeepAlive) closeWhenLate(req, res, socket)
  else lingerOverBody(req, socket)
}

/**
 * Closes a socket that the server has ended: reads a little of what still comes, so that the answer
 * is not reset.
 */
export function closeLingering(socket: Duplex): void {
  let length = 0
  const timer = setTimeout(() => socket.destroy(), ALLOWED_MS).unref()
  socket
    .on('error', () => {})
    .on('data', (chunk: Uint8Array) => {
      length += chunk.length
      if (length > ALLOWED_BYTES) socket.pause()
    })
    .once('end', () => socket.destroy())
    .once('close', () => clearTimeout(timer))
    .resume()
}

/** RFC 9113 section 8.1: the answer is complete, and the rest of the request is not needed. */
function limitStream(stream: ServerHttp2Stream): void {
  if (stream.endAfterHeaders) return
  onFinish(stream, () => {
    if (!stream.readableEnded) stream.close(NO_ERROR)
  })
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function isChunked({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined
}

function closeWhenLate(req: IncomingMessage, res: ServerResponse, socket: Socket): void {
  onFinish(res, () => {
    // Node does it where nothing of the body was read.
    req.resume()
    if (req.complete) return
    const timer = setTimeout(() => {
      if (!req.complete) socket.destroy()
    }, ALLOWED_MS).unref()
    req.once('close', () => clearTimeout(timer))
  })
}

/** Reads the body as far as it is allowed, and keeps Node from closing the socket before. */
function lingerOverBody(req: IncomingMessage, socket: Socket): void {
  let length = 0
  let isEnding = false
  req
    .on('error', () => {})
    .on('data', (chunk: Uint8Array) => {
      length += chunk.length
      if (length > ALLOWED_BYTES) req.pause()
    })
  // Node reads a body without counting the bytes until a reader has begun.
  req.read(0)
  req.resume()
  // Node calls it when the last answer of a connection is written.
  socket.destroySoon = () => {
    if (isEnding) return
    isEnding = true
    if (req.complete) {
      Socket.prototype.destroySoon.call(socket)
      return
    }
    const timer = setTimeout(() => socket.destroy(), ALLOWED_MS).unref()
    socket.once('close', () => clearTimeout(timer))
    req.once('end', () => socket.destroy())
    socket.end()
  }
}

function onFinish(writable: Writable, then: () => void): void {
  if (writable.writableFinished) then()
  else writable.once('finish', then)
}
