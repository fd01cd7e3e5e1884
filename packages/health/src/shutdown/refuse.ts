import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * The pipeline is behind the server, so this is the one refusal that it does not render; the form
 * is that of `envelope()`.
 */
const bodyOf = (retryAfterSeconds: number) =>
  JSON.stringify({
    error: {
      code: 'SERVICE_UNAVAILABLE',
      message: 'The server is shutting down',
      retry_after: retryAfterSeconds,
    },
  })

/** Maximum size of an unwanted body that is read, so that its client comes to read the answer. */
const MOST_BODY = 1024 * 1024
const LONGEST_BODY_MS = 1000

/**
 * 503, `Retry-After` and `Connection: close`: it was not processed, and may be sent again
 * elsewhere.
 *
 * A connection that is closed with a body unread is reset, and the reset may overtake the answer
 * (RFC 9112 section 9.6). So the body is read first, but not all of a large one and not for long.
 */
export function refuseRequest(
  req: IncomingMessage,
  res: ServerResponse,
  retryAfterSeconds: number,
  isWaiting: boolean,
): void {
  const body = bodyOf(retryAfterSeconds)
  const send = () => {
    clearTimeout(timer)
    if (res.headersSent || res.destroyed) return
    res.shouldKeepAlive = false
    res.writeHead(503, {
      Connection: 'close',
      'Retry-After': String(retryAfterSeconds),
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
    })
    res.end(body)
  }
  const hasBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
  const timer = setTimeout(send, LONGEST_BODY_MS).unref()
  if (!hasBody || isWaiting) {
    send()
    return
  }
  let read = 0
  req.on('data', (chunk: Uint8Array) => {
    read += chunk.length
    if (read > MOST_BODY) send()
  })
  req.on('end', send)
  req.on('error', send)
}

/** The same for an upgrade, whose socket has no response any more. */
export function refuseUpgrade(socket: Duplex, retryAfterSeconds: number): void {
  const body = bodyOf(retryAfterSeconds)
  // The client may be gone; the socket has no other listener.
  socket.on('error', () => {})
  const head = [
    'HTTP/1.1 503 Service Unavailable',
    'Connection: close',
    `Retry-After: ${retryAfterSeconds}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
