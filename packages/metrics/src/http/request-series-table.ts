import type { SeriesBudget } from '../series/budget.js'
import type { Bounds } from '../series/distribution.js'
import { OVERFLOW } from '../series/metric.js'
import { RequestSeries } from './request-series.js'

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

/** A power of two, several times the series that a server uses all the time. */
const SHORTCUTS = 256

type ByStatus = Map<number, RequestSeries>
type ByRoute = Map<string, ByStatus>

/**
 * The series of HTTP requests. Found by a shortcut, else by three look-ups in nested maps, made once, and bounded: past `maxRoutes` the route becomes
 * `_overflow`, past the budget everything does.
 */
export class RequestSeriesTable {
  private readonly byMethod = new Map<string, ByRoute>()
  private readonly routes = new Set<string>([UNMATCHED])
  private readonly list: RequestSeries[] = []
  private readonly durations: Bounds
  private readonly budget: SeriesBudget
  private readonly mostRoutes: number
  /** What was last found for each place; where two series want the same one, both are found more slowly. */
  private readonly shortcuts: (RequestSeries | undefined)[] = Array.from(
    { length: SHORTCUTS },
    () => undefined,
  )
  private overflow: RequestSeries | undefined

  constructor(durations: Bounds, budget: SeriesBudget, maxRoutes: number) {
    this.durations = durations
    this.budget = budget
    this.mostRoutes = maxRoutes + this.routes.size
  }

  find(method: string, route: string | undefined, status: number): RequestSeries {
    const template = route ?? UNMATCHED
    const place = placeOf(method, template, status)
    const last = this.shortcuts[place]
    if (last !== undefined && last.code === status && last.method === method && last.route === template)
      return last
    return this.search(method, template, status, place)
  }

  all(): readonly RequestSeries[] {
    return this.list
  }

  private search(method: string, route: string, status: number, place: number): RequestSeries {
    const found =
      this.byMethod.get(method)?.get(route)?.get(status) ?? this.findBounded(method, route, status)
    // One that stands for others is never what was asked for, and found this way each time.
    this.shortcuts[place] = found
    return found
  }

  /** For what is new or has no series of its own. */
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
    const series = this.make(method, route, status)
    child(child(this.byMethod, method), route).set(status, series)
    return series
  }

  private make(method: string, route: string, status: number | string): RequestSeries {
    const series = new RequestSeries(method, route, status, this.durations)
    this.list.push(series)
    return series
  }
}

/** Templates begin and end alike, `/api/:id`; what tells them apart is their length and their middle. */
function placeOf(method: string, route: string, status: number): number {
  const { length } = route
  const text = 13 * route.charCodeAt(length >> 1) + 7 * route.charCodeAt(length - 2)
  return (status + 29 * method.length + 5 * length + text) & (SHORTCUTS - 1)
}

function child<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let value = map.get(key)
  if (value === undefined) {
    value = new Map()
    map.set(key, value)
  }
  return value
}
