import { Server as HttpServer } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import { Server as HttpsServer } from 'node:https'
import { constants } from 'node:os'
import process from 'node:process'
import { consoleLogger, type EventBus } from '@palisade/core'
import {
  bindMethods,
  type Check,
  type Clock,
  callback,
  checkOptions,
  type Duration,
  duration,
  having,
  isolatedLogger,
  type Logger,
  list,
  optional,
  refuse,
  requireProcess,
  systemClock,
} from '@palisade/core/middleware'
import { type Lifecycle, lifecycle as newLifecycle } from './lifecycle.js'
import { handler, type ShutdownHandler } from './shutdown/handlers.js'
import { type GracefulShutdown, Shutdown, type ShutdownPipeline } from './shutdown/shutdown.js'

/**
 * What hosts give: Express, Koa and `node:http` a server, Fastify `app.server`, Hono's `serve()`
 * one of these. HTTP/2 is refused at construction.
 */
export type ShutdownServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer

export interface GracefulShutdownOptions {
  /** Shared with `health()`, whose readiness turns 503 by it. Default: one of its own. */
  lifecycle?: Lifecycle
  /**
   * Its bus hears `shutdown:*`, and it is disposed of when all handlers have run: telemetry last.
   */
  pipeline?: ShutdownPipeline
  /** Run in reverse order when no request is in flight any more. */
  handlers?: readonly ShutdownHandler[]
  /** How long one handler may take. Default 5 s. */
  handlerTimeout?: Duration
  /**
   * How long requests are served on after the signal, while load balancers learn of it. Default 5 s
   * in Kubernetes (by `KUBERNETES_SERVICE_HOST`), else 0.
   */
  delay?: Duration
  /**
   * How long everything may take in all. Default 30 s. Up to a third of it is kept for the
   * handlers.
   */
  timeout?: Duration
  /**
   * How long a connection that became idle is kept for a request on its way, which then gets 503
   * instead of a reset. Default 250 ms.
   */
  linger?: Duration
  /** What refused requests are told to wait. Default 5 s, in whole seconds. */
  retryAfter?: Duration
  /** Default SIGTERM and SIGINT; empty for none, then `start()` is how it begins. */
  signals?: readonly NodeJS.Signals[]
  /** Default: warnings and errors to the console. */
  logger?: Logger
  clock?: Clock
  /** Ends the process. Default `process.exit`. */
  exit?: (code: number) => void
}

/**
 * Ends a process without losing a request that it accepted: stops being ready, serves on for a
 * while, closes the listener, waits for what is in flight, runs the team's handlers, and exits -
 * within a time that is its own to keep.
 *
 *     const handlers = [() => pool.end()]
 *     gracefulShutdown(app.listen(3000), { lifecycle: life, pipeline: edge, handlers })
 *
 * Call it once per process, before the server has connections. Fails by being forced: requests that
 * have not ended when the time is up are cut, and the exit code is 1. It cannot save what a
 * supervisor kills earlier: give the process more time than `timeout`. A request that is on its way
 * while its idle connection is closed is beyond any server of HTTP/1; `delay` makes that rare, and
 * clients repeat it (RFC 9112 section 9.3.1).
 *
 * @throws ConfigError, also on workerd, whose isolates get no signals: call `drain()` of a
 * `lifecycle()` there
 */
export function gracefulShutdown(
  server: ShutdownServer | readonly ShutdownServer[],
  options: GracefulShutdownOptions = {},
): GracefulShutdown {
  const owner = 'gracefulShutdown'
  const servers = [server].flat().map(one => http1(one, { owner, option: 'server' }))
  if (servers.length === 0) refuse({ owner, option: 'server' }, server, 'at least one server')
  // Its requests would be counted twice.
  if (new Set(servers).size < servers.length)
    refuse({ owner, option: 'server' }, server, 'servers that differ')
  const checked = checkOptions(owner, options, {
    lifecycle: optional(having<Lifecycle>('what lifecycle() returns', 'drain')),
    pipeline: optional(pipeline),
    handlers: optional(list(handler, { max: 100 }), []),
    handlerTimeout: optional(duration({ min: 1, max: '1h' })),
    delay: optional(duration({ min: 0, max: '1h' })),
    timeout: optional(duration({ min: 1, max: '1h' })),
    linger: optional(duration({ min: 0, max: '10s' })),
    retryAfter: optional(duration({ min: '1s', max: '1d' })),
    signals: optional(list(signalName, { max: 8 }), ['SIGTERM', 'SIGINT'] as const),
    logger: optional(
      having<Logger>("a logger of pino's shape", 'debug', 'info', 'warn', 'error'),
      consoleLogger,
    ),
    clock: optional(having<Clock>('a clock', 'now', 'monotonic'), systemClock),
    exit: optional(callback<(code: number) => void>('a function of the exit code')),
  })
  requireProcess(owner, { needs: 'signals of a process', instead: 'use lifecycle() and call its drain()' })
  const { timeout: timeoutMs = 30_000, delay: delayMs = isInCluster() ? 5000 : 0 } = checked
  if (delayMs >= timeoutMs)
    refuse({ owner, option: 'delay' }, options.delay ?? delayMs, `less than timeout, ${timeoutMs} ms`)
  const shutdown = new Shutdown(servers, {
    lifecycle: checked.lifecycle ?? newLifecycle(),
    pipeline: checked.pipeline,
    handlers: checked.handlers,
    handlerTimeoutMs: checked.handlerTimeout ?? 5000,
    delayMs,
    timeoutMs,
    lingerMs: checked.linger ?? 250,
    retryAfterSeconds: Math.ceil((checked.retryAfter ?? 5000) / 1000),
    signals: checked.signals,
    logger: isolatedLogger(checked.logger),
    clock: checked.clock,
    exit: checked.exit ?? (code => process.exit(code)),
  })
  return bindMethods(shutdown, 'add', 'start', 'dispose')
}

const isInCluster = () => (process.env['KUBERNETES_SERVICE_HOST'] ?? '') !== ''

const http1: Check<HttpServer> = (value, at) => {
  if (value instanceof HttpServer || value instanceof HttpsServer) return value as HttpServer
  const found = (value ?? {}) as Readonly<Record<string, unknown>>
  const guess =
    typeof found['updateSettings'] === 'function'
      ? ' (HTTP/2 is not drained)'
      : typeof found['listen'] === 'function'
        ? ' (this looks like an app: pass what its listen() returns, or app.server of Fastify)'
        : ''
  return refuse(at, value, `a server of node:http or node:https, or several${guess}`)
}

const pipeline: Check<ShutdownPipeline> = (value, at) => {
  const found = having<ShutdownPipeline>('a pipeline', 'dispose')(value, at)
  having<EventBus>('a pipeline, which has events', 'emit', 'has')(found.events, at)
  return found
}

const signalName: Check<NodeJS.Signals> = (value, at) => {
  const isSignal = typeof value === 'string' && Object.hasOwn(constants.signals, value)
  if (!isSignal || value === 'SIGKILL' || value === 'SIGSTOP')
    return refuse(at, value, 'the name of a signal that a process can handle, such as "SIGTERM"')
  return value as NodeJS.Signals
}
