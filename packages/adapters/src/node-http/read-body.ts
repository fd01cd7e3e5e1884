import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { RequestError } from '@palisade/core'

export interface BodyLimits {
  readonly bytes: number
  /** How long all of it may take. Some hosts have no time limit of their own. */
  readonly timeoutMs: number
}

/**
 * The whole body.
 *
 * @throws RequestError 413 past the limit, 408 past the time, 400 when the client disconnects in the middle
 */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  { bytes: limit, timeoutMs }: BodyLimits,
): Promise<Uint8Array> {
  if (Readable.isDisturbed(req)) {
    return Promise.reject(
      new Error(
        'the body was already read by something mounted earlier; mount Palisade in front of the body parsers',
      ),
    )
  }
  if (Number(req.headers['content-length']) > limit) {
    res.shouldKeepAlive = false
    return Promise.reject(tooLarge(limit))
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
    const onError = (cause: unknown) => settle(() => reject(left(cause)))
    const onClose = () => settle(() => reject(left(undefined)))
    const timer = setTimeout(() => stop(tooSlow(timeoutMs)), timeoutMs).unref()
    req.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
}

const tooLarge = (limit: number) => new RequestError(413, `The request body is over ${limit} bytes`)

const tooSlow = (timeoutMs: number) =>
  new RequestError(408, `The request body did not arrive within ${timeoutMs} ms`)

const left = (cause: unknown) => new RequestError(400, 'The request body ended early', { cause })
