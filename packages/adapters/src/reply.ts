import { Reply, type ReplyBody } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { answerError, discard, inspectable } from '@palisade/core/host'

/** The body of a reply that comes in parts. */
export type StreamBody = Exclude<ReplyBody, string | Uint8Array | null>

/**
 * The parts of a body in their order. The iterators of streams would hold back `return()` until the
 * source gives something, so a stream is ended itself.
 */
export function sourceOf(body: StreamBody): AsyncIterator<Uint8Array | string> {
  if ('getReader' in body) {
    const reader = body.getReader()
    return ended(
      () => reader.read() as Promise<IteratorResult<Uint8Array>>,
      () => reader.cancel(),
    )
  }
  const source = body[Symbol.asyncIterator]()
  const stream = body as { destroy?(): unknown }
  if (typeof stream.destroy !== 'function') return source
  return ended(
    () => source.next(),
    () => stream.destroy?.(),
  )
}

function ended<T>(next: () => Promise<IteratorResult<T>>, end: () => unknown): AsyncIterator<T> {
  return {
    next,
    async return() {
      await end()
      return { done: true, value: undefined }
    },
  }
}

/** Statuses whose answers have no body (RFC 9110 sections 15.3.5, 15.3.6, 15.4.5). */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}

/**
 * The type of a body that came without one. Always said, so that every host sends the same and no
 * browser guesses what a stranger's bytes are.
 */
export function typeOf({ body, status }: Reply): string | undefined {
  if (body === null || hasNoBody(status)) return undefined
  return typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream'
}

/**
 * Tries to send a reply. A reply that cannot be sent, such as one with a line break in a header,
 * becomes a 500 that says so in the log. It never becomes an exception in the host's callback,
 * where no code would catch it.
 */
export function sendSafely<T>(ctx: HostContext, reply: Reply, send: (reply: Reply) => T): T {
  try {
    return send(reply)
  } catch (error) {
    discard(reply)
    const failed = answerError(ctx, error, 'the answer of a middleware could not be sent', undefined)
    try {
      return send(failed)
    } catch {
      return send(new Reply(500))
    }
  }
}

/**
 * A stream that tells when it fails. Not a generator around it: that would hold back `return()`
 * until the source has something to say, and a source that waits for events would outlive its
 * client.
 */
export function watched(
  body: StreamBody,
  onFailure: (error: unknown) => void,
): AsyncIterable<Uint8Array | string> {
  return {
    [Symbol.asyncIterator]() {
      const source = sourceOf(body)
      let isOver = false
      return {
        async next() {
          try {
            return await source.next()
          } catch (error) {
            if (!isOver) onFailure(error)
            // A host may look at it.
            throw inspectable(error)
          }
        },
        async return() {
          isOver = true
          return (await source.return?.()) ?? { done: true, value: undefined }
        },
      }
    },
  }
}

/**
 * Ends a source that has lost its reader, at once or later. A failure is ignored: no caller is left
 * to handle it.
 */
export async function stop(source: AsyncIterator<unknown>): Promise<void> {
  try {
    await source.return?.()
  } catch {
    // See above.
  }
}
