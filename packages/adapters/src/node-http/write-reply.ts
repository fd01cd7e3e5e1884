import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Reply } from '@palisade/core'

const NO_CONTENT: ReadonlySet<number> = new Set([204, 205, 304])

/** Sends a reply as the whole answer. What cannot be sent any more, because somebody already answered or the client left, is dropped. */
export function writeReply(res: ServerResponse, reply: Reply): void {
  if (res.headersSent || res.destroyed) return
  const { body, headers, status } = reply
  res.statusCode = status
  for (const name in headers) res.setHeader(name, headers[name] as string | readonly string[])
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) {
    if (!NO_CONTENT.has(status)) res.setHeader('Content-Length', body === null ? 0 : Buffer.byteLength(body))
    res.end(body ?? undefined)
  } else if (res.req.method === 'HEAD' || NO_CONTENT.has(status)) {
    res.end()
  } else {
    res.flushHeaders()
    void pump(body, res)
  }
}

/** At the client's pace; leaving the loop ends the source. A source that fails tears the connection: the client must not take a part for the whole. */
async function pump(body: AsyncIterable<Uint8Array | string>, res: ServerResponse): Promise<void> {
  const closed = new AbortController()
  const source = body[Symbol.asyncIterator]()
  const stop = () => {
    closed.abort()
    void source.return?.()
  }
  res.once('close', stop)
  try {
    for (let next = await source.next(); !next.done && !res.destroyed; next = await source.next()) {
      if (!res.write(next.value)) await once(res, 'drain', { signal: closed.signal })
    }
    res.off('close', stop).end()
  } catch (error) {
    if (!closed.signal.aborted) res.destroy(error instanceof Error ? error : undefined)
  }
}
