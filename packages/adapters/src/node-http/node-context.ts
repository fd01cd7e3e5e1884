import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type CompiledPipeline, RequestContext } from '@palisade/core'
import { addHeader } from './headers.js'
import { readBody } from './read-body.js'

/**
 * A request of Node's own HTTP server, which is what lies under Express, Fastify, Koa, and Hono on `@hono/node-server`.
 *
 * Response headers are set on the `ServerResponse` at once: so they are there whoever answers, a 404 page, an error page or a raw
 * write, and the team's own code sees and replaces them as usual.
 */
export class NodeContext<State extends object = {}> extends RequestContext<State> {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly peer: string | undefined

  constructor(pipeline: CompiledPipeline, req: IncomingMessage, res: ServerResponse) {
    super(pipeline)
    this.req = req
    this.res = res
    // Read at once: when the client has left, the socket no longer knows.
    this.peer = req.socket.remoteAddress
  }

  get method(): string {
    return this.req.method ?? 'GET'
  }

  get url(): string {
    const { originalUrl, url } = this.req as IncomingMessage & { originalUrl?: string }
    return originalUrl ?? url ?? '/'
  }

  protected get encrypted(): boolean {
    return (this.req.socket as Partial<TLSSocket>).encrypted === true
  }

  get raw(): unknown {
    return this.req
  }

  get route(): string | undefined {
    return undefined
  }

  protected override get responseBytes(): number | undefined {
    // `end(text)` on its own keeps the length beside the headers.
    const { _contentLength } = this.res as { _contentLength?: number | null }
    const length = Number(this.res.getHeader('content-length') ?? _contentLength ?? Number.NaN)
    return Number.isSafeInteger(length) ? length : undefined
  }

  header(name: string): string | undefined {
    const value = this.req.headers[name]
    if (typeof value === 'object') return value.join(', ')
    // Of this field Node keeps the first line and drops the others: who checks a credential must see that there were two.
    return name === 'authorization' && value !== undefined ? linesOf(name, this.req.rawHeaders) : value
  }

  setHeader(name: string, value: string): void {
    this.res.setHeader(name, value)
  }

  removeHeader(name: string): void {
    this.res.removeHeader(name)
  }

  appendHeader(name: string, value: string): void {
    addHeader(this.res, name, value)
  }

  bytes(limit: number): Promise<Uint8Array> {
    return readBody(this.req, this.res, limit)
  }

  protected watchEnd(): void {
    this.res.on('close', () => this.close())
    // A pipelined response waits for its turn without a socket, and never closes if the socket dies meanwhile.
    if (this.res.socket === null) this.req.socket?.on('close', () => this.close())
  }

  private close(): void {
    const { res } = this
    // `statusCode` is 200 before anything was sent; only sent headers say what the client saw.
    this.finish(res.headersSent ? res.statusCode : undefined, !res.writableFinished)
  }
}

/** Every line of a field, joined as RFC 9110 section 5.3 says. */
function linesOf(name: string, raw: readonly string[]): string {
  let joined: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const field = raw[i] as string
    if (field.length !== name.length || field.toLowerCase() !== name) continue
    const line = raw[i + 1] as string
    joined = joined === undefined ? line : `${joined}, ${line}`
  }
  return joined ?? ''
}
