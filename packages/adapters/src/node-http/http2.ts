import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'

/** The stream of an HTTP/2 response; `undefined` on HTTP/1.1. */
export function streamOf(res: ServerResponse): ServerHttp2Stream | undefined {
  return (res as unknown as Partial<Http2ServerResponse>).stream
}

/** RFC 9113 section 7: this server failed. */
export const INTERNAL_ERROR = 2
/** RFC 9113 section 7. */
export const NO_ERROR = 0
