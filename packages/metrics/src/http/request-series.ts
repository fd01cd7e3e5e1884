import type { SeriesBudget } from '../series/budget.js'
import { Distribution } from '../series/distribution.js'

/** What is recorded of the requests with one method, route and status. */
export interface RequestSeries {
  readonly method: string
  readonly route: string
  readonly status: string
  readonly durations: Distribution
  readonly requestSizes: Distribution
  readonly responseSizes: Distribution
  count: number
  aborted: number
  durationMs: number
}

export interface Bounds {
  readonly durations: readonly number[]
  readonly sizes: readonly number[]
}

export const OVERFLOW = '_overflow'
export const UNMATCHED = '_unmatched'
export const OTHER = '_OTHER'

/** RFC 9110 section 9 and RFC 5789; what else a client invents is one label. */
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
  private readonly routes = new Set<string>()
  private readonly list: RequestSeries[] = []
  private readonly bounds: Bounds
  private readonly budget: SeriesBudget
  private readonly maxRoutes: number
  private overflow: RequestSeries | undefined

  constructor(bounds: Bounds, budget: SeriesBudget, maxRoutes: number) {
    this.bounds = bounds
    this.budget = budget
    this.maxRoutes = maxRoutes
  }

  find(method: string, route: string | undefined, status: number): RequestSeries {
    return (
      this.byMethod
        .get(method)
        ?.get(route ?? UNMATCHED)
        ?.get(status) ?? this.grow(method, route ?? UNMATCHED, status)
    )
  }

  all(): readonly RequestSeries[] {
    return this.list
  }

  private grow(givenMethod: string, givenRoute: string, status: number): RequestSeries {
    const method = METHODS.has(givenMethod) ? givenMethod : OTHER
    const route = this.isRouteKnown(givenRoute) ? givenRoute : OVERFLOW
    if (route === OVERFLOW) this.budget.dropped++
    const byRoute = child(this.byMethod, method, () => new Map<string, ByStatus>())
    const known = byRoute.get(route)?.get(status)
    if (known !== undefined) return known
    if (!this.budget.take()) {
      if (route !== OVERFLOW) this.budget.dropped++
      this.overflow ??= this.make(OVERFLOW, OVERFLOW, OVERFLOW)
      return this.overflow
    }
    const series = this.make(method, route, String(status))
    child(byRoute, route, () => new Map<number, RequestSeries>()).set(status, series)
    return series
  }

  private isRouteKnown(route: string): boolean {
    if (this.routes.has(route)) return true
    if (route !== UNMATCHED && this.routes.size >= this.maxRoutes) return false
    if (route !== UNMATCHED) this.routes.add(route)
    return true
  }

  private make(method: string, route: string, status: string): RequestSeries {
    const { durations, sizes } = this.bounds
    const series: RequestSeries = {
      method,
      route,
      status,
      durations: new Distribution(durations),
      requestSizes: new Distribution(sizes),
      responseSizes: new Distribution(sizes),
      count: 0,
      aborted: 0,
      durationMs: 0,
    }
    this.list.push(series)
    return series
  }
}

function child<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
