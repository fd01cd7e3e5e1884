import { AsyncResource } from 'node:async_hooks'
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { CompiledPipeline } from '@palisade/core/host'
import { HostContext } from '@palisade/core/host'
import { BeforeHead } from './before-head.js'
import { openBody } from './body-stream.js'
import { hasLostPeer, isDisconnected, isTorn, watchEnd, watchInnerEnd } from './end-of-response.js'
import { type HeaderLine, headerLines } from './header-lines.js'
import { headerTableOf } from './header-table.js'
import { addHeader, gathers, NAMES, setHeader } from './headers.js'
import { streamOf } from './http2.js'
import type { HeaderTable } from './new-table.js'
import { noBody, noBytes } from './no-body.js'
import { type Peeked, peekBody } from './peek-body.js'
import { readBody } from './read-body.js'
import { isUpgrade } from './upgrade-status.js'

/**
 * A request of Node's own HTTP server, which Express, Fastify, Koa, and Hono on `@hono/node-server`
 * use.
 *
 * Response headers are set on the `ServerResponse` at once. They are on every answer: a 404 page,
 * an error page or a raw write. The team's own code sees and replaces them as usual.
 */
export class NodeContext<State extends object = {}> extends HostContext<State> {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly peer: string | undefined
  protected readonly socket: Duplex | undefined
  private asyncContext: AsyncResource | undefined = undefined
  private outer: NodeContext | undefined = undefined
  private fields: IncomingHttpHeaders | undefined = undefined
  private knownTable: HeaderTable | undefined = undefined
  private pending: BeforeHead | undefined = undefined

  constructor(
    pipeline: CompiledPipeline,
    req: IncomingMessage,
    res: ServerResponse,
    socket = socketOf(req, res),
  ) {
    super(pipeline)
    this.req = req
    this.res = res
    this.socket = socket
    // Read at once: when the client has left, the socket no longer knows.
    this.peer = (socket as Partial<Socket> | undefined)?.remoteAddress
  }

  get method(): string {
    return this.pinned?.method ?? this.req.method ?? 'GET'
  }

  get url(): string {
    return this.pinned?.url ?? this.targetNow()
  }

  /** The target that the host routes by, the prefixes of mounts included. */
  protected targetNow(): string {
    const { originalUrl, url = '/' } = this.req as IncomingMessage & { originalUrl?: string }
    // `connect` and its kin take a mount's prefix away and do not say which. Any other difference
    // is a rewrite.
    return originalUrl?.endsWith(url) === true ? originalUrl : url
  }

  /**
   * The fields as the team's handler has them: a middleware in front may have added and replaced
   * some.
   */
  protected fieldsNow(): IncomingHttpHeaders {
    return this.req.headers
  }

  protected override credentialNow(): string | undefined {
    return this.fieldsNow().authorization
  }

  protected get encrypted(): boolean {
    return (this.socket as Partial<TLSSocket> | undefined)?.encrypted === true
  }

  override get httpVersion(): string | undefined {
    return this.req.httpVersion
  }

  override get isUpgrade(): boolean {
    return isUpgrade(this.req)
  }

  override get hasSocket(): boolean {
    return this.socket !== undefined
  }

  get raw(): unknown {
    return this.req
  }

  get route(): string | undefined {
    return undefined
  }

  protected override get responseBytes(): number | undefined {
    // Node keeps it beside the headers, that of `end(text)` too; on HTTP/2 there are only the
    // headers.
    const { _contentLength } = this.res as { _contentLength?: number | null }
    const length = Number(_contentLength ?? this.res.getHeader('content-length') ?? Number.NaN)
    return Number.isSafeInteger(length) && length >= 0 ? length : undefined
  }

  header(name: string): string | undefined {
    this.fields ??= this.fieldsNow()
    const value = this.fields[name]
    if (typeof value === 'object') return value.join(', ')
    return name === 'authorization' && value !== undefined ? this.withDuplicates(name, value) : value
  }

  headers(): readonly HeaderLine[] {
    return headerLines(this.req.rawHeaders, this.fieldsNow())
  }

  /**
   * Of some fields Node keeps the first line and drops the others. A check of a credential must see
   * that there were two. A value that is not the first line was set by a middleware, and replaces
   * all lines.
   */
  private withDuplicates(name: string, value: string): string {
    const { rawHeaders } = this.req
    if (!isRepeated(name, rawHeaders)) return value
    const lines = linesOf(name, rawHeaders)
    return lines[0] === value ? lines.join(', ') : value
  }

  setHeader(name: string, value: string): void {
    setHeader(this.res, this.table, name, value)
    if (!gathers(name)) return
    this.beforeHead.forget(name)
    this.beforeHead.gather(name, value)
  }

  override setHeaders(pairs: Parameters<HostContext['setHeaders']>[0]): void {
    const checked = CHECKED.get(pairs) ?? check(pairs)
    const { table } = this
    for (const { key, name, value } of checked) {
      // Node adds to an entry when something is appended, so each response has its own.
      if (table === undefined) this.res.setHeader(name, value)
      else table[key] = [name, value]
    }
  }

