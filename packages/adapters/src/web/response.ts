import type { Reply } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { answerError, discard, reportError } from '@palisade/core/host'
import { hasNoBody, type StreamBody, sendSafely, sourceOf, stop, typeOf } from '../reply.js'
import type { WebContext } from './web-context.js'

/** A reply as a `Response`, without the headers that wait in the context. */
export function toResponse(ctx: WebContext, reply: Reply): Response {
  return sendSafely(ctx, reply, one => {
    const { status, body } = one
    const headers = new Headers()
    for (const [name, value] of Object.entries(one.headers)) {
      if (typeof value === 'string') headers.set(name, value)
      else for (const line of value) headers.append(name, line)
    }
    const type = typeOf(one)
    if (type !== undefined && !headers.has('Content-Type') && !ctx.staged.has('Content-Type'))
      headers.set('Content-Type', type)
    if ((body === null || typeof body === 'string' || body instanceof Uint8Array) && !hasNoBody(status))
      headers.set('Content-Length', String(lengthOf(body)))
    // Without a type of its own, so that the platform adds none to ours.
    const init = { status, headers }
    return new Response(bodyOf(ctx, one), init)
  })
}

/** A reply's body in the form that a `Response` takes; `null` where none goes over the wire. */
export function bodyOf(
  ctx: HostContext,
  reply: Reply,
  watch: (body: StreamBody) => StreamBody = body => body,
): BodyInit | null {
  const { body, status } = reply
  if (ctx.method === 'HEAD' || hasNoBody(status)) {
    discard(reply)
    return null
  }
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return body as BodyInit | null
  return streamOf(ctx, watch(body))
}

/**
 * A handler's response with the staged headers; a copy where its own are immutable, as those of
 * `Response.redirect()` and `fetch()` are.
 */
export function withStaged(ctx: WebContext, response: Response): Response {
  if (ctx.isBare) return response
  return withHeaders(response, headers => ctx.applyTo(headers))
}

/** A response whose headers were changed; a copy where they cannot be. */
function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  try {
    change(response.headers)
    return response
  } catch (error) {
    // A response to an upgrade cannot be copied, and has no use for headers.
    if (!(error instanceof TypeError) || response.status === 101) {
      if (response.status === 101) return response
      throw error
    }
    const copy = copyOf(response, response.body)
    change(copy.headers)
    return copy
  }
}

/**
 * With headers of its own: the `Response` of `@hono/node-server` 1.x would share those of
 * `fetch()`, which are immutable.
 */
function copyOf(
  { status, statusText, headers }: Response,
  body: ReadableStream<Uint8Array> | null,
): Response {
  return new Response(body, { status, statusText, headers: new Headers(headers) })
}

/**
 * @throws TypeError if the response is missing, or if its body was already read, such as a constant
 * that is not cloned
 */
export function requireUnread(response: Response): Response {
  if (typeof (response as Response | undefined)?.headers?.get !== 'function')
    throw new TypeError(`the handler returned ${typeof response}; allowed: a Response`)
  if (response.bodyUsed || response.body?.locked === true)
    throw new TypeError(
      'the handler returned a Response whose body was read already; allowed: a new one, or a clone()',
    )
  return response
}

/**
 * The same response; its end, or the client's leaving, finishes the context if anybody waits for
 * it.
 */
export function observed(ctx: WebContext, response: Response): Response {
  const { status, body } = response
  if (!ctx.observed) return response
  ctx.sentLength = response.headers.get('content-length')
  if (body === null || ctx.method === 'HEAD') {
    ctx.finish(status, false)
    return response
  }
  ctx.sentStatus = status
  const reader = body.getReader()
  let isCancelled = false
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        // After a cancel the read ends too, but its result has no reader any more.
        if (isCancelled) return
        if (!done) return controller.enqueue(value)
        controller.close()
        ctx.finish(status, false)
      } catch (error) {
        if (isCancelled) return
        failBody(ctx, error)
        controller.error(error)
        ctx.finish(status, true)
      }
    },
    cancel(reason) {
      isCancelled = true
      ctx.finish(status, true)
      return reader.cancel(reason)
    },
  })
  return copyOf(response, watched)
}

/** Answers what a handler threw. */
export function failure(ctx: WebContext, error: unknown): Response {
  return toResponse(ctx, answerError(ctx, error, 'the handler failed', undefined))
}

/** A body that broke off: the head is sent, so only the log and the outcome can report it. */
function failBody(ctx: HostContext, error: unknown): void {
  if (ctx.error === undefined) reportError(ctx, error, 'the body of an answer failed', undefined)
}

function lengthOf(body: string | Uint8Array | null): number {
  if (body === null) return 0
  return typeof body === 'string' ? new TextEncoder().encode(body).length : body.length
}

function streamOf(ctx: HostContext, body: StreamBody): ReadableStream<Uint8Array> {
  const source = sourceOf(body)
  const encoder = new TextEncoder()
  let isCancelled = false
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await source.next()
        if (isCancelled) return
        if (done) controller.close()
        else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
      } catch (error) {
        if (isCancelled) return
        failBody(ctx, error)
        throw error
      }
    },
    cancel() {
      isCancelled = true
      return stop(source)
    },
  })
}
