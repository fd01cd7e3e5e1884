import type { SeriesBudget } from '../series/budget.js'
import { type Bounds, Distribution } from '../series/distribution.js'
import { OVERFLOW } from '../series/metric.js'

export interface RequestBounds {
  readonly durations: Bounds
  readonly sizes: Bounds
}

/** What is recorded of the requests with one method, route and status. */
export class RequestSeries {
  readonly method: string
  readonly route: string
  readonly status: string
  readonly durations: Distribution
  readonly requestSizes: Distribution
  readonly responseSizes: Distribution
  count = 0
  aborted = 0
  /** What the JSON view leaves out: `count` and seconds as they were when it last began anew. */
  readonly before = { count: 0, seconds: 0 }

  constructor(method: string, route: string, status: string, { durations, sizes }: RequestBounds) {
    this.method = method
    this.route = route
    this.status = status
    this.durations = new Distribution(durations)
    this.requestSizes = new Distribution(sizes)
    this.responseSizes = new Distribution(sizes)
  }
}

export const UNMATCHED = '_unmatched'
export const OTHER = '_OTHER'

/** RFC 9110 section 9, PATCH (RFC 5789) and QUERY; what else a client invents is one label. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
])

type ByStatus = Map<number, RequestSeries>
type ByRoute = Map<string, ByStatus>

/**
 * The series of HTTP requests. Found by three look-ups in nested maps, made once, and bounded: past `maxRoutes` the route becomes
 * `_overflow`, past the budget everything does.
 */
export class RequestSeriesTable {
  private readonly byMethod = new Map<string, ByRoute>()
  private readonly routes = new Set<string>([UNMATCHED])
  private readonly list: RequestSeries[] = []
  private readonly bounds: RequestBounds
  private readonly budget: SeriesBudget
  private readonly mostRoutes: number
  private overflow: RequestSeries | undefined

  constructor(bounds: RequestBounds, budget: SeriesBudget, maxRoutes: number) {
    this.bounds = bounds
    this.budget = budget
    this.mostRoutes = maxRoutes + this.routes.size
  }

  find(method: string, route: string | undefined, status: number): RequestSeries {
    const template = route ?? UNMATCHED
    return this.byMethod.get(method)?.get(template)?.get(status) ?? this.findBounded(method, template, status)
  }

  all(): readonly RequestSeries[] {
    return this.list
  }

  /** The slow way, for what is new or has no series of its own. */
  private findBounded(givenMethod: string, givenRoute: string, status: number): RequestSeries {
    const method = METHODS.has(givenMethod) ? givenMethod : OTHER
    const isRouteKnown = this.routes.has(givenRoute) || this.routes.size < this.mostRoutes
    const route = isRouteKnown ? givenRoute : OVERFLOW
    const known = this.byMethod.get(method)?.get(route)?.get(status)
    if (known === undefined && !this.budget.take()) {
      this.budget.dropped++
      this.overflow ??= this.make(OVERFLOW, OVERFLOW, OVERFLOW)
      return this.overflow
    }
    if (!isRouteKnown) this.budget.dropped++
    if (known !== undefined) return known
    if (isRouteKnown) this.routes.add(route)
    const series = this.make(method, route, String(status))
    child(child(this.byMethod, method), route).set(status, series)
    return series
  }

  private make(method: string, route: string, status: string): RequestSeries {
    const series = new RequestSeries(method, route, status, this.bounds)
    this.list.push(series)
    return series
  }
}

function child<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let value = map.get(key)
  if (value === undefined) {
    value = new Map()
    map.set(key, value)
  }
  return value
}