  removeHeader(name: string): void {
    if (gathers(name)) this.pending?.forget(name)
    const { table } = this
    const key = table === undefined ? undefined : NAMES.lowerCase(name)
    // Taking away what is not there is asked for on each request, and `delete` is slow.
    if (key === undefined || table?.[key] !== undefined || ADDED_BY_NODE.has(key)) this.res.removeHeader(name)
  }

  appendHeader(name: string, value: string): void {
    const { table } = this
    const key = table === undefined ? undefined : NAMES.lowerCase(name)
    if (key !== undefined && table?.[key] === undefined) setHeader(this.res, table, name, value)
    else addHeader(this.res, name, value)
    if (gathers(name)) this.beforeHead.gather(name, value)
  }

  override begin(pipeline: CompiledPipeline): ReturnType<HostContext['begin']> {
    // What ran between a pipeline and its branch may have sent the headers, wants to see what is
    // set, or gave the request others.
    this.knownTable = undefined
    this.fields = undefined
    return super.begin(pipeline)
  }

  override rememberContext(): void {
    this.asyncContext = new AsyncResource('palisade.request')
  }

  override finish(status: number | undefined, aborted: boolean): void {
    this.knownTable = undefined
    const { asyncContext } = this
    if (asyncContext === undefined) super.finish(status, aborted)
    else asyncContext.runInAsyncScope(super.finish, this, status, aborted)
  }

  /** Only responses that need it are watched. */
  protected get beforeHead(): BeforeHead {
    this.pending ??= new BeforeHead(this.res)
    return this.pending
  }

  private get table(): HeaderTable | undefined {
    this.knownTable ??= headerTableOf(this.res)
    return this.knownTable
  }

  bytes(limit: number): Promise<Uint8Array> {
    if (this.isUpgrade) return noBytes(limit)
    return readBody(this.req, this.res, { bytes: limit, timeoutMs: this.services.bodyTimeoutMs })
  }

  body(): AsyncIterable<Uint8Array> {
    if (this.isUpgrade) return noBody()
    const { signal, services } = this
    return openBody(this.req, this.res, { signal, timeoutMs: services.bodyTimeoutMs })
  }

  peek(limit: number): Promise<Peeked> {
    if (this.isUpgrade) return noBytes(limit).then(bytes => ({ bytes, complete: true }))
    return peekBody(this.req, { bytes: limit, timeoutMs: this.services.bodyTimeoutMs })
  }

  /** The dispatch in whose handler the application made this one, with a response of its own. */
  isWithin(outer: NodeContext): void {
    // The one whose response has a connection.
    this.outer = outer.outer ?? outer
  }

  protected watchEnd(): void {
    if (this.outer === undefined) watchEnd(this.req, this.res, this.socket, this)
    else watchInnerEnd(this.res, this.outer.res, this)
  }

  override get hasDisconnected(): boolean {
    if (this.peer !== undefined || !hasLostPeer(this.socket)) return false
    // So that the end is seen at once, and no answer is written. A session of HTTP/2 may not be
    // destroyed while it reads, and ends its other streams on its own.
    const stream = streamOf(this.res)
    if (stream === undefined) this.socket?.destroy()
    else stream.destroy()
    return true
  }

  override get clientHasLeft(): boolean {
    const { req, res, socket } = this
    return !isTorn(res, socket) && (isDisconnected(req, res, socket) || super.clientHasLeft)
  }
}

/** A request that was injected may have none, but the response that was made for it. */
function socketOf(req: IncomingMessage, res: ServerResponse): Duplex | undefined {
  return (req.socket as Duplex | undefined) ?? res.socket ?? undefined
}

interface CheckedHeader {
  readonly key: string
  readonly name: string
  readonly value: string
}

/** Node adds these when it sends, unless they were removed. */
const ADDED_BY_NODE: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'transfer-encoding',
])

/**
 * Constant headers that were checked. Keyed by the array that a middleware made at construction.
 */
const CHECKED = new WeakMap<object, readonly CheckedHeader[]>()

/** @throws TypeError as Node's `setHeader` does */
function check(pairs: Parameters<HostContext['setHeaders']>[0]): readonly CheckedHeader[] {
  const checked = pairs.map(([name, value]) => {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return { key: name.toLowerCase(), name, value }
  })
  CHECKED.set(pairs, checked)
  return checked
}

/** Asked for on each request, so it makes no list. */
function isRepeated(name: string, raw: readonly string[]): boolean {
  let isFound = false
  for (let i = 0; i < raw.length; i += 2) {
    if (!isNamed(raw[i] as string, name)) continue
    if (isFound) return true
    isFound = true
  }
  return false
}

const isNamed = (field: string, name: string) => field.length === name.length && field.toLowerCase() === name

/** Every line of a field. The list is empty if a gateway made the request (`serverless-http`). */
function linesOf(name: string, raw: readonly string[]): string[] {
  const lines: string[] = []
  for (let i = 0; i < raw.length; i += 2)
    if (isNamed(raw[i] as string, name)) lines.push(raw[i + 1] as string)
  return lines
}
