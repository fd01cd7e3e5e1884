import { privateNetworks } from '@palisade/core'
import {
  alsoCalled,
  bindMethods,
  callback,
  checkOptions,
  type Duration,
  duration,
  flag,
  type Guard,
  integer,
  type Middleware,
  type Outcome,
  object,
  oneOf,
  optional,
  orFalse,
  type RequestContext,
  refuse,
  type Services,
} from '@palisade/core/middleware'
import { Collector, type CollectorOptions, type MetricsView } from './collector.js'
import { Endpoint, path, type Source } from './endpoint/endpoint.js'
import { type HasOwnPaths, OWN_PATHS, OwnPaths } from './endpoint/own-paths.js'
import type { LabelNames } from './http/expose.js'
import { type RouteLabel, withRoute } from './http/route-label.js'
import type { Counter } from './series/counter.js'
import { DURATION_BUCKETS } from './series/distribution.js'
import type { Gauge, GaugeOptions } from './series/gauge.js'
import type { Histogram, HistogramOptions } from './series/histogram.js'
import type { MetricOptions } from './series/metric.js'
import { buckets, label, prefix } from './series/options.js'
import { Registry } from './series/registry.js'

export interface MetricsOptions {
  /**
   * Where the exposition is served; the same path with `.json` behind it serves the JSON view.
   * `false`: nowhere. Default `/metrics`.
   */
  readonly path?: string | false
  /**
   * Who may read it without `authorize`: `private` (default) is loopback and private networks,
   * `public` is everybody.
   */
  readonly access?: 'private' | 'public'
  /**
   * Decides which clients may read it, instead of `access`. An error that it throws is a 500, and
   * reveals nothing. It knows no identity, as `metrics()` stands in front of the login:
   * `metricsEndpoint()` serves callers that have logged in.
   */
  readonly authorize?: Guard<RequestContext>
  /** In front of every name: `api_gateway_`. Default none. */
  readonly prefix?: string
  /** The label names. Default `method`, `route`, `status`. */
  readonly labels?: { readonly method?: string; readonly route?: string; readonly status?: string }
  /**
   * Upper bounds of the durations in seconds, ascending. Default: the 14 that OpenTelemetry
   * advises.
   */
  readonly buckets?: readonly number[]
  /**
   * Names the route of a request, where the host knows no template: `(ctx, outcome) => label`, or
   * `undefined` for what the host says. `maxRoutes` bounds its results. Never return a value of the
   * client.
   */
  readonly route?: RouteLabel
  /** How many route templates get a label of their own. Default 200. */
  readonly maxRoutes?: number
  /** The same as `maxRoutes`. */
  readonly maxPathsTracked?: number
  /** How many combinations of label values there may be in all metrics together. Default 2,000. */
  readonly maxSeries?: number
  /**
   * How often the counts of the JSON view begin anew; Prometheus counters never do. Default
   * `false`: never.
   */
  readonly resetInterval?: Duration | false
  /** CPU, memory and heap of the process. Default false. */
  readonly process?: boolean
}

export interface Metrics extends Middleware {
  /**
   * A series of the team's own, in the same exposition and the same budget.
   *
   * @throws ConfigError if the name is taken or invalid
   */
  counter<Label extends string = never>(options: MetricOptions<Label>): Counter<Label>
  /** As `counter`. */
  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label>
  /** As `counter`. */
  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label>
  /**
   * The exposition in Prometheus' text format 0.0.4. One is made at a time. Rejects before the
   * pipeline was compiled.
   */
  text(): Promise<string>
  /** The JSON view. @throws Error before the pipeline was compiled */
  json(): MetricsView
}

/**
 * Counts every request once, when its response has really ended, and serves the counts.
 *
 * Labels come from the team's code, never from the client: the route is its template, an unknown
 * method is `_OTHER`, and past `maxRoutes` and `maxSeries` all goes to `_overflow`, so a flood of
 * strange requests cannot fill memory or the monitoring system. The exposition tells how a system
 * is used: by default only loopback and private networks may read it. Mount it first, so that it
 * sees what all others refuse.
 *
 *     pipeline().use(metrics()).use(requestId())
 *
 * One `metrics()` belongs to one `pipeline()` call: its branches are counted with it. A request
 * that passes two pipelines of that call, both with this `metrics()`, is counted twice.
 *
 * @throws ConfigError
 */
