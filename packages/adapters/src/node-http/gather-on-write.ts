import { type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { putHeaders } from './headers.js'

type WriteHead = (this: ServerResponse, status: number, reason?: unknown, head?: unknown) => ServerResponse

/**
 * Makes one response put together, when its head is written, what was appended to it and what the head brings: a host that writes a `Response` would
 * otherwise replace our `Set-Cookie` and `Vary` by the handler's. To be called once for a response.
 */
export function gatherOnWrite(res: ServerResponse): void {
  const { writeHead } = res as unknown as { writeHead: WriteHead }
  // A logger in front of the host may have its own; most often nobody has, and no function need be made.
  const gathering = writeHead === NODES ? GATHER_THEN_NODES : gatherThen(writeHead)
  res.writeHead = gathering as ServerResponse['writeHead']
}

/** `writeHead` itself sets the fields one by one, where others were set before. */
function gatherThen(writeHead: WriteHead): WriteHead {
  return function (status, reason, head) {
    const fields = typeof reason === 'string' ? head : (head ?? reason)
    if (!isFields(fields)) return writeHead.call(this, status, reason, head)
    putHeaders(this, fields)
    return writeHead.call(this, status, typeof reason === 'string' ? reason : undefined)
  }
}

const { writeHead: NODES } = ServerResponse.prototype as unknown as { writeHead: WriteHead }
const GATHER_THEN_NODES = gatherThen(NODES)

function isFields(value: unknown): value is OutgoingHttpHeaders {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
