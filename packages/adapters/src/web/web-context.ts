import type { CompiledPipeline } from '@palisade/core/host'
import { HostContext } from '@palisade/core/host'
import { mergeVary } from '../vary.js'
import { presentScope } from './async-context.js'
import { peekRequest, readRequest, streamRequest } from './request-body.js'

/**
 * A request of the Fetch standard: Hono away from Node, and `toFetch`. Response headers wait here
 * until there is a response.
 */
export class WebContext<State extends object = {}> extends HostContext<State> {
  request: Request
  readonly peer: string | undefined
  /** What `setHeader` and `appendHeader` said; put on the response when it is there. */
  readonly staged = new Headers()
  private readonly target: string
  private scope: ReturnType<typeof presentScope> = undefined

  constructor(pipeline: CompiledPipeline, request: Request, peer: string | undefined) {
    super(pipeline)
    this.request = request
    this.peer = peer
    this.target = targetOf(request.url)
  }

  /**
   * The request that the handler has, which a middleware may have put in the place of the first.
   */
  protected get current(): Request {
    return this.request
  }

  /** The handler has this request from now on. */
  protected replace(request: Request): void {
    this.request = request
  }

  get method(): string {
    return this.pinned?.method ?? this.current.method
  }

  get url(): string {
    return this.target
  }

  protected get encrypted(): boolean {
    return this.request.url.startsWith('https:')
  }

  override get host(): string | undefined {
    return this.header('host') ?? new URL(this.request.url).host
  }

  get raw(): unknown {
    return this.current
  }

  get route(): string | undefined {
    return undefined
  }

  /** The `Content-Length` of the response, once there is one. */
  sentLength: string | null = null

  protected override get responseBytes(): number | undefined {
    // The header is the handler's own text, and may be no number.
    return this.sentLength !== null && LENGTH.test(this.sentLength) ? Number(this.sentLength) : undefined
  }

  header(name: string): string | undefined {
    return this.current.headers.get(name) ?? undefined
  }

  headers(): readonly (readonly [name: string, value: string])[] {
    return [...this.current.headers]
  }

  protected override credentialNow(): string | undefined {
    return this.header('authorization')
  }

  setHeader(name: string, value: string): void {
    this.staged.set(name, value)
    this.isBare = false
  }

  removeHeader(name: string): void {
    this.staged.delete(name)
  }

  appendHeader(name: string, value: string): void {
    this.isBare = false
    if (name.toLowerCase() === 'vary')
      this.staged.set(name, mergeVary(this.staged.get(name) ?? undefined, value))
    else this.staged.append(name, value)
  }

  bytes(limit: number): Promise<Uint8Array> {
    return readRequest(this.current, limit, { timeoutMs: this.services.bodyTimeoutMs })
  }

  body(): AsyncIterable<Uint8Array> {
    return streamRequest(this.current, { signal: this.signal, timeoutMs: this.services.bodyTimeoutMs })
  }

  async peek(limit: number): Promise<{ bytes: Uint8Array; complete: boolean }> {
    const { signal, services } = this
    const peeked = await peekRequest(this.current, limit, { signal, timeoutMs: services.bodyTimeoutMs })
    this.replace(peeked.request)
    return peeked
  }

  override rememberContext(): void {
    this.scope = presentScope()
  }

  override finish(status: number | undefined, aborted: boolean): void {
    const { scope } = this
    if (scope === undefined) super.finish(status, aborted)
    else scope.runInAsyncScope(super.finish, this, status, aborted)
  }

  protected watchEnd(): void {
    // The adapter sees the response and finishes.
  }

  /** Whether a listener waits for the end of the response. */
  observed = false

  /** Set when the handler's response is on its way. */
  sentStatus: number | undefined = undefined

  override watch(): void {
    if (this.observed) return
    this.observed = true
    // Not every platform cancels the body when the client leaves, and before there is a response
    // none can.
    const { signal } = this.request
    if (signal.aborted) this.finish(this.sentStatus, true)
    else signal.addEventListener('abort', () => this.finish(this.sentStatus, true), { once: true })
  }

  /** Whether no header waits. */
  isBare = true

  /**
   * Puts the staged headers on a response that the handler or the host made. A header of that
   * response stays; `Vary` and `Set-Cookie` gather, ours first as on a server of Node.
   */
  applyTo(headers: Headers): void {
    for (const [name, value] of this.staged) {
      if (name === 'set-cookie') continue
      const theirs = headers.get(name)
      if (theirs === null) headers.set(name, value)
      else if (name === 'vary') headers.set(name, mergeVary(value, theirs))
    }
    const cookies = this.staged.getSetCookie()
    if (cookies.length > 0) prependCookies(headers, cookies)
  }
}

/** RFC 9110 section 8.6, within what a number holds exactly. */
const LENGTH = /^\d{1,15}$/

/** `Set-Cookie` lines in front of those that are there. */
function prependCookies(headers: Headers, cookies: readonly string[]): void {
  const theirs = headers.getSetCookie()
  headers.delete('set-cookie')
  for (const cookie of [...cookies, ...theirs]) headers.append('set-cookie', cookie)
}

function targetOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  const end = url.indexOf('#')
  if (start < 0) return '/'
  return end < 0 ? url.slice(start) : url.slice(start, end)
}
