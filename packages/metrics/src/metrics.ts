import {
  type Check,
  callback,
  checkOptions,
  type Decision,
  type Duration,
  duration,
  flag,
  type Guard,
  integer,
  list,
  type Middleware,
  object,
  oneOf,
  optional,
  orFalse,
  Reply,
  type RequestContext,
  refuse,
  type Services,
  text,
} from '@palisade/core'
import { mayRead } from './endpoint/access.js'
import { wantsJson } from './endpoint/negotiate.js'
import { renderText, TEXT_TYPE } from './exposition/text.js'
import { formatUptime } from './exposition/uptime.js'
import { RequestsView } from './http/json-view.js'
import { RequestMetrics } from './http/request-metrics.js'
import type { Counter } from './series/counter.js'
import { DURATION_BUCKETS, SIZE_BUCKETS } from './series/distribution.js'
import type { Gauge, GaugeOptions } from './series/gauge.js'
import type { Histogram, HistogramOptions } from './series/histogram.js'
import type { MetricOptions } from './series/metric.js'
import { Registry } from './series/registry.js'
import { EventMetrics } from './sources/event-metrics.js'
import { addProcessMetrics } from './sources/process-metrics.js'

export interface MetricsOptions {
  /** Where the exposition is served; the same path with `.json` behind it serves the JSON view. `false`: nowhere. Default `/metrics`. */
  readonly path?: string | false
  /** Who may read it without `authorize`: `private` (default) is loopback and private networks, `public` is everybody. */
  readonly access?: 'private' | 'public'
  /** Decides who may read it, instead of `access`. */
  readonly authorize?: Guard<RequestContext>
  /** In front of every name: `api_gateway_`. Default none. */
  readonly prefix?: string
  /** The label names. Default `method`, `route`, `status`. */
  readonly labels?: { readonly method?: string; readonly route?: string; readonly status?: string }
  /** Upper bounds in seconds, ascending. Default: the 14 that OpenTelemetry advises. */
  readonly buckets?: readonly number[]
  /** How many route templates get a label of their own. Default 200. */
  readonly maxRoutes?: number
  /** How many series there may be in all. Default 2,000. */
  readonly maxSeries?: number
  /** How often the JSON view begins anew; Prometheus counters never do. Default `false`: never. */
  readonly resetInterval?: Duration | false
  /** CPU, memory and heap of the process. Default false. */
  readonly process?: boolean
}

export interface Metrics extends Middleware {
  /** A series of the team's own, in the same exposition and the same budget. @throws ConfigError for a name that is taken or is none */
  counter<Label extends string = never>(options: MetricOptions<Label>): Counter<Label>
  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label>
  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label>
  /** The exposition in Prometheus' text format. @throws Error before the pipeline was compiled */
  text(): Promise<string>
  /** The JSON view, in the seed's shape. @throws Error before the pipeline was compiled */
  json(): object
}

/**
 * Counts every request once, when its response has really ended, and serves the counts.
 *
 * Labels come from the team's code, never from the client: the route is its template, an unknown method is `_OTHER`, and past `maxRoutes` and `maxSeries` all
 * goes to `_overflow`, so a flood of strange requests cannot fill memory or the monitoring system. The exposition tells how a system is
 * used: by default only loopback and private networks may read it. Mount it first, so that it sees what all others refuse.
 *
 *     pipeline().use(metrics()).use(requestId())
 *
 * @throws ConfigError
 */
