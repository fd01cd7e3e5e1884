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

/** A power of two, several times the methods and statuses that a route has in most of its time. */
const SHORTCUTS = 16

/** The series of one route. */
class RouteSeries {
  /**
   * What was last found for each place; where two series want the same one, both are found more
   * slowly.
   */
  readonly shortcuts: (RequestSeries | undefined)[] = Array.from({ length: SHORTCUTS }, () => undefined)
  readonly byMethod = new Map<string, Map<number, RequestSeries>>()

  get(method: string, status: number): RequestSeries | undefined {
    return this.byMethod.get(method)?.get(status)
  }

  set(series: RequestSeries): void {
    let byStatus = this.byMethod.get(series.method)
    if (byStatus === undefined) {
      byStatus = new Map()
      this.byMethod.set(series.method, byStatus)
    }
    byStatus.set(series.code, series)
  }
}

/**
 * The series of HTTP requests. Found by the route and a shortcut behind it, else by three look-ups
 * in nested maps, made once, and bounded: past `maxRoutes` the route becomes `_overflow`, past the
 * budget everything does.
 *
 * No method of strings on the way: the compiler no longer inlines them once any library has a class
 * that extends String, as ioredis has.
 */
export class RequestSeriesTable {
  readonly #routes = new Map<string, RouteSeries>()
  readonly #list: RequestSeries[] = []
  readonly #durations: Bounds
  readonly #budget: SeriesBudget
  /** Beside `_unmatched`, and the one that stands for those that are too many. */
  #freeRoutes: number
  #overflow: RequestSeries | undefined

  /** @param durations the bounds of their buckets, in seconds */
  constructor(durations: Bounds, budget: SeriesBudget, maxRoutes: number) {
    this.#durations = durations
    this.#budget = budget
    this.#freeRoutes = maxRoutes
    for (const route of [UNMATCHED, OVERFLOW]) this.#routes.set(route, new RouteSeries())
  }

  find(method: string, route: string | undefined, status: number): RequestSeries {
    const template = route ?? UNMATCHED
    const place = (status + 29 * method.length) & (SHORTCUTS - 1)
    const last = this.#routes.get(template)?.shortcuts[place]
    if (last !== undefined && last.code === status && last.method === method) return last
    return this.#search(method, template, status, place)
  }

  all(): readonly RequestSeries[] {
    return this.#list
  }

  #search(method: string, route: string, status: number, place: number): RequestSeries {
    const ofRoute = this.#routes.get(route)
    const found = ofRoute?.get(method, status) ?? this.#findBounded(method, route, status)
    // One that stands for others is never what was asked for, and found this way each time.
    if (ofRoute !== undefined) ofRoute.shortcuts[place] = found
    return found
  }
  /** For what is new or has no series of its own. */
  #findBounded(givenMethod: string, givenRoute: string, status: number): RequestSeries {
    const method = METHODS.has(givenMethod) ? givenMethod : OTHER
    const hasRoom = this.#routes.has(givenRoute) || this.#freeRoutes > 0
    const route = hasRoom ? givenRoute : OVERFLOW
    const known = this.#routes.get(route)?.get(method, status)
    if (known === undefined && !this.#budget.take()) {
      this.#budget.dropped++
      this.#overflow ??= this.#make(OVERFLOW, OVERFLOW, OVERFLOW)
      return this.#overflow
    }
    if (!hasRoom) this.#budget.dropped++
    if (known !== undefined) return known
    const series = this.#make(method, route, status)
    this.#routeOf(route).set(series)
    return series
  }

  #routeOf(route: string): RouteSeries {
    let series = this.#routes.get(route)
    if (series === undefined) {
      series = new RouteSeries()
      this.#routes.set(route, series)
      this.#freeRoutes--
    }
    return series
  }

  #make(method: string, route: string, status: number | string): RequestSeries {
    const series = new RequestSeries(method, route, status, this.#durations)
    this.#list.push(series)
    return series
  }
}
