import type { RequestMetrics } from './request-metrics.js'
import type { RequestSeries } from './request-series.js'

interface Base {
  readonly count: number
  readonly durationMs: number
}

/**
 * The seed's JSON view of the requests. `reset` begins it anew without touching the Prometheus counters, which must never fall: what was counted so far is
 * remembered and left out.
 */
export class RequestsView {
  private readonly metrics: RequestMetrics
  private bases = new Map<RequestSeries, Base>()

  constructor(metrics: RequestMetrics) {
    this.metrics = metrics
  }

  reset(): void {
    this.bases = new Map(
      this.metrics.series.all().map(one => [one, { count: one.count, durationMs: one.durationMs }]),
    )
  }

  read(nowMs: number) {
    const rows = this.metrics.series.all().map(series => {
      const base = this.bases.get(series)
      return {
        series,
        count: series.count - (base?.count ?? 0),
        durationMs: series.durationMs - (base?.durationMs ?? 0),
      }
    })
    const total = sum(rows, row => row.count)
    const errors = sum(rows, row => (isError(row.series) ? row.count : 0))
    const { at, mean } = this.metrics.percentiles.read([0.5, 0.95, 0.99], nowMs)
    const [p50 = 0, p95 = 0, p99 = 0] = at.map(ms => round(ms))
    return {
      requests: {
        total,
        rps: this.metrics.rate.perSecond(nowMs).toFixed(2),
        byMethod: grouped(rows, row => row.series.method),
        byStatus: grouped(rows, row => statusClass(row.series.status)),
        topPaths: topPaths(rows),
        duration: { p50, p95, p99, avg: mean.toFixed(2) },
      },
      errors: { total: errors, rate: percent(errors, total) },
    }
  }
}

interface Row {
  readonly series: RequestSeries
  readonly count: number
  readonly durationMs: number
}

/** The routes that were asked for most, by template: the seed calls them paths. */
function topPaths(rows: readonly Row[]) {
  const byRoute = new Map<string, { count: number; durationMs: number; errors: number }>()
  for (const { series, count, durationMs } of rows) {
    const route = byRoute.get(series.route) ?? { count: 0, durationMs: 0, errors: 0 }
    route.count += count
    route.durationMs += durationMs
    if (isError(series)) route.errors += count
    byRoute.set(series.route, route)
  }
  return [...byRoute]
    .filter(([, { count }]) => count > 0)
    .sort(([, a], [, b]) => b.count - a.count)
    .slice(0, 10)
    .map(([path, { count, durationMs, errors }]) => ({
      path,
      count,
      avgDuration: (durationMs / count).toFixed(2),
      errors,
      errorRate: percent(errors, count),
    }))
}

function grouped(rows: readonly Row[], key: (row: Row) => string): Record<string, number> {
  const groups: Record<string, number> = Object.create(null)
  for (const row of rows) if (row.count > 0) groups[key(row)] = (groups[key(row)] ?? 0) + row.count
  return groups
}

const isError = (series: RequestSeries) => series.status.startsWith('5')
const statusClass = (status: string) => (/^\d/.test(status) ? `${status[0]}xx` : status)
const sum = (rows: readonly Row[], value: (row: Row) => number) =>
  rows.reduce((total, row) => total + value(row), 0)
const round = (ms: number) => Math.round(ms * 100) / 100
export const percent = (part: number, whole: number) =>
  `${whole === 0 ? '0.00' : ((100 * part) / whole).toFixed(2)}%`
