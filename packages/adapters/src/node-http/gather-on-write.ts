import { type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { putHeaders } from './headers.js'

type WriteHead = (this: ServerResponse, status: number, reason?: unknown, head?: unknown) => ServerResponse

/**
 * Makes one response put together, when its head is written, what was appended to it and what the head brings: a host that writes a `Response` would
 * otherwise replace our `Set-Cookie` and `Vary` by the handler's.
 */
export function gatherOnWrite(res: ServerResponse): void {
  if (res.writeHead === ServerResponse.prototype.writeHead)
    res.writeHead = gatherThenWrite as ServerResponse['writeHead']
}

/** `writeHead` itself sets the fields one by one, where others were set before. */
const gatherThenWrite: WriteHead = function (status, reason, head) {
  const { writeHead } = ServerResponse.prototype as unknown as { writeHead: WriteHead }
  const fields = typeof reason === 'string' ? head : (head ?? reason)
  if (!isFields(fields)) return writeHead.call(this, status, reason, head)
  putHeaders(this, fields)
  return writeHead.call(this, status, typeof reason === 'string' ? reason : undefined)
}

function isFields(value: unknown): value is OutgoingHttpHeaders {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