export function metrics(options: MetricsOptions = {}): Metrics {
  const counted = new RequestCounting(options)
  bindMethods(counted, 'counter', 'gauge', 'histogram', 'text', 'json')
  return bindMethods(counted, 'setup', 'onRequest', 'onResponse', 'dispose')
}

class RequestCounting implements Metrics, HasOwnPaths {
  readonly name = 'metrics'
  readonly [OWN_PATHS]: OwnPaths
  readonly #options: CollectorOptions
  readonly #registry: Registry
  readonly #route: RouteLabel | undefined
  readonly #endpoint: Endpoint | undefined
  #collector: Collector | undefined

  constructor(options: MetricsOptions) {
    const checked = checkOptions('metrics', options, {
      path: optional(orFalse(path), '/metrics'),
      access: optional(oneOf('private', 'public'), 'private'),
      authorize: optional(callback<Guard<RequestContext>>('a guard (ctx) => boolean or Decision')),
      prefix: optional(prefix, ''),
      labels: optional(labelNames, { method: 'method', route: 'route', status: 'status' }),
      buckets: optional(buckets, DURATION_BUCKETS),
      route: optional(callback<RouteLabel>('a function (ctx, outcome) => label or undefined')),
      maxRoutes: alsoCalled('maxPathsTracked', optional(integer({ min: 1, max: 100_000 }), 200)),
      maxSeries: optional(integer({ min: 10, max: 1_000_000 }), 2000),
      resetInterval: optional(orFalse(duration({ min: '1s' })), false),
      process: optional(flag, false),
    })
    const authorize = checked.authorize ?? (checked.access === 'public' ? () => true : privateNetworks())
    const source: Source = { text: () => this.text(), json: () => this.json() }
    this.#options = { ...checked, resetInterval: checked.resetInterval || Number.POSITIVE_INFINITY }
    this.#registry = new Registry(checked)
    this.#route = checked.route
    this.#endpoint =
      checked.path === false
        ? undefined
        : new Endpoint({ owner: 'metrics', path: checked.path, authorize }, source)
    this[OWN_PATHS] = new OwnPaths(this.#endpoint?.paths ?? [])
  }

  counter<Label extends string = never>(options: MetricOptions<Label>): Counter<Label> {
    return this.#registry.counter(options)
  }

  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label> {
    return this.#registry.gauge(options)
  }

  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label> {
    return this.#registry.histogram(options)
  }

  async text(): Promise<string> {
    return this.#compiled().text()
  }

  json(): MetricsView {
    return this.#compiled().json()
  }

  setup(services: Services): void {
    // Two would count a request twice that passes both.
    if (this.#collector !== undefined)
      refuse(
        { owner: 'metrics', option: 'pipeline' },
        'another',
        'one pipeline() for each metrics(); build a second one for the other',
      )
    this.#collector = new Collector(this.#registry, services, this.#options)
    this[OWN_PATHS].mountedOn(services)
  }

  onRequest(ctx: RequestContext): ReturnType<Endpoint['answer']> {
    this.#collector?.enter()
    return this.#endpoint?.answer(ctx)
  }

  onResponse(ctx: RequestContext, outcome: Outcome): void {
    const route = this.#route
    this.#collector?.leave(ctx, route === undefined ? outcome : withRoute(route, ctx, outcome))
  }

  dispose(): void {
    this.#collector?.dispose()
  }

  #compiled(): Collector {
    if (this.#collector === undefined)
      throw new Error('metrics: its pipeline was not compiled yet; mount it on a host first')
    return this.#collector
  }
}

function labelNames(value: unknown, at: Parameters<typeof refuse>[0]): LabelNames {
  const names = object({
    method: optional(label, 'method'),
    route: optional(label, 'route'),
    status: optional(label, 'status'),
  })(value, at)
  if (new Set(Object.values(names)).size < 3) refuse(at, value, 'three names that differ')
  return names
}
