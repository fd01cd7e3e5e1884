import {
  type Check,
  callback,
  checkOptions,
  having,
  headerName,
  isPromise,
  type Logger,
  list,
  type Middleware,
  type Outcome,
  optional,
  type RequestContext,
  refuse,
} from '@palisade/core/middleware'
import { type RouteLabel, withRoute } from './http/route-label.js'
import type { Trace } from './tracing/traceparent.js'

export interface AccessLogOptions {
  /** pino's shape: fields first. Default: JSON lines on standard output. */
  readonly logger?: Logger
  /**
   * Names the route of a request, where the host knows no template: `(ctx, outcome) => label`.
   * Default: what the host says.
   */
  readonly route?: RouteLabel
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
  readonly session_id?: string
  /**
   * The refusals of middlewares and handlers. One that is not `enforced` is of shadow mode: the
   * request went on.
   */
  readonly refusals?: readonly RefusalRecord[]
  readonly error?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface RefusalRecord {
  readonly by?: string
  readonly rule?: string
  readonly code: string
  readonly reason?: string
  readonly enforced: boolean
}

const LONGEST_METHOD = 32
const LONGEST_PATH = 2048
const LONGEST_TEXT = 512
const MESSAGE = 'request'

/**
 * One record for each request, when its response has really ended: 5xx as `error`, 4xx and clients
 * that left as `warn`, the rest as `info`.
 *
 * No header, query or body is written unless its header is named, and the headers of credentials
 * cannot be named. Each record is JSON on one line: a client cannot forge another. A failure of the
 * logger changes no answer: it goes to the pipeline's own logger.
 *
 *     pipeline().use(accessLog({ logger: pino(), headers: ['user-agent'] }))
 *
 * @throws ConfigError
 */
export function accessLog(options: AccessLogOptions = {}): Middleware {
  const { logger, headers, route } = checkOptions('accessLog', options, {
    logger: optional(having<Logger>("a logger of pino's shape", 'debug', 'info', 'warn', 'error')),
    headers: optional(list(loggable, { max: 50 }), []),
    route: optional(callback<RouteLabel>('a function (ctx, outcome) => label or undefined')),
  })
  return {
    name: 'access-log',
    onResponse(context, given) {
      const ctx = context as RequestContext
      const outcome = route === undefined ? given : withRoute(route, ctx, given)
      const record = recordOf(ctx, outcome, headers)
      const level = levelOf(outcome)
      if (logger === undefined) return writeLine(level, ctx.services.clock.now(), record)
      const written: unknown = logger[level](record, MESSAGE)
      if (isPromise(written))
        written.then(undefined, error =>
          ctx.services.logger.error({ err: error, request_id: record.request_id }, 'the access log failed'),
        )
    },
  }
}

/** Those of RFC 9110 and RFC 6265, and what keys and tokens of an API are mostly sent in. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
  'api-key',
  'x-auth-token',
  'x-access-token',
  'x-csrf-token',
  'x-xsrf-token',
])

const loggable: Check<string> = (value, at) => {
  const name = headerName(value, at).toLowerCase()
  return CREDENTIALS.has(name) ? refuse(at, value, 'a header that holds no credential') : name
}

function recordOf(ctx: RequestContext, outcome: Outcome, headers: readonly string[]): AccessRecord {
  const { trace } = ctx.state as { trace?: Trace }
  const { subject, tenant, session } = ctx.caller ?? {}
  const { error } = outcome
  return {
    request_id: ctx.requestId,
    ...(trace && { trace_id: trace.traceId, span_id: trace.spanId }),
    method: ctx.method.slice(0, LONGEST_METHOD),
    route: outcome.route ?? null,
    path: ctx.path.slice(0, LONGEST_PATH),
    status: outcome.status ?? null,
    duration_ms: Math.round(outcome.durationMs * 1000) / 1000,
    aborted: outcome.aborted,
    ip: ctx.client.ip ?? null,
    ...(subject !== undefined && { user_id: cut(subject) }),
    ...(tenant !== undefined && { tenant_id: cut(tenant) }),
    ...(session !== undefined && { session_id: cut(session) }),
    ...(ctx.refusals.length > 0 && { refusals: refusalsOf(ctx) }),
    ...(error !== undefined && { error: cut(textOf(error)) }),
    ...(headers.length > 0 && { headers: named(ctx, headers) }),
  }
}

function refusalsOf({ refusals }: RequestContext): readonly RefusalRecord[] {
  return refusals.map(({ denial: { by, rule, code, reason }, enforced }) => ({
    ...(by !== undefined && { by }),
    ...(rule !== undefined && { rule }),
    code,
    ...(reason !== undefined && { reason: cut(reason) }),
    enforced,
  }))
}

/** In plain JavaScript a tenant may be a number. */
const cut = (text: unknown) => String(text).slice(0, LONGEST_TEXT)

/**
 * What was thrown, in words; anything can be thrown, and not everything becomes a string without
 * throwing in turn.
 */
function textOf(error: unknown): string {
  if (typeof error === 'string') return error
  try {
    if (error instanceof Error) return `${error.name}: ${error.message}`
  } catch {
    // Its name or message is no text and does not become one.
  }
  return `${error === null ? 'null' : typeof error} was thrown`
}

function named(ctx: RequestContext, names: readonly string[]): Readonly<Record<string, string>> {
  const found = names.flatMap(name => {
    const value = ctx.header(name)
    return value === undefined ? [] : [[name, cut(value)] as const]
  })
  return Object.fromEntries(found)
}

function levelOf({ status, aborted, error }: Outcome): 'info' | 'warn' | 'error' {
  if (status === undefined) return error !== undefined && !aborted ? 'error' : 'warn'
  if (status >= 500) return 'error'
  return aborted || status >= 400 ? 'warn' : 'info'
}

/**
 * JSON escapes the control characters below U+0020; terminals obey those from U+007F too, some
 * viewers break lines at U+2028, and marks of direction show what stands behind them in another
 * order.
 */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * JSON lines in the shape that pino writes, but for the level by its name and the time in ISO 8601.
 */
function writeLine(level: string, time: number, record: AccessRecord): void {
  const line = JSON.stringify({ time: new Date(time).toISOString(), level, msg: MESSAGE, ...record })
  console.log(line.replace(UNSAFE, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`))
}
