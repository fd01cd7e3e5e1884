import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http'
import type { Reply } from '@palisade/core'
import type { CompiledPipeline } from '@palisade/core/host'
import type { Context } from 'hono'
import { tear } from '../node-http/end-of-response.js'
import { type HeaderLine, headerLines } from '../node-http/header-lines.js'
import { gathers } from '../node-http/headers.js'
import { NodeContext } from '../node-http/node-context.js'
import type { Peeked } from '../node-http/peek-body.js'
import { limitUnreadBody } from '../node-http/unread-body.js'
import { failBody } from '../node-http/write-reply.js'
import { hasNoBody, type StreamBody, sendSafely, typeOf, watched } from '../reply.js'
import { peekRequest, readRequest, streamRequest } from '../web/request-body.js'
import { bodyOf } from '../web/response.js'
import type { HonoContext } from './edge.js'
import type { NodesRequests } from './nodes-requests.js'
import { mountOf, templateOf } from './template.js'

/**
 * A request of Hono on `@hono/node-server`: Node's own request and response, so that no `Headers`
 * are made.
 */
export class HonoNodeContext extends NodeContext implements HonoContext {
  /** Once the app was asked. */
  private c: Context | undefined = undefined
  private routed: string | undefined = undefined
  /**
   * The application's own headers of the request; `null` if it uses Node's, `undefined` until they
   * are first read.
   */
  private own: Headers | null | undefined = undefined

  private readonly requests: NodesRequests

  constructor(
    pipeline: CompiledPipeline,
    req: IncomingMessage,
    res: ServerResponse,
    requests: NodesRequests,
  ) {
    super(pipeline, req, res)
    this.requests = requests
  }

  meets(c: Context): boolean {
    if (this.isMet) return false
    this.c = c
    this.routed = super.targetNow()
    return true
  }

  /** Whether the app was asked about the request. */
  get isMet(): boolean {
    return this.c !== undefined
  }

  /** Of the request that the handler has: a middleware may have put another one in its place. */
  override get method(): string {
    return this.pinned?.method ?? this.c?.req.method ?? super.method
  }

  /** Hono reads the path once, when the dispatch begins. */
  protected override targetNow(): string {
    return this.routed ?? super.targetNow()
  }

  override header(name: string): string | undefined {
    const own = this.ownHeaders
    return own === null ? super.header(name) : (own.get(name) ?? undefined)
  }

  override headers(): readonly HeaderLine[] {
    const own = this.ownHeaders
    return own === null ? super.headers() : headerLines(this.req.rawHeaders, fieldsOf(own))
  }

  private get ownHeaders(): Headers | null {
    if (this.own === undefined)
      this.own = (this.c && this.requests.ownHeaders(this.c.req.raw, this.req)) ?? null
    return this.own
  }

  protected override credentialNow(): string | undefined {
    this.own = undefined
    return this.header('authorization')
  }

  override begin(pipeline: CompiledPipeline): ReturnType<NodeContext['begin']> {
    this.own = undefined
    return super.begin(pipeline)
  }

  override bytes(limit: number): Promise<Uint8Array> {
    const { ownRequest } = this
    if (ownRequest === undefined) return super.bytes(limit)
    return readRequest(ownRequest, limit, { timeoutMs: this.services.bodyTimeoutMs })
  }

  override body(): AsyncIterable<Uint8Array> {
    const { ownRequest, services } = this
    if (ownRequest === undefined) return super.body()
    return streamRequest(ownRequest, { signal: this.signal, timeoutMs: services.bodyTimeoutMs })
  }

  override async peek(limit: number): Promise<Peeked> {
    const { c, ownRequest, services } = this
    if (ownRequest === undefined || c === undefined) return super.peek(limit)
    const wait = { signal: this.signal, timeoutMs: services.bodyTimeoutMs }
    const { request, bytes, complete } = await peekRequest(ownRequest, limit, wait)
    c.req.raw = request
    return { bytes, complete }
  }

  /**
   * The application's request, where Node's message no longer has the body that the handler reads:
   * the application put another one in its place, or has asked for the stream of this one.
   */
  private get ownRequest(): Request | undefined {
    const raw = this.c?.req.raw
    return raw === undefined || this.requests.hasBodyOf(raw, this.req) ? undefined : raw
  }

  override get raw(): unknown {
    return this.c?.req.raw ?? this.req
  }

  override get route(): string | undefined {
    return this.c === undefined ? undefined : templateOf(this.c)
  }

  protected override get mountPath(): string | undefined {
    return this.c === undefined ? undefined : mountOf(this.c)
  }

  override finish(status: number | undefined, aborted: boolean): void {
    if (this.c?.error !== undefined) this.noteError(this.c.error)
    super.finish(status, aborted)
  }

  /**
   * The answer's headers are on the `Response` alone, but for those that gather: a middleware in
   * front, such as `compress()`, may replace it, and then length, type and tag of the first must be
   * gone with it.
   */
  answer(reply: Reply): Response {
    const { sent, headers } = sendSafely(this, reply, one => ({ sent: one, headers: this.headersOf(one) }))
    return new Response(
      bodyOf(this, sent, body => this.torn(body)),
      { status: sent.status, headers },
    )
  }

  /**
   * As a plain object, which keeps the node server on its fast path. @throws TypeError for what
   * cannot be sent
   */
  private headersOf({ body, headers, status }: Reply): Record<string, string> {
    const plain: Record<string, string> = {}
    const early = this.res.getHeader('Content-Type')
    const type = typeof early === 'string' ? early : typeOf({ body, status } as Reply)
    if (type !== undefined) plain['content-type'] = type
    for (const name in headers) {
      const value = headers[name] as string | readonly string[]
      validateHeaderName(name)
      for (const line of [value].flat()) validateHeaderValue(name, line)
      if (!gathers(name)) plain[name.toLowerCase()] = [value].flat().join(', ')
    }
    for (const name in headers)
      if (gathers(name)) for (const line of [headers[name] as string].flat()) this.appendHeader(name, line)
    limitUnreadBody(this.req, this.res)
    const isFixed = body === null || typeof body === 'string' || body instanceof Uint8Array
    if (isFixed && !hasNoBody(status))
      plain['content-length'] = String(body === null ? 0 : Buffer.byteLength(body))
    return plain
  }

  answered(): void {
    // The headers are on Node's response already, and its end is seen there.
    if (this.c?.error !== undefined) this.noteError(this.c.error)
  }

  /**
   * A stream that tears the connection when it fails. The node server would end it with the error's
   * message, as if that belonged to it.
   */
  private torn(body: StreamBody): StreamBody {
    return watched(body, error => {
      failBody(this, error)
      // The server ends the response all the same, which then looks finished.
      this.finish(this.res.statusCode, true)
      tear(this.res)
    })
  }
}

/** Only `Set-Cookie` comes more than once. */
function fieldsOf(headers: Headers): IncomingHttpHeaders {
  const fields = Object.fromEntries(headers) as IncomingHttpHeaders
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) fields['set-cookie'] = cookies
  return fields
}
