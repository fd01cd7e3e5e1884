import { type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { mergeVary } from '../vary.js'
import { gathers, isVary } from './headers.js'

type WriteHead = (this: ServerResponse, status: number, reason?: unknown, head?: unknown) => ServerResponse

/**
 * Makes one response put together, when its head is written, what was appended to it and what the head brings: a host that writes a `Response` would
 * otherwise replace our `Set-Cookie` and `Vary` by the handler's. Only then is anything compared, so that the host's fast path stays fast.
 */
export function gatherOnWrite(res: ServerResponse): void {
  if (res.writeHead === ServerResponse.prototype.writeHead)
    res.writeHead = gatherThenWrite as ServerResponse['writeHead']
}

const gatherThenWrite: WriteHead = function (status, reason, head) {
  const { writeHead } = ServerResponse.prototype as unknown as { writeHead: WriteHead }
  if (isFields(reason)) return writeHead.call(this, status, gathered(this, reason))
  return writeHead.call(this, status, reason, isFields(head) ? gathered(this, head) : head)
}

function isFields(value: unknown): value is OutgoingHttpHeaders {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function gathered(res: ServerResponse, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  let merged: OutgoingHttpHeaders | undefined
  for (const name in headers) {
    if (!gathers(name)) continue
    const ours = res.getHeader(name)
    const theirs = headers[name]
    if (ours === undefined || theirs === undefined) continue
    // The object may be the handler's own, and constant.
    merged ??= { ...headers }
    merged[name] = isVary(name) ? mergeVary(String(ours), String(theirs)) : [ours, theirs].flat().map(String)
  }
  return merged ?? headers
}
