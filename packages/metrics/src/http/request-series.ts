import { add, Bounds, Distribution, SIZE_BUCKETS } from '../series/distribution.js'

const SIZES = new Bounds(SIZE_BUCKETS)

/**
 * Where in the cells of a series its distributions begin. Side by side, since between two requests
 * a processor forgets where everything was.
 */
const REQUEST_SIZES = 0
const RESPONSE_SIZES = SIZES.cells
export const DURATION_SUM = 2 * SIZES.cells
export const DURATION_COUNTS = DURATION_SUM + 1

/** What is recorded of the requests with one method, route and status. */
export class RequestSeries {
  readonly method: string
  readonly route: string
  /** `NaN` for the series that stands for all that found no room. */
  readonly code: number
  readonly status: string
  readonly durations: Distribution
  readonly requestSizes: Distribution
  readonly responseSizes: Distribution
  aborted = 0
  /** What the JSON view leaves out: `count` and seconds as they were when it last began anew. */
  readonly before = { count: 0, seconds: 0 }
  readonly cells: Float64Array

  /** @param durations the bounds of their buckets, in seconds */
  constructor(method: string, route: string, status: number | string, durations: Bounds) {
    this.method = method
    this.route = route
    this.code = typeof status === 'number' ? status : Number.NaN
    this.status = String(status)
    this.cells = new Float64Array(DURATION_SUM + durations.cells)
    this.durations = new Distribution(durations, this.cells, DURATION_SUM)
    this.requestSizes = new Distribution(SIZES, this.cells, REQUEST_SIZES)
    this.responseSizes = new Distribution(SIZES, this.cells, RESPONSE_SIZES)
  }

  /** How many there were: every one has a duration. */
  get count(): number {
    return this.durations.count
  }

  addRequestSize(bytes: number): void {
    add(this.cells, REQUEST_SIZES, SIZES.bucketOf(bytes), bytes)
  }

  addResponseSize(bytes: number): void {
    add(this.cells, RESPONSE_SIZES, SIZES.bucketOf(bytes), bytes)
  }
}
