import type { RequestContext } from '@palisade/core'
import type { Probe } from './probe.js'

/** What a handler answers, said so that every host can say it in its own way. */
export type Answer = Plain | Redirect | Raw | Streamed | Broken | Again

type Headers = Readonly<Record<string, string>>

/** Through the host's usual calls: `res.set`, `reply.header`, `c.header`, `ctx.set`. */
export interface Plain {
  readonly kind: 'plain'
  readonly status: number
  readonly headers: Headers
  /** Added with the host's own way of adding a field line or list member, where it has one. */
  readonly append: Headers
  readonly body: string | null
}

/**
 * Through the host's `redirect`; `native` is `Response.redirect()`, whose headers are immutable,
 * where the host takes a `Response`.
 */
export interface Redirect {
  readonly kind: 'redirect'
  readonly to: string
  readonly native: boolean
}

/**
 * Past the host's usual calls: a `Response` of the handler's own, or Node's response after the host
 * was told to keep off.
 */
export interface Raw {
  readonly kind: 'raw'
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

export interface Streamed {
  readonly kind: 'stream'
  readonly headers: Headers
  readonly chunks: AsyncIterable<string>
}

/** Begins to answer, waits, then throws. */
export interface Broken {
  readonly kind: 'broken'
  readonly chunk: string
  readonly until: Promise<void>
  readonly error: Error
}

/**
 * Sends another request to the application itself, in the way of the host, and gives its answer.
 */
export interface Again {
  readonly kind: 'again'
  readonly target: string
  readonly headers: Headers
}

/** What a handler can see. */
export interface View {
  /** `edge.state(req)`. */
  state(): Readonly<Record<string, unknown>>
  context(): RequestContext
  /** `edge.report(error, req)`. */
  report(error: unknown): void
  /** The JSON of the body as the host's own parser has it; needs `parsers` of the app. */
  body(): Promise<unknown>
  readonly probe: Probe
}

/** What it throws or rejects with, it throws or rejects with inside the host's handler. */
export type Handler = Answer | ((view: View) => Answer | Promise<Answer>)

export function text(
  body: string,
  more: { status?: number; headers?: Headers; append?: Headers } = {},
): Plain {
  const { status = 200, headers = {}, append = {} } = more
  return {
    kind: 'plain',
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
    append,
    body,
  }
}

export function json(value: unknown, more: { status?: number } = {}): Plain {
  const { status = 200 } = more
  const headers = { 'Content-Type': 'application/json; charset=utf-8' }
  return { kind: 'plain', status, headers, append: {}, body: JSON.stringify(value) }
}

export function empty(status: number): Plain {
  return { kind: 'plain', status, headers: {}, append: {}, body: null }
}

export function redirect(to: string, more: { native?: boolean } = {}): Redirect {
  return { kind: 'redirect', to, native: more.native === true }
}

export function raw(body: string, more: { status?: number; headers?: Headers } = {}): Raw {
  return {
    kind: 'raw',
    status: more.status ?? 200,
    headers: { 'Content-Type': 'text/plain', ...more.headers },
    body,
  }
}

export function stream(chunks: AsyncIterable<string>, headers: Headers = {}): Streamed {
  return { kind: 'stream', headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, chunks }
}

export function broken(chunk: string, until: Promise<void>, error: Error): Broken {
  return { kind: 'broken', chunk, until, error }
}

export function again(target: string, headers: Headers = {}): Again {
  return { kind: 'again', target, headers }
}

export async function* chunks(...parts: string[]): AsyncGenerator<string> {
  yield* parts
}

/** Notes that the handler was reached, and does what it is there for. */
export function perform(handler: Handler, view: View): Answer | Promise<Answer> {
  view.probe.note('handler')
  return typeof handler === 'function' ? handler(view) : handler
}
