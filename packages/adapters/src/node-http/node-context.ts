import { type IncomingMessage, type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type CompiledPipeline, RequestContext } from '@palisade/core'
import { HeaderNames, isFitValue } from './header-names.js'
import { type HeaderTable, headerTableOf } from './header-table.js'
import { addHeader } from './headers.js'
import { queueOf } from './queue.js'
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
  private table: HeaderTable | undefined = undefined

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
    const { table } = this
    const key = table === undefined || !isFitValue(value) ? undefined : NAMES.lowerCase(name)
    if (table !== undefined && key !== undefined) table[key] = [name, value]
    else this.setByNode(name, value)
  }

  override setHeaders(pairs: Parameters<RequestContext['setHeaders']>[0]): void {
    const checked = CHECKED.get(pairs) ?? check(pairs)
    const first = this.table === undefined ? checked[0] : undefined
    if (first !== undefined) this.setByNode(first.name, first.value)
    const { table } = this
    for (let i = first === undefined ? 0 : 1; i < checked.length; i++) {
      const { key, name, value } = checked[i] as CheckedHeader
      // Node adds to an entry when something is appended, so each response has its own.
      if (table === undefined) this.res.setHeader(name, value)
      else table[key] = [name, value]
    }
  }

  removeHeader(name: string): void {
    this.res.removeHeader(name)
  }

  appendHeader(name: string, value: string): void {
    const key = this.table === undefined ? undefined : NAMES.lowerCase(name)
    if (key !== undefined && this.table?.[key] === undefined) this.setHeader(name, value)
    else addHeader(this.res, name, value)
  }

  override begin(pipeline: CompiledPipeline): ReturnType<RequestContext['begin']> {
    // What ran between a pipeline and its branch may have sent the headers, or wants to see what is set.
    this.table = undefined
    return super.begin(pipeline)
  }

  override finish(status: number | undefined, aborted: boolean): void {
    this.table = undefined
    super.finish(status, aborted)
  }

  /** With Node's own checks and errors; afterwards there is a table. */
  private setByNode(name: string, value: string): void {
    this.res.setHeader(name, value)
    this.table ??= headerTableOf(this.res)
  }

  bytes(limit: number): Promise<Uint8Array> {
    return readBody(this.req, this.res, limit)
  }

  protected watchEnd(): void {
    const { req, res } = this
    // The client may have left while something in front of the pipeline waited.
    if (res.closed || req.socket.destroyed) {
      this.close()
      return
    }
    const queued = res.socket === null ? queueOf(req.socket) : undefined
    queued?.add(this)
    res.on('close', () => {
      queued?.delete(this)
      this.close()
    })
  }

  /** The response has closed, or will never be sent. */
  close(): void {
    const { res } = this
    // `statusCode` is 200 before anything was sent; only sent headers say what the client saw.
    this.finish(res.headersSent ? res.statusCode : undefined, !res.writableFinished)
  }
}

interface CheckedHeader {
  readonly key: string
  readonly name: string
  readonly value: string
}

const NAMES = new HeaderNames()

/** Constant headers that were checked. Keyed by the array that a middleware made at construction. */
const CHECKED = new WeakMap<object, readonly CheckedHeader[]>()

/** @throws TypeError as Node's `setHeader` does */
function check(pairs: Parameters<RequestContext['setHeaders']>[0]): readonly CheckedHeader[] {
  const checked = pairs.map(([name, value]) => {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return { key: name.toLowerCase(), name, value }
  })
  CHECKED.set(pairs, checked)
  return checked
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
