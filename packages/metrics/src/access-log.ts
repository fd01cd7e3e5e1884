import {
  checkOptions,
  having,
  headerName,
  type Identity,
  type Logger,
  list,
  type Middleware,
  type Outcome,
  optional,
  type RequestContext,
} from '@palisade/core'
import type { Trace } from './tracing/traceparent.js'

export interface AccessLogOptions {
  /** pino's shape: fields first. Default: JSON lines on standard output. */
  readonly logger?: Logger
  /** Request headers to log, by name. Default none: headers hold credentials. */
  readonly headers?: readonly string[]
}

/** One line of the log. Times in milliseconds, ids as they are in the request's other traces. */
export interface AccessRecord {
  readonly request_id: string
  readonly trace_id?: string
  readonly span_id?: string
  readonly method: string
  readonly route: string | null
  /** Without the query, which may hold secrets. */
  readonly path: string
  /** `null` when the client left before the headers. */
  readonly status: number | null
  readonly duration_ms: number
  readonly aborted: boolean
  readonly ip: string | null
  readonly user_id?: string
  readonly tenant_id?: string
  readonly error?: string
  readonly headers?: Readonly<Record<string, string>>
}

const LONGEST_PATH = 2048
const LONGEST_HEADER = 512

/**
 * One record for each request, when its response has really ended: 5xx as `error`, 4xx and clients that left as `warn`, the rest as `info`.
 *
 * No header, query or body is written unless its header is named; what is written is JSON, so that nothing a client sends can forge a line.
 *
 *     pipeline().use(accessLog({ logger: pino(), headers: ['user-agent'] }))
 */
export function accessLog(options: AccessLogOptions = {}): Middleware {
  const { logger, headers } = checkOptions('accessLog', options, {
    logger: optional(having<Logger>("a logger of pino's shape", 'debug', 'info', 'warn', 'error')),
    headers: optional(list(headerName, { max: 50 }), []),
  })
  return {
    name: 'access-log',
    onResponse(ctx, outcome) {
      const record = recordOf(ctx as RequestContext, outcome, headers)
      const level = levelOf(outcome)
      if (logger === undefined) writeLine(level, ctx.services.clock.now(), record)
      else logger[level](record, MESSAGE)
    },
  }
}

const MESSAGE = 'request'

function recordOf(ctx: RequestContext, outcome: Outcome, headers: readonly string[]): AccessRecord {
  const { identity, trace } = ctx.state as { identity?: Identity; trace?: Trace }
  const { error } = outcome
  return {
    request_id: ctx.requestId,
    ...(trace && { trace_id: trace.traceId, span_id: trace.spanId }),
    method: ctx.method,
    route: outcome.route ?? null,
    path: ctx.path.slice(0, LONGEST_PATH),
    status: outcome.status ?? null,
    duration_ms: Math.round(outcome.durationMs * 1000) / 1000,
    aborted: outcome.aborted,
    ip: ctx.client.ip ?? null,
    ...(identity && { user_id: identity.subject }),
    ...(identity?.tenant !== undefined && { tenant_id: identity.tenant }),
    ...(error !== undefined && {
      error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    }),
    ...(headers.length > 0 && { headers: named(ctx, headers) }),
  }
}

function named(ctx: RequestContext, names: readonly string[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of names) {
    const value = ctx.header(name)
    if (value !== undefined) found[name] = value.slice(0, LONGEST_HEADER)
  }
  return found
}

function levelOf({ status, aborted, error }: Outcome): 'info' | 'warn' | 'error' {
  if ((status ?? 0) >= 500 || (error !== undefined && status === undefined && !aborted)) return 'error'
  return aborted || (status ?? 0) >= 400 ? 'warn' : 'info'
}

/** JSON lines in the shape that pino writes, its numeric levels apart. */
function writeLine(level: string, time: number, record: AccessRecord): void {
  console.log(JSON.stringify({ time: new Date(time).toISOString(), level, msg: MESSAGE, ...record }))
}
