import type { Outcome, RequestContext } from '@palisade/core/middleware'
import { Bounds } from '../series/distribution.js'
import type { Registry } from '../series/registry.js'
import { LONGEST, LogScale, SHORTEST } from '../window/log-scale.js'
import type { Period } from '../window/period.js'
import { RecentRequests } from '../window/recent.js'
import { contentLength } from './content-length.js'
import { bucketsByPlace, DIVIDED } from './duration-buckets.js'
import { DURATION_COUNTS, DURATION_SUM, type RequestSeries } from './request-series.js'
import { RequestSeriesTable } from './request-series-table.js'

/** nginx's word for a client that left before the answer; no server ever sends it. */
const CLIENT_CLOSED = 499

export interface RequestMetricsOptions {
  /** Upper bounds of durations in seconds. */
  readonly buckets: readonly number[]
  readonly maxRoutes: number
  readonly startedAtMs: number
  /** The period of the JSON view. A request behind its end is counted after it has ended. */
  readonly period: Period
}

/**
 * Counts every request once, when its response has really ended. Recording makes no objects but the
 * first of each series.
 */
export class RequestMetrics {
  readonly series: RequestSeriesTable
  readonly recent: RecentRequests
  inFlight = 0
  readonly #bounds: Bounds
  readonly #buckets: Uint8Array
  readonly #scale = new LogScale()
  readonly #period: Period
  /** When the next second or period begins. */
  #turnsAt = Number.NEGATIVE_INFINITY

  constructor(registry: Registry, { buckets, maxRoutes, startedAtMs, period }: RequestMetricsOptions) {
    this.#bounds = new Bounds(buckets)
    this.#buckets = bucketsByPlace(this.#bounds)
    this.series = new RequestSeriesTable(this.#bounds, registry.budget, maxRoutes)
    this.recent = new RecentRequests(startedAtMs)
    this.#period = period
  }

  /**
   * In one piece on purpose: a call that the compiler does not inline makes an object of every
   * number with a fraction that it is given.
   */
  record(ctx: RequestContext, outcome: Outcome): void {
    const { method } = ctx
    const { status, route, aborted, responseBytes } = outcome
    // Sums must never fall nor stop being numbers, whatever a clock says.
    const durationMs = Math.max(outcome.durationMs || 0, 0)
    // When the response ended: the clock need not be asked again.
    const nowMs = ctx.startedAt + durationMs
    if (nowMs >= this.#turnsAt) this.#turn(nowMs)
    this.inFlight--

    const series = this.series.find(method, route, status ?? CLIENT_CLOSED)
    const place = this.#scale.placeOf(Math.min(Math.max(durationMs, SHORTEST), LONGEST))
    const seconds = durationMs / 1000
    const known = this.#buckets[place] as number
    const bucket = DURATION_COUNTS + (known === DIVIDED ? this.#bounds.bucketOf(seconds) : known)
    const { cells } = series
    cells[bucket] = (cells[bucket] as number) + 1
    cells[DURATION_SUM] = (cells[DURATION_SUM] as number) + seconds

    const { counts, totals } = this.recent
    counts[place] = (counts[place] as number) + 1
    totals[0] = (totals[0] as number) + 1
    totals[1] = (totals[1] as number) + durationMs

    // The sent length of a body that was cut short is unknown.
    if (aborted) {
      series.aborted++
      return
    }
    // For HEAD and in a 304, the length is that of a body that is not sent.
    if (responseBytes !== undefined && responseBytes >= 0 && method !== 'HEAD' && status !== 304)
      series.addResponseSize(responseBytes)
    const length = ctx.header('content-length')
    if (length !== undefined) addRequestSize(series, length)
  }

  #turn(nowMs: number): void {
    this.#period.turn(nowMs)
    this.recent.turn(nowMs)
    this.#turnsAt = Math.min(this.#period.endsAtMs, this.recent.endsAtMs)
  }
}

function addRequestSize(series: RequestSeries, header: string): void {
  const bytes = contentLength(header)
  if (bytes !== undefined) series.addRequestSize(bytes)
}
