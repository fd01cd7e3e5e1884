import type { RequestContext } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import { isPromise } from '../kernel/maybe-promise.js'
import { RandomIds } from '../kernel/random-ids.js'
import { alsoCalled, type Check, callback, checkOptions, flag, optional } from '../options/check.js'
import { ownHeaderName } from '../options/header-name.js'

export interface RequestIdOptions {
  /** Default `X-Request-ID`. Not a field that means something to HTTP or to browsers. */
  header?: string
  /** The same as `header`. */
  headerName?: string
  /**
   * Makes an id when the client sent none that is fit. Must itself match `^[\w.:-]{1,128}$`.
   * Default: a random UUID.
   */
  generator?: () => string
  /** Whether the response carries it. Default true. */
  includeInResponse?: boolean
}

const FIT = /^[\w.:-]{1,128}$/

/**
 * Gives every request an id that its logs, events, refusals and the response carry.
 *
 * A client's own id is passed through only when it is short and plain, so that it can forge neither
 * a log line nor a header; it is a correlation aid and never a secret. Fails closed: a generator
 * that throws or returns something unfit is a 500.
 *
 * Events and logs of middlewares in front of it have the same id; a second `requestId()` keeps the
 * id of the first.
 *
 *     pipeline().use(requestId())
 */
export function requestId(options: RequestIdOptions = {}): Middleware<{}, { requestId: string }> {
  const { header, generator, includeInResponse } = checkOptions('requestId', options, {
    header: alsoCalled('headerName', optional(fieldName, 'X-Request-ID')),
    generator: optional(callback<() => string>('a function that returns a string')),
    includeInResponse: optional(flag, true),
  })
  const lowerCase = header.toLowerCase()
  const ids = new RandomIds()
  const failures = new WeakMap<RequestContext, unknown>()
  const make = (ctx: RequestContext): string => {
    const sent = ctx.header(lowerCase)
    return sent !== undefined && FIT.test(sent)
      ? sent
      : generator === undefined
        ? ids.next()
        : generate(generator)
  }
  return {
    name: 'request-id',
    gives: ['requestId'],
    identify(ctx) {
      try {
        return make(ctx)
      } catch (error) {
        failures.set(ctx, error)
        throw error
      }
    },
    onRequest(ctx) {
      // Events and logs in front of this middleware may have asked for the id already.
      if (ctx.hasRequestId && failures.has(ctx)) throw failures.get(ctx)
      const id = ctx.hasRequestId ? ctx.requestId : make(ctx)
      ctx.requestId = id
      ctx.state.requestId = id
      if (includeInResponse) ctx.setHeader(header, id)
    },
  }
}

function generate(generator: () => string): string {
  const id: unknown = generator()
  // No code awaits it, and its rejection would end the process.
  if (isPromise(id)) id.then(undefined, () => {})
  if (typeof id !== 'string' || !FIT.test(id)) {
    throw new TypeError(
      'requestId: the generator returned something that is no id; allowed: 1 to 128 of A-Z a-z 0-9 _ . : -',
    )
  }
  return id
}

/** In the case in which it was given, for those who read the answer. */
const fieldName: Check<string> = (value, at) => {
  ownHeaderName(value, at)
  return value as string
}