export function metrics(options: MetricsOptions = {}): Metrics {
  const checked = checkOptions('metrics', options, {
    path: optional(
      orFalse(text({ pattern: /^(?:\/[\w.~-]+)+$/, allowed: 'a path such as "/metrics"', max: 200 })),
      '/metrics',
    ),
    access: optional(oneOf('private', 'public'), 'private'),
    authorize: optional(callback<Guard<RequestContext>>('a guard (ctx) => boolean or Decision')),
    prefix: optional(
      text({ pattern: /^[a-zA-Z_:][a-zA-Z0-9_:]*$/, allowed: 'letters, digits, _ and :', max: 100 }),
    ),
    labels: optional(
      object({
        method: optional(label, 'method'),
        route: optional(label, 'route'),
        status: optional(label, 'status'),
      }),
    ),
    buckets: optional(ascending, DURATION_BUCKETS),
    maxRoutes: optional(integer({ min: 1, max: 100_000 }), 200),
    maxSeries: optional(integer({ min: 10, max: 1_000_000 }), 2000),
    resetInterval: optional(orFalse(duration({ min: '1s' })), false),
    process: optional(flag, false),
  })
  const { path, access, authorize, resetInterval } = checked
  const registry = new Registry({ maxSeries: checked.maxSeries, prefix: checked.prefix ?? '' })
  const stop = new AbortController()
  const jsonPath = path === false ? false : `${path}.json`
  let live: Live | undefined
  let rendering: Promise<string> | undefined
  let timer: ReturnType<typeof setInterval> | undefined

  function text_(): Promise<string> {
    const { services } = started(live)
    // One at a time: whoever asks meanwhile gets the same answer.
    rendering ??= renderText(registry, services.logger).finally(() => {
      rendering = undefined
    })
    return rendering
  }

  function json(): object {
    const { requests, view, events, services, startedAt } = started(live)
    const now = services.clock.monotonic()
    const milliseconds = Math.round(now - startedAt)
    const { requests: counted, errors } = view.read(now)
    const { errorsByType, ...told } = events.read()
    return {
      uptime: {
        milliseconds,
        seconds: Math.floor(milliseconds / 1000),
        formatted: formatUptime(milliseconds),
      },
      requests: { ...counted, inFlight: requests.inFlight },
      ...told,
      errors: { ...errors, byType: errorsByType },
    }
  }

  async function answer(asJson: boolean): Promise<Reply> {
    const headers = { 'Cache-Control': 'no-store', Vary: 'Accept' }
    if (asJson) return Reply.json(200, json(), headers)
    return new Reply(200, { 'Content-Type': TEXT_TYPE, ...headers }, await text_())
  }

  function serve(ctx: RequestContext, asJson: boolean): Promise<Reply> | Reply {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      return ctx.deny({
        status: 405,
        code: 'METHOD_NOT_ALLOWED',
        message: 'The method is not allowed here',
        headers: { Allow: 'GET, HEAD' },
        by: 'metrics',
      })
    }
    const decision = mayRead(ctx, access, authorize)
    const settle = (settled: Decision | boolean) =>
      settled === true || (settled !== false && settled.allow) ? answer(asJson) : refused(ctx, settled)
    return decision instanceof Promise ? decision.then(settle) : settle(decision)
  }

  return {
    name: 'metrics',
    counter: given => registry.counter(given),
    gauge: given => registry.gauge(given),
    histogram: given => registry.histogram(given),
    text: text_,
    json,

    setup(services) {
      if (live !== undefined)
        refuse(
          { owner: 'metrics', option: '' },
          options,
          'one pipeline for each metrics(); build a second one for another pipeline',
        )
      const requests = new RequestMetrics(
        { durations: checked.buckets, sizes: SIZE_BUCKETS },
        registry,
        checked.maxRoutes,
        services.clock,
      )
      const { method = 'method', route = 'route', status = 'status' } = checked.labels ?? {}
      requests.expose(registry, { method, route, status })
      const events = new EventMetrics(services.events, registry, stop.signal)
      registry.add({
        name: registry.nameOf('metrics_series_dropped_total'),
        help: 'Values that found no room for a series of their own and were counted as _overflow.',
        type: 'counter',
        collect: () => [[['', [], registry.budget.dropped]]],
      })
      if (checked.process) addProcessMetrics(registry)
      live = {
        requests,
        view: new RequestsView(requests),
        events,
        services,
        startedAt: services.clock.monotonic(),
      }
      if (resetInterval === false) return
      timer = setInterval(() => {
        live?.view.reset()
        live?.events.reset()
      }, resetInterval)
      ;(timer as { unref?: () => void }).unref?.()
    },

    onRequest(ctx) {
      const { requests } = started(live)
      requests.inFlight++
      const asked = ctx.path
      if (path === false || (asked !== path && asked !== jsonPath)) return undefined
      return serve(ctx, asked === jsonPath || wantsJson(ctx.header('accept')))
    },

    onResponse(ctx, outcome) {
      const { requests } = started(live)
      requests.inFlight--
      const isOwn = path !== false && (ctx.path === path || ctx.path === jsonPath)
      requests.record(ctx, outcome, isOwn ? path : outcome.route)
    },

    dispose() {
      stop.abort()
      clearInterval(timer)
    },
  }
}

interface Live {
  readonly requests: RequestMetrics
  readonly view: RequestsView
  readonly events: EventMetrics
  readonly services: Services
  readonly startedAt: number
}

function started(live: Live | undefined): Live {
  if (live === undefined)
    throw new Error('metrics: its pipeline was not compiled yet; mount it on a host first')
  return live
}

function refused(ctx: RequestContext, decision: Decision | boolean): Reply {
  if (typeof decision === 'object' && !decision.allow) {
    const { status, code, message, reason } = decision
    return ctx.deny({ status, code, message, reason, by: 'metrics' })
  }
  return ctx.deny({
    status: 403,
    code: 'FORBIDDEN',
    message: 'Access denied',
    reason: 'metrics are for private networks',
    by: 'metrics',
  })
}

const label: Check<string> = text({
  pattern: /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/,
  allowed: 'a label name: letters, digits and _',
  max: 100,
})

const ascending: Check<readonly number[]> = (value, at) => {
  const bounds = list(
    (entry, where) =>
      typeof entry === 'number' && Number.isFinite(entry) ? entry : refuse(where, entry, 'a finite number'),
    { min: 1, max: 100 },
  )(value, at)
  for (let i = 1; i < bounds.length; i++)
    if ((bounds[i] as number) <= (bounds[i - 1] as number)) refuse(at, value, 'finite numbers, ascending')
  return bounds
}
