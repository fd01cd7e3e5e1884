import type { Outcome } from '@palisade/core'
import { RequestMetrics } from '../../src/http/request-metrics.js'
import { DURATION_BUCKETS } from '../../src/index.js'
import { Registry } from '../../src/series/registry.js'
import { Period } from '../../src/window/period.js'

export interface Recorded extends Partial<Omit<Outcome, 'durationMs'>> {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The part that records, without a pipeline: for outcomes that no host gives, and moments to the
 * millisecond.
 */
export function recorder({
  buckets = DURATION_BUCKETS,
  maxRoutes = 200,
  maxSeries = 2000,
  startedAtMs = 0,
  onPeriod = () => {},
  periodMs = Number.POSITIVE_INFINITY,
} = {}) {
  const registry = new Registry({ maxSeries, prefix: '' })
  const period = new Period(periodMs, startedAtMs, onPeriod)
  const requests = new RequestMetrics(registry, { buckets, maxRoutes, startedAtMs, period })
  /** A request that ended at a moment. */
  const record = (durationMs: number, endedAtMs: number, request: Recorded = {}) => {
    const { method = 'GET', headers = {}, status = 200, route, responseBytes, aborted = false } = request
    const ctx = { method, startedAt: endedAtMs - durationMs, header: (name: string) => headers[name] }
    requests.record(ctx as never, { status, route, durationMs, aborted, responseBytes } as Outcome)
  }
  return { requests, registry, record, series: () => requests.series.all() }
}
