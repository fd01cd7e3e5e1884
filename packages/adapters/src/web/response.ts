import type { Reply, ReplyBody } from '@palisade/core'
import type { WebContext } from './web-context.js'

const NO_CONTENT: ReadonlySet<number> = new Set([204, 205, 304])

/** A reply as a `Response`, the staged headers on it. */
export function toResponse(ctx: WebContext, reply: Reply): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(reply.headers)) {
    if (typeof value === 'string') headers.set(name, value)
    else for (const line of value) headers.append(name, line)
  }
  ctx.applyTo(headers)
  const { status, body } = reply
  const isEmpty = body === null || ctx.method === 'HEAD' || NO_CONTENT.has(status)
  if ((body === null || typeof body === 'string' || body instanceof Uint8Array) && !NO_CONTENT.has(status)) {
    headers.set('Content-Length', String(lengthOf(body)))
  }
  return new Response(isEmpty ? null : bodyInit(body), { status, headers })
}

/** A reply's body in the form that a `Response` takes. */
export function bodyInit(body: Exclude<ReplyBody, null>): BodyInit {
  return typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : streamOf(body)
}

/** A handler's response with the staged headers; a copy where its own are immutable, as those of `Response.redirect()` and `fetch()` are. */
export function withStaged(ctx: WebContext, response: Response): Response {
  try {
    ctx.applyTo(response.headers)
    return response
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const copy = new Response(response.body, response)
    ctx.applyTo(copy.headers)
    return copy
  }
}

/** The same response; its end, or the client's leaving, finishes the context if anybody waits for it. */
export function observed(ctx: WebContext, response: Response): Response {
  const { status, body } = response
  if (!ctx.observed) return response
  if (body === null || ctx.method === 'HEAD') {
    ctx.finish(status, false)
    return response
  }
  const reader = body.getReader()
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        controller.close()
        ctx.finish(status, false)
      } catch (error) {
        ctx.error ??= error
        controller.error(error)
        ctx.finish(status, true)
      }
    },
    cancel(reason) {
      ctx.finish(status, true)
      return reader.cancel(reason)
    },
  })
  return new Response(watched, response)
}

function lengthOf(body: string | Uint8Array | null): number {
  if (body === null) return 0
  return typeof body === 'string' ? new TextEncoder().encode(body).length : body.length
}

function streamOf(body: AsyncIterable<Uint8Array | string>): ReadableStream<Uint8Array> {
  const source = body[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) controller.close()
      else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
    },
    async cancel() {
      await source.return?.()
    },
  })
}
