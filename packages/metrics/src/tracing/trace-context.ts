import {
  booleanResult,
  callback,
  checkOptions,
  either,
  flag,
  type Middleware,
  optional,
  type RequestContext,
} from '@palisade/core/middleware'
import { type ActiveSpan, activeSpanOf } from './active-span.js'
import { parseTraceparent, type Trace, validTracestate, writeFlags } from './traceparent.js'

export interface TraceContextOptions {
  /**
   * Whether a trace that begins here is marked as sampled. Tracing of called services mostly
   * follows this mark: `false` switches their tracing off for the request, `true` switches it on. A
   * function decides for each request. Default `false`.
   */
  readonly sampled?: boolean | ((ctx: RequestContext) => boolean)
  /**
   * The active span of a tracing library, such as `() => trace.getActiveSpan()?.spanContext()` of
   * OpenTelemetry. Its ids are those of the request. Where it returns `undefined`, the headers
   * decide.
   */
  readonly activeSpan?: ActiveSpan
}

/**
 * Takes part in a W3C trace (level 2): reads `traceparent` and `tracestate`, begins a trace if the
 * request has none or a malformed one, and puts the ids into `state.trace` for logs and outgoing
 * calls. Ids from outside are correlation aids of a fixed form; nothing is decided by them. A
 * callback that throws, or returns a value of the wrong type, refuses the request.
 *
 *     pipeline().use(traceContext()).use(accessLog())
 *
 * @throws ConfigError
 */
export function traceContext(options: TraceContextOptions = {}): Middleware<{}, { trace: Trace }> {
  const { sampled, activeSpan } = checkOptions('traceContext', options, {
    sampled: optional(either(flag, callback<(ctx: RequestContext) => boolean>(), SAMPLED), false),
    activeSpan: optional(callback<ActiveSpan>('a function (ctx) => { traceId, spanId, traceFlags }')),
  })
  const isSampled = (ctx: RequestContext) =>
    typeof sampled === 'function' ? booleanResult('sampled', sampled(ctx)) : sampled
  return {
    name: 'trace-context',
    gives: ['trace'],
    onRequest(context) {
      const ctx = context as unknown as RequestContext
      const active = activeSpan && activeSpanOf(activeSpan, ctx)
      context.state.trace = active === undefined ? traceOf(ctx, isSampled) : ofSpan(ctx, active)
    },
  }
}

const SAMPLED = 'true, false, or a function (ctx) => boolean'

function traceOf(ctx: RequestContext, isSampled: (ctx: RequestContext) => boolean): Trace {
  const parent = parseTraceparent(ctx.header('traceparent'))
  const spanId = randomId(8)
  if (parent === undefined)
    return {
      traceId: randomId(16),
      spanId,
      parentId: undefined,
      sampled: isSampled(ctx),
      random: true,
      state: undefined,
    }
  return { ...parent, spanId, state: validTracestate(ctx.header('tracestate')) }
}

/** The headers tell more of the span only where it continues their trace. */
function ofSpan(ctx: RequestContext, active: Omit<Trace, 'parentId' | 'state'>): Trace {
  const parent = parseTraceparent(ctx.header('traceparent'))
  const isSame = parent?.traceId === active.traceId
  return {
    ...active,
    parentId: isSame ? parent.parentId : undefined,
    state: isSame ? validTracestate(ctx.header('tracestate')) : undefined,
  }
}

/**
 * The `traceparent` to send along with a call to another service; `trace.state`, where there is
 * one, goes along as `tracestate`.
 */
export function traceparentOf(
  trace: Pick<Trace, 'traceId' | 'spanId' | 'sampled'> & Partial<Pick<Trace, 'random'>>,
): string {
  return `00-${trace.traceId}-${trace.spanId}-${writeFlags(trace)}`
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function randomId(bytes: number): string {
  let hex = ''
  let seen = 0
  for (const byte of crypto.getRandomValues(new Uint8Array(bytes))) {
    hex += HEX[byte]
    seen |= byte
  }
  // All zeros means "invalid", and comes once in 2^64.
  return seen === 0 ? randomId(bytes) : hex
}
