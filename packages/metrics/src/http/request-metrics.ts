import type { Clock, Outcome, RequestContext } from '@palisade/core'
import type { Sample } from '../series/metric.js'
import type { Exposed, Registry } from '../series/registry.js'
import { SlidingPercentiles } from '../window/percentiles.js'
import { SlidingRate } from '../window/rate.js'
import { type Bounds, type RequestSeries, RequestSeriesTable } from './request-series.js'

/** The names of the three labels. */
export interface LabelNames {
  readonly method: string
  readonly route: string
  readonly status: string
}

/** nginx's word for a client that left before the answer; no server ever sends it. */
const CLIENT_CLOSED = 499

/** Counts every request once, when its response has really ended. Recording makes no objects but the first of each series. */
export class RequestMetrics {
  readonly series: RequestSeriesTable
  readonly percentiles = new SlidingPercentiles()
  readonly rate: SlidingRate
  inFlight = 0
  private readonly clock: Clock

  constructor(bounds: Bounds, registry: Registry, maxRoutes: number, clock: Clock) {
    this.series = new RequestSeriesTable(bounds, registry.budget, maxRoutes)
    this.clock = clock
    this.rate = new SlidingRate(clock.monotonic())
  }

  record(ctx: RequestContext, outcome: Outcome, route: string | undefined): void {
    const { durationMs } = outcome
    const series = this.series.find(ctx.method, route, outcome.status ?? CLIENT_CLOSED)
    series.count++
    series.durationMs += durationMs
    series.durations.observe(durationMs / 1000)
    if (outcome.aborted) series.aborted++
    const sent = outcome.responseBytes
    if (sent !== undefined) series.responseSizes.observe(sent)
    const received = ctx.header('content-length')
    if (received !== undefined) series.requestSizes.observe(lengthOf(received))
    const now = this.clock.monotonic()
    this.percentiles.record(durationMs, now)
    this.rate.record(now)
  }

  /** The metrics that these series are shown as. */
  expose(registry: Registry, names: LabelNames): void {
    const add = (
      name: string,
      help: string,
      type: Exposed['type'],
      samples: (series: RequestSeries, labels: Pairs) => Iterable<Sample>,
    ) =>
      registry.add<Exposed>({
        name: registry.nameOf(name),
        help,
        type,
        collect: () => this.collect(names, samples),
      })
    add(
      'http_requests_total',
      'HTTP requests that ended, by method, route template and status; 499 when the client left before the headers.',
      'counter',
      one(s => s.count),
    )
    add(
      'http_request_duration_seconds',
      'Time from the request to the end of its response.',
      'histogram',
      (s, labels) => s.durations.samples(labels),
    )
    add('http_request_size_bytes', 'Content-Length of requests that have one.', 'histogram', (s, labels) =>
      s.requestSizes.samples(labels),
    )
    add(
      'http_response_size_bytes',
      'Length of response bodies, where it is known before they are sent.',
      'histogram',
      (s, labels) => s.responseSizes.samples(labels),
    )
    add(
      'http_requests_aborted_total',
      'Requests whose client left before the response ended.',
      'counter',
      one(s => s.aborted),
    )
    registry.gauge({
      name: 'http_requests_in_flight',
      help: 'Requests that have not ended.',
      collect: gauge => gauge.set(this.inFlight),
    })
  }

  private *collect(
    names: LabelNames,
    samples: (series: RequestSeries, labels: Pairs) => Iterable<Sample>,
  ): Iterable<readonly Sample[]> {
    for (const series of this.series.all()) {
      const labels = [
        [names.method, series.method],
        [names.route, series.route],
        [names.status, series.status],
      ] as const
      yield [...samples(series, labels)]
    }
  }
}

type Pairs = readonly (readonly [string, string])[]

const one =
  (value: (series: RequestSeries) => number) =>
  (series: RequestSeries, labels: Pairs): readonly Sample[] => [['', labels, value(series)]]

/** What a client claims to send; a claim that is no number counts as nothing. */
function lengthOf(header: string): number {
  const length = Number(header)
  return Number.isSafeInteger(length) && length >= 0 ? length : 0
}
