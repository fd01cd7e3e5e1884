import type { IncomingMessage } from 'node:http'
import { alreadyRead, checkLimit, endedEarly, tooSlow } from '../body-errors.js'
import { isBrokenOff, isRead } from './body-stream.js'
import type { BodyLimits } from './read-body.js'

export interface Peeked {
  readonly bytes: Uint8Array
  readonly complete: boolean
}

/**
 * The beginning of a body, which is put back: what reads the request afterwards finds it as if it
 * had not been read.
 *
 * Node can take back what was read as long as it has not emitted `end`. It emits `end` one tick
 * after something has read at the end of the body. So the body is read in paused mode, what was
 * read is put back in the turn in which the last of it was read, and where nothing is left nothing
 * is read.
 *
 * @throws RequestError 408 past the time, 400 when the client disconnects in the middle
 */
export async function peekBody(
  req: IncomingMessage,
  { bytes: limit, timeoutMs }: BodyLimits,
): Promise<Peeked> {
  checkLimit(limit)
  if (isBrokenOff(req)) throw endedEarly(undefined)
  // A listener for `data` would be given the same bytes twice.
  if (isRead(req) || req.listenerCount('data') > 0) throw alreadyRead()
  // While Node's parser calls, the end of an empty body may come before the first reading, which
  // would end it.
  await undefined
  if (req.readableEnded || (hasAll(req) && req.readableLength === 0))
    return { bytes: new Uint8Array(), complete: true }
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const look = () => {
      while (length <= limit && req.readableLength > 0) {
        const chunk: Uint8Array | null = req.read()
        if (chunk === null) break
        chunks.push(chunk)
        length += chunk.length
      }
      const complete = length <= limit
      if (!complete || hasAll(req))
        settle(() => resolve({ bytes: beginning(chunks, Math.min(length, limit)), complete }))
    }
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      req.off('readable', look).off('error', onError).off('close', onClose)
      putBack(req, chunks)
      finish()
    }
    const onError = (cause: unknown) => settle(() => reject(endedEarly(cause)))
    const onClose = () => settle(() => reject(endedEarly(undefined)))
    const timer = setTimeout(() => settle(() => reject(tooSlow(timeoutMs))), timeoutMs).unref()
    req.on('readable', look).on('error', onError).on('close', onClose)
  })
}

interface State {
  ended: boolean
  dataEmitted: boolean
}

/**
 * Node's own state of a stream, which all kinds of requests have: `complete` is of HTTP/1.1 alone.
 */
const stateOf = (req: IncomingMessage) =>
  (req as unknown as { readonly _readableState: State })._readableState

/** Whether all of the body has arrived, read or not. */
const hasAll = (req: IncomingMessage): boolean => stateOf(req).ended

function putBack(req: IncomingMessage, chunks: readonly Uint8Array[]): void {
  if (req.destroyed) return
  for (const chunk of [...chunks].reverse()) req.unshift(chunk)
  // `@hono/node-server`, and this package, read nothing of a body that says it was read.
  stateOf(req).dataEmitted = false
}

/** A copy, since the handler reads the memory that was put back. */
function beginning(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    if (offset === length) break
    const part = chunk.subarray(0, length - offset)
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}
