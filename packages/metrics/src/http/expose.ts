import type { Pairs, Sample } from '../series/metric.js'
import type { Exposed, Registry } from '../series/registry.js'
import type { RequestMetrics } from './request-metrics.js'
import type { RequestSeries } from './request-series.js'

/** The names of the three labels. */
export interface LabelNames {
  readonly method: string
  readonly route: string
  readonly status: string
}

type Samples = (series: RequestSeries, labels: Pairs) => Iterable<Sample>

/** The metrics that recorded requests are shown as. */
export function exposeRequests(requests: RequestMetrics, registry: Registry, names: LabelNames): void {
  const add = (name: string, type: Exposed['type'], help: string, samples: Samples) =>
    registry.expose({ name, help, type, collect: () => collect(requests, names, samples) })

  add(
    'http_requests_total',
    'counter',
    'HTTP requests that ended, by method, route template and status; 499 when the client left before the headers.',
    (one, labels) => [['', labels, one.count]],
  )
  add(
    'http_request_duration_seconds',
    'histogram',
    'Time from the request to the end of its response.',
    (one, labels) => one.durations.samples(labels),
  )
  add('http_request_size_bytes', 'histogram', 'Content-Length of requests that have one.', (one, labels) =>
    one.requestSizes.count === 0 ? [] : one.requestSizes.samples(labels),
  )
  add(
    'http_response_size_bytes',
    'histogram',
    'Length of response bodies, where it is known before they are sent.',
    (one, labels) => (one.responseSizes.count === 0 ? [] : one.responseSizes.samples(labels)),
  )
  add(
    'http_requests_aborted_total',
    'counter',
    'Requests whose client left before the response ended.',
    (one, labels) => [['', labels, one.aborted]],
  )
  registry.expose({
    name: 'http_requests_in_flight',
    help: 'Requests that have not ended.',
    type: 'gauge',
    collect: () => [[['', [], requests.inFlight]]],
  })
}

function* collect(requests: RequestMetrics, names: LabelNames, samples: Samples): Iterable<Iterable<Sample>> {
  for (const series of requests.series.all())
    yield samples(series, [
      [names.method, series.method],
      [names.route, series.route],
      [names.status, series.status],
    ])
}
