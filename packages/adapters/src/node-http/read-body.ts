import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestError } from '@palisade/core'
import { alreadyRead, checkLimit, endedEarly, tooLarge, tooSlow } from '../body-errors.js'
import { isBrokenOff, isRead } from './body-stream.js'

export interface BodyLimits {
  readonly bytes: number
  /** How long all of it may take. Some hosts have no time limit of their own. */
  readonly timeoutMs: number
}

/**
 * The whole body.
 *
 * @throws RequestError 413 past the limit, 408 past the time, 400 when the client disconnects in
 * the middle
 */
export async function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  { bytes: limit, timeoutMs }: BodyLimits,
): Promise<Uint8Array> {
  checkLimit(limit)
  if (isBrokenOff(req)) throw endedEarly(undefined)
  if (isRead(req)) throw alreadyRead()
  // There was nothing to read, and no event would say so again.
  if (req.readableEnded) return new Uint8Array()
  if (Number(req.headers['content-length']) > limit) {
    res.shouldKeepAlive = false
    throw tooLarge(limit)
  }
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    /** What still comes is the answer's to limit: without a listener it would be read and lost. */
    const stop = (error: RequestError) => {
      req.pause()
      res.shouldKeepAlive = false
      settle(() => reject(error))
    }
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      req.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      finish()
    }
    const onData = (chunk: Uint8Array) => {
      length += chunk.length
      if (length > limit) stop(tooLarge(limit))
      else chunks.push(chunk)
    }
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks)))
    const onError = (cause: unknown) => settle(() => reject(endedEarly(cause)))
    const onClose = () => settle(() => reject(endedEarly(undefined)))
    const timer = setTimeout(() => stop(tooSlow(timeoutMs)), timeoutMs).unref()
    req.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
}
