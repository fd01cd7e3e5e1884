import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Reply } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { discard, reportError } from '@palisade/core/host'
import { hasNoBody, type StreamBody, sendSafely, sourceOf, stop, typeOf } from '../reply.js'
import { tear } from './end-of-response.js'
import { gathers, putHeaders } from './headers.js'
import { isByteStream, pipeTo } from './pipe.js'
import { limitUnreadBody } from './unread-body.js'

/**
 * Sends a reply as the whole answer. A reply that comes too late, because the request is answered
 * already or the client left, is dropped.
 */
export function writeReply(ctx: HostContext, res: ServerResponse, reply: Reply): void {
  if (res.headersSent || res.destroyed) {
    discard(reply)
    return
  }
  const sent = sendSafely(ctx, reply, one => begin(res, one))
  const { body, status } = sent
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) {
    res.end(hasNoBody(status) ? undefined : (body ?? undefined))
  } else if (res.req.method === 'HEAD' || hasNoBody(status)) {
    discard(sent)
    res.end()
  } else {
    res.flushHeaders()
    if (isByteStream(body)) pipeTo(body, res, error => breakOff(ctx, res, error))
    else void pump(ctx, body, res)
  }
}

/**
 * Puts status and headers on the response, all or none of its own. @throws TypeError for what
 * cannot be sent
 */
export function begin(res: ServerResponse, reply: Reply): Reply {
  const { body, headers, status } = reply
  try {
    putHeaders(res, headers)
  } catch (error) {
    for (const name in headers) if (!gathers(name)) res.removeHeader(name)
    throw error
  }
  limitUnreadBody(res.req, res)
  res.statusCode = status
  const type = typeOf(reply)
  if (type !== undefined && !res.hasHeader('Content-Type')) res.setHeader('Content-Type', type)
  const isFixed = body === null || typeof body === 'string' || body instanceof Uint8Array
  if (isFixed && !hasNoBody(status))
    res.setHeader('Content-Length', body === null ? 0 : Buffer.byteLength(body))
  return reply
}

/**
 * At the client's pace; leaving the loop ends the source. A source that fails tears the connection:
 * the client must not take a part for the whole.
 */
async function pump(ctx: HostContext, body: StreamBody, res: ServerResponse): Promise<void> {
  const closed = new AbortController()
  try {
    const source = sourceOf(body)
    const leave = () => {
      closed.abort()
      void stop(source)
    }
    res.once('close', leave)
    for (let next = await source.next(); !next.done && !res.destroyed; next = await source.next()) {
      if (!res.write(next.value)) await once(res, 'drain', { signal: closed.signal })
    }
    res.off('close', leave).end()
  } catch (error) {
    if (!closed.signal.aborted) breakOff(ctx, res, error)
  }
}

function breakOff(ctx: HostContext, res: ServerResponse, error: unknown): void {
  failBody(ctx, error)
  tear(res)
}

/** A body that broke off: the head is sent, so only the log and the outcome can report it. */
export function failBody(ctx: HostContext, error: unknown): void {
  reportError(ctx, error, 'the body of an answer failed', undefined)
}
