import type { RequestMetrics } from './request-metrics.js'
import type { RequestSeries } from './request-series.js'

/**
 * The JSON view of the requests. `reset` begins it anew without touching the Prometheus counters,
 * which must never fall: what was counted so far is remembered and left out. Rate and percentiles
 * slide by themselves.
 */
export class RequestsView {
  readonly #metrics: RequestMetrics

  constructor(metrics: RequestMetrics) {
    this.#metrics = metrics
  }

  reset(): void {
    for (const { before, count, durations } of this.#metrics.series.all()) {
      before.count = count
      before.seconds = durations.sum
    }
  }

  read(nowMs: number) {
    const { series, recent, inFlight } = this.#metrics
    const rows = series
      .all()
      .map(rowOf)
      .filter(({ count }) => count > 0)
    const total = sum(rows, row => row.count)
    const errors = sum(rows, row => (isError(row.series) ? row.count : 0))
    const { at, mean } = recent.durations([0.5, 0.95, 0.99], nowMs)
    const [p50 = 0, p95 = 0, p99 = 0] = at.map(rounded)
    return {
      requests: {
        total,
        rps: recent.perSecond(nowMs).toFixed(2),
        byMethod: grouped(rows, row => row.series.method),
        byStatus: { ...NO_STATUS, ...grouped(rows, row => statusClass(row.series.status)) },
        topPaths: topPaths(rows),
        duration: { p50, p95, p99, avg: mean.toFixed(2) },
        inFlight,
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

/** All classes of statuses, also those that did not occur. */
const NO_STATUS = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 }

const MOST_PATHS = 10

const rowOf = (series: RequestSeries): Row => ({
  series,
  count: series.count - series.before.count,
  durationMs: (series.durations.sum - series.before.seconds) * 1000,
})

/** The routes that were asked for most, by template: the view calls them paths. */
function topPaths(rows: readonly Row[]) {
  const byRoute = new Map<string, Row[]>()
  for (const row of rows) {
    const { route } = row.series
    const ofRoute = byRoute.get(route)
    if (ofRoute === undefined) byRoute.set(route, [row])
    else ofRoute.push(row)
  }
  return [...byRoute]
    .map(([path, ofPath]) => {
      const count = sum(ofPath, row => row.count)
      const errors = sum(ofPath, row => (isError(row.series) ? row.count : 0))
      const avgDuration = (sum(ofPath, row => row.durationMs) / count).toFixed(2)
      return { path, count, avgDuration, errors, errorRate: percent(errors, count) }
    })
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_PATHS)
}

function grouped(rows: readonly Row[], key: (row: Row) => string): Readonly<Record<string, number>> {
  const groups = new Map<string, number>()
  for (const row of rows) groups.set(key(row), (groups.get(key(row)) ?? 0) + row.count)
  return Object.fromEntries(groups)
}

const isError = (series: RequestSeries) => series.status.startsWith('5')
const statusClass = (status: string) => (/^\d/.test(status) ? `${status[0]}xx` : status)
const sum = (rows: readonly Row[], value: (row: Row) => number) =>
  rows.reduce((total, row) => total + value(row), 0)
/** Four digits say more than the percentiles know, and a microsecond does not become 0. */
const rounded = (ms: number) => Number(ms.toPrecision(4))

export const percent = (part: number, whole: number) =>
  `${whole === 0 ? '0.00' : ((100 * part) / whole).toFixed(2)}%`
