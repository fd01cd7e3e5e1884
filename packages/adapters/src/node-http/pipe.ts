import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'

/**
 * Whether a body is a stream of Node whose chunks are bytes or text. Others might hold what a
 * response refuses.
 */
export function isByteStream(body: object): body is Readable {
  const { pipe, readableObjectMode } = body as Partial<Readable>
  return typeof pipe === 'function' && readableObjectMode === false
}

/** Calls `fail` when a stream breaks off: with its error, or when it closes before its end. */
export function watchSource(source: Readable, fail: (error: unknown) => void): void {
  const close = () => {
    if (!source.readableEnded && !source.errored) fail(new Error('the stream closed before its end'))
  }
  if (source.errored) fail(source.errored)
  else if (source.destroyed) close()
  else source.on('error', fail).once('close', close)
}

/**
 * Sends a stream of Node at the client's pace, without a promise for each chunk.
 *
 * @param fail called once, when the stream breaks off while the client is there
 */
export function pipeTo(source: Readable, res: ServerResponse, fail: (error: unknown) => void): void {
  let isOver = false
  watchSource(source, error => {
    if (isOver) return
    isOver = true
    fail(error)
  })
  res.once('close', () => {
    isOver = true
    source.destroy()
  })
  if (!isOver) source.pipe(res)
}
