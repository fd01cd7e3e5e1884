import { type RequestContext, wrongResult } from '@palisade/core/middleware'
import { readFlags, type Traceparent } from './traceparent.js'

/** The ids of a span, as `span.spanContext()` of OpenTelemetry has them. */
export interface SpanIds {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** 16 digits. */
  readonly spanId: string
  readonly traceFlags: number
}

export type ActiveSpan = (ctx: RequestContext) => SpanIds | undefined

interface Active extends Pick<Traceparent, 'sampled' | 'random'> {
  readonly traceId: string
  readonly spanId: string
}

/**
 * The active span that the callback returns; `undefined` if no span is active. OpenTelemetry
 * expresses that with ids of zeros.
 *
 * @throws TypeError for anything else
 */
export function activeSpanOf(callback: ActiveSpan, ctx: RequestContext): Active | undefined {
  const span: unknown = callback(ctx)
  if (span === undefined) return undefined
  if (!isSpan(span)) throw wrongResult('activeSpan', span, ALLOWED)
  const { traceId, spanId, traceFlags } = span
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined
  return { traceId, spanId, ...readFlags(traceFlags) }
}

const ALLOWED = '{ traceId, spanId, traceFlags } as span.spanContext() has them, or undefined'
const ZEROS = /^0+$/
const TRACE_ID = /^[0-9a-f]{32}$/
const SPAN_ID = /^[0-9a-f]{16}$/

function isSpan(value: unknown): value is SpanIds {
  if (typeof value !== 'object' || value === null) return false
  const { traceId, spanId, traceFlags } = value as Partial<SpanIds>
  return (
    typeof traceId === 'string' &&
    TRACE_ID.test(traceId) &&
    typeof spanId === 'string' &&
    SPAN_ID.test(spanId) &&
    Number.isInteger(traceFlags)
  )
}
