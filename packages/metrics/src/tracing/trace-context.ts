import { checkOptions, type Middleware } from '@palisade/core'
import { parseTraceparent, type Trace, validTracestate } from './traceparent.js'

/** There are none yet. */
export type TraceContextOptions = Readonly<Record<string, never>>

/**
 * Takes part in a W3C trace: reads `traceparent` and `tracestate`, begins a trace where there is none or it is malformed, and puts the ids
 * into `state.trace` for logs and outgoing calls. Ids from outside are correlation aids of a fixed form; nothing is decided by them.
 *
 *     pipeline().use(traceContext()).use(accessLog())
 *
 * @throws ConfigError
 */
export function traceContext(options: TraceContextOptions = {}): Middleware<{}, { trace: Trace }> {
  checkOptions('traceContext', options, {})
  return {
    name: 'trace-context',
    gives: ['trace'],
    onRequest(ctx) {
      const parent = parseTraceparent(ctx.header('traceparent'))
      ctx.state.trace = {
        traceId: parent?.traceId ?? randomId(16),
        spanId: randomId(8),
        parentId: parent?.parentId,
        sampled: parent?.sampled ?? false,
        state: parent === undefined ? undefined : validTracestate(ctx.header('tracestate')),
      }
    },
  }
}

/** The `traceparent` to send along with a call to another service; `trace.state`, where there is one, goes along as `tracestate`. */
export function traceparentOf(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`
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
