import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { RequestError } from '@palisade/core'

/** The whole body, or a `RequestError`: 413 past the limit, 400 when the client leaves in the middle. */
export function readBody(req: IncomingMessage, res: ServerResponse, limit: number): Promise<Uint8Array> {
  if (Readable.isDisturbed(req)) {
    return Promise.reject(
      new Error(
        'the body was already read by something mounted earlier; mount Palisade in front of the body parsers',
      ),
    )
  }
  if (Number(req.headers['content-length']) > limit) return Promise.reject(tooLarge(res, limit))
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const settle = (finish: () => void) => {
      req.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      finish()
    }
    const onData = (chunk: Uint8Array) => {
      length += chunk.length
      if (length > limit) settle(() => reject(tooLarge(res, limit)))
      else chunks.push(chunk)
    }
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks)))
    const onError = (cause: unknown) => settle(() => reject(left(cause)))
    const onClose = () => settle(() => reject(left(undefined)))
    req.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
}

function tooLarge(res: ServerResponse, limit: number): RequestError {
  // What the client still sends is not read: the connection ends with the answer.
  res.shouldKeepAlive = false
  return new RequestError(413, `The request body is over ${limit} bytes`)
}

const left = (cause: unknown) => new RequestError(400, 'The request body ended early', { cause })
