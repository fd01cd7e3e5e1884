import { checkOptions, type Middleware } from '@palisade/core'
import { parseTraceparent, type Trace, validTracestate } from './traceparent.js'

/**
 * Takes part in a W3C trace: reads `traceparent` and `tracestate`, begins a trace where there is none or it is malformed, and puts the ids into `state.trace` for logs and
 * outgoing calls. Ids from outside are correlation aids of a fixed form; nothing is decided by them.
 *
 *     pipeline().use(traceContext()).use(accessLog())
 */
export function traceContext(options: Record<string, never> = {}): Middleware<{}, { trace: Trace }> {
  checkOptions('traceContext', options, {})
  return {
    name: 'trace-context',
    gives: ['trace'],
    onRequest(ctx) {
      const parent = parseTraceparent(ctx.header('traceparent'))
      ctx.state.trace = {
        traceId: parent?.traceId ?? randomHex(16),
        spanId: randomHex(8),
        parentId: parent?.parentId,
        sampled: parent?.sampled ?? false,
        state: parent === undefined ? undefined : validTracestate(ctx.header('tracestate')),
      }
    },
  }
}

/** The value to send along with a call to another service. */
export function traceparentOf(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`
}

function randomHex(bytes: number): string {
  let hex = ''
  for (const byte of crypto.getRandomValues(new Uint8Array(bytes))) hex += byte.toString(16).padStart(2, '0')
  // All zeros means "invalid", and comes once in 2^64.
  return /^0+$/.test(hex) ? randomHex(bytes) : hex
}
