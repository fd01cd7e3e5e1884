import type { RequestContext } from '../contract/context.js'
import type { Outcome } from '../contract/outcome.js'
import { Reply } from '../contract/reply.js'
import { answerError } from '../errors/answer-error.js'
import { RequestError } from '../errors/request-error.js'
import type { CompiledPipeline } from '../pipeline/compiled-pipeline.js'
import { HostContext } from '../pipeline/host-context.js'
import type { Pipeline } from '../pipeline/pipeline.js'

export interface InjectedRequest {
  /** Default `GET`. */
  method?: string
  /** The request target. Default `/`. */
  url?: string
  /** Names in any case; an array is several lines. */
  headers?: Readonly<Record<string, string | readonly string[]>>
  /** Whether the socket is encrypted. Default false. */
  secure?: boolean
  /** Default `1.1`. */
  httpVersion?: string
  /** The socket's address. Default `203.0.113.9`; `null` for none. */
  peer?: string | null
  body?: string | Uint8Array
  /**
   * What answers when the pipeline lets the request through: a reply, or a function; what it throws
   * is answered as an adapter would. Default: 200 `ok`.
   */
  handler?: Reply | ((ctx: HostContext) => Reply | Promise<Reply>)
  /** The template of the route that the handler stands for. */
  route?: string
  /** The client leaves instead of reading the answer. */
  abort?: boolean
}

export interface InjectedResponse<State extends object> {
  readonly status: number
  /**
   * Names in lower case; several lines are joined with `, `, but for `set-cookie` see `setCookie`.
   */
  readonly headers: Readonly<Record<string, string>>
  readonly setCookie: readonly string[]
  readonly body: string
  json(): unknown
  readonly state: State
  readonly ctx: RequestContext<State>
  /** Whether the request reached the handler. */
  readonly passed: boolean
}

/**
 * Runs a pipeline on a request without a server. Everything happens as on a host, `onResponse`
 * included.
 *
 *     const limited = pipeline().use(rateLimit({ limit: 0, window: '1m' }))
 *     const { status } = await inject(limited, { url: '/orders' })
 */
export async function inject<State extends object>(
  target: Pipeline<State>,
  request: InjectedRequest = {},
): Promise<InjectedResponse<State>> {
  const compiled = target.compile()
  const ctx = new InjectedContext(compiled.root, request)
  for (const pipeline of lineage(compiled)) {
    const answered = await pipeline.run(ctx)
    if (answered !== undefined) return ctx.respond<State>(answered, false)
  }
  const { handler = new Reply(200, {}, 'ok') } = request
  return ctx.respond<State>(await replyOf(handler, ctx), true)
}

async function replyOf(handler: NonNullable<InjectedRequest['handler']>, ctx: HostContext): Promise<Reply> {
  if (typeof handler !== 'function') return handler
  try {
    return await handler(ctx)
  } catch (error) {
    return answerError(ctx, error, 'the handler failed', undefined)
  }
}

function lineage(compiled: CompiledPipeline): CompiledPipeline[] {
  return compiled.parent === undefined ? [compiled] : [...lineage(compiled.parent), compiled]
}

class InjectedContext extends HostContext {
  readonly method: string
  readonly url: string
  readonly peer: string | undefined
  readonly raw: InjectedRequest
  readonly route: string | undefined
  protected readonly encrypted: boolean
  private readonly given = new Headers()
  private readonly sent = new Headers()
  private isRead = false

  constructor(pipeline: CompiledPipeline, request: InjectedRequest) {
    super(pipeline)
    this.raw = request
    this.method = request.method ?? 'GET'
    this.url = request.url ?? '/'
    this.peer = request.peer === null ? undefined : (request.peer ?? '203.0.113.9')
    this.encrypted = request.secure === true
    this.route = request.route
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      for (const line of [value].flat()) this.given.append(name, line)
    }
  }

  override get httpVersion(): string | undefined {
    return this.raw.httpVersion ?? '1.1'
  }

  header(name: string): string | undefined {
    // On Node it would be missing on every request, and no test would show it.
    if (name !== name.toLowerCase())
      throw new TypeError(`ctx.header("${name}"): allowed: a name in lower case, "${name.toLowerCase()}"`)
    // A name of HTTP/2's own is no name for `Headers`.
    return name.startsWith(':') ? undefined : (this.given.get(name) ?? undefined)
  }

  headers(): readonly (readonly [name: string, value: string])[] {
    return Object.entries(this.raw.headers ?? {}).flatMap(([name, value]) =>
      [value].flat().map(line => [name.toLowerCase(), line] as const),
    )
  }

  setHeader(name: string, value: string): void {
    this.sent.set(name, value)
  }

  removeHeader(name: string): void {
    this.sent.delete(name)
  }

  appendHeader(name: string, value: string): void {
    this.sent.append(name, value)
  }

  async bytes(limit: number): Promise<Uint8Array> {
    const bytes = this.unread()
    if (bytes.length > limit) throw new RequestError(413, `The request body is over ${limit} bytes`)
    this.isRead = true
    return bytes
  }

  body(): AsyncIterable<Uint8Array> {
    const bytes = this.unread()
    this.isRead = true
    return (async function* () {
      if (bytes.length > 0) yield bytes
    })()
  }

  async peek(limit: number): Promise<{ bytes: Uint8Array; complete: boolean }> {
    const bytes = this.unread()
    return { bytes: bytes.slice(0, limit), complete: bytes.length <= limit }
  }

  /** @throws Error when the body was read already, as on a host */
  private unread(): Uint8Array {
    if (this.isRead) throw new Error('the body was already read by something mounted earlier')
    const { body = '' } = this.raw
    return typeof body === 'string' ? new TextEncoder().encode(body) : body
  }

  protected watchEnd(): void {
    // respond() always finishes.
  }

  async respond<State extends object>(reply: Reply, passed: boolean): Promise<InjectedResponse<State>> {
    for (const [name, value] of Object.entries(reply.headers)) {
      if (typeof value === 'string') this.sent.set(name, value)
      else for (const line of value) this.sent.append(name, line)
    }
    const aborted = this.raw.abort === true
    const body = aborted ? '' : await textOf(reply.body)
    const outcome: Pick<Outcome, 'status' | 'aborted'> = {
      status: aborted ? undefined : reply.status,
      aborted,
    }
    this.finish(outcome.status, outcome.aborted)
    const headers = Object.fromEntries(this.sent)
    const setCookie = this.sent.getSetCookie()
    const ctx = this as unknown as RequestContext<State>
    return {
      status: reply.status,
      headers,
      setCookie,
      body,
      json: () => JSON.parse(body),
      state: ctx.state,
      ctx,
      passed,
    }
  }
}

async function textOf(body: Reply['body']): Promise<string> {
  if (body === null) return ''
  if (typeof body === 'string') return body
  const decoder = new TextDecoder()
  if (body instanceof Uint8Array) return decoder.decode(body)
  let text = ''
  for await (const chunk of body)
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
