import { type Outcome, type RequestContext, type Services, startOf } from '@palisade/core/middleware'
import { renderText } from './exposition/text.js'
import { formatUptime } from './exposition/uptime.js'
import { exposeRequests, type LabelNames } from './http/expose.js'
import { RequestsView } from './http/json-view.js'
import { RequestMetrics } from './http/request-metrics.js'
import type { Registry } from './series/registry.js'
import { countEvents } from './sources/event-metrics.js'
import { EventsView } from './sources/events-view.js'
import { addProcessMetrics } from './sources/process-metrics.js'
import { Period } from './window/period.js'

export interface CollectorOptions {
  readonly labels: LabelNames
  readonly buckets: readonly number[]
  readonly maxRoutes: number
  readonly process: boolean
  /** In milliseconds; `Infinity` never. */
  readonly resetInterval: number
}

/** What `metrics()` has once its pipeline is compiled: it counts, and shows what was counted. */
export class Collector {
  readonly #registry: Registry
  readonly #services: Services
  #startedAt: number | undefined
  readonly #requests: RequestMetrics
  readonly #requestsView: RequestsView
  readonly #eventsView: EventsView
  readonly #period: Period
  readonly #endCounting: () => void
  #rendering: Promise<string> | undefined

  constructor(registry: Registry, services: Services, options: CollectorOptions) {
    const { clock, events } = services
    this.#registry = registry
    this.#services = services
    this.#startedAt = startOf(clock)
    const startedAtMs = clock.monotonic()
    this.#period = new Period(options.resetInterval, startedAtMs, () => {
      this.#requestsView.reset()
      this.#eventsView.reset()
    })
    const period = this.#period
    this.#requests = new RequestMetrics(registry, { ...options, startedAtMs, period })
    exposeRequests(this.#requests, registry, options.labels)
    this.#endCounting = countEvents(events, registry)
    registry.expose({
      name: 'metrics_series_dropped_total',
      help: 'Values that found no room for a series of their own and were counted as _overflow.',
      type: 'counter',
      collect: () => [[['', [], registry.budget.dropped]]],
    })
    if (options.process) addProcessMetrics(registry, clock)
    this.#requestsView = new RequestsView(this.#requests)
    this.#eventsView = new EventsView(events, () => {
      // Events may come with each request, and the clock is not free.
      if (!period.isEndless) period.turn(clock.monotonic())
    })
  }

  enter(): void {
    if (this.#startedAt === undefined) this.#startedAt = startOf(this.#services.clock)
    this.#requests.inFlight++
  }

  leave(ctx: RequestContext, outcome: Outcome): void {
    this.#requests.record(ctx, outcome)
  }

  text(): Promise<string> {
    // One at a time: callers in the meantime get the same answer.
    this.#rendering ??= renderText(this.#registry.all(), this.#services.logger).finally(() => {
      this.#rendering = undefined
    })
    return this.#rendering
  }

  json() {
    const now = this.#services.clock.monotonic()
    this.#period.turn(now)
    const milliseconds = Math.round(now - (this.#startedAt ?? now))
    const { requests, errors } = this.#requestsView.read(now)
    const { errorsByType, ...told } = this.#eventsView.read()
    return {
      uptime: {
        milliseconds,
        seconds: Math.floor(milliseconds / 1000),
        formatted: formatUptime(milliseconds),
      },
      requests,
      ...told,
      errors: { ...errors, byType: errorsByType },
    }
  }

  dispose(): void {
    this.#endCounting()
    this.#eventsView.dispose()
  }
}

/** The seed of a dashboard: what `metrics().json()` returns. */
export type MetricsView = ReturnType<Collector['json']>
