/**
 * How many series one registry may hold in all, so that no label value that comes from outside can fill the memory or the
 * monitoring system. A series is one combination of label values, whatever it takes to show it. What does not fit is counted in
 * `metrics_series_dropped_total`.
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
