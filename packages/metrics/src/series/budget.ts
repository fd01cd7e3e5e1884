/**
 * The maximum number of series of one registry: label values from outside cannot fill the memory or
 * the monitoring system. A series is one combination of label values, whatever it takes to show it.
 * Values beyond the maximum are counted in `metrics_series_dropped_total`.
 */
export class SeriesBudget {
  readonly limit: number
  used = 0
  dropped = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Whether one more series may be made; takes it if so. */
  take(): boolean {
    if (this.used >= this.limit) return false
    this.used++
    return true
  }
}
