import type { Outcome, RequestContext } from '@palisade/core'
import { Bounds, SIZE_BUCKETS } from '../series/distribution.js'
import type { Registry } from '../series/registry.js'
import { SlidingPercentiles } from '../window/percentiles.js'
import { SlidingRate } from '../window/rate.js'
import { RequestSeriesTable } from './request-series.js'

/** nginx's word for a client that left before the answer; no server ever sends it. */
const CLIENT_CLOSED = 499

/** Counts every request once, when its response has really ended. Recording makes no objects but the first of each series. */
export class RequestMetrics {
  readonly series: RequestSeriesTable
  readonly percentiles: SlidingPercentiles
  readonly rate: SlidingRate
  inFlight = 0

  constructor(durations: readonly number[], registry: Registry, maxRoutes: number, nowMs: number) {
    const bounds = { durations: new Bounds(durations), sizes: new Bounds(SIZE_BUCKETS) }
    this.series = new RequestSeriesTable(bounds, registry.budget, maxRoutes)
    this.percentiles = new SlidingPercentiles(nowMs)
    this.rate = new SlidingRate(nowMs)
  }

  /** @param nowMs of the monotonic clock */
  record(ctx: RequestContext, outcome: Outcome, route: string | undefined, nowMs: number): void {
    const { method } = ctx
    const { durationMs, status, aborted, responseBytes } = outcome
    const series = this.series.find(method, route, status ?? CLIENT_CLOSED)
    series.count++
    series.durations.observe(durationMs / 1000)
    if (aborted) series.aborted++
    // To HEAD and in a 304 the length tells of a body that is not sent; of one that was cut short nobody knows how much came.
    if (responseBytes !== undefined && responseBytes >= 0 && method !== 'HEAD' && status !== 304 && !aborted)
      series.responseSizes.observe(responseBytes)
    const length = ctx.header('content-length')
    if (length !== undefined && LENGTH.test(length) && !aborted) series.requestSizes.observe(Number(length))
    this.percentiles.record(durationMs, nowMs)
    this.rate.record(nowMs)
  }
}

/** RFC 9110 section 8.6, within what a number holds exactly. */
const LENGTH = /^\d{1,15}$/
