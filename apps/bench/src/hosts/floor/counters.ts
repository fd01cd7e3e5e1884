import { DURATIONS } from '../host.js'

/** A count for each bucket and +Inf, then the sum in seconds. */
type Histogram = Float64Array

const INFINITE = DURATIONS.length
const SUM = INFINITE + 1

export const CLIENT_LEFT = 499

/**
 * Counts and durations of requests by method, route and status, by hand. The routes are the team's
 * own, so the maps are bounded.
 */
export class Counters {
  inFlight = 0
  readonly #methods = new Map<string, Map<string, Map<number, Histogram>>>()

  record(method: string, route: string | undefined, status: number, durationMs: number): void {
    const template = route ?? '_unmatched'
    const cells =
      this.#methods.get(method)?.get(template)?.get(status) ?? this.#begin(method, template, status)
    const seconds = durationMs / 1000
    let bucket = 0
    while (bucket < INFINITE && seconds > (DURATIONS[bucket] as number)) bucket++
    cells[bucket] = (cells[bucket] as number) + 1
    cells[SUM] = (cells[SUM] as number) + seconds
  }

  /** As Prometheus reads it. */
  text(): string {
    const lines = ['# TYPE http_requests_in_flight gauge', `http_requests_in_flight ${this.inFlight}`]
    lines.push('# TYPE http_request_duration_seconds histogram')
    for (const [method, routes] of this.#methods)
      for (const [route, statuses] of routes)
        for (const [status, cells] of statuses)
          lines.push(...linesOf(`method="${method}",route="${route}",status="${status}"`, cells))
    return `${lines.join('\n')}\n`
  }

  #begin(method: string, route: string, status: number): Histogram {
    const routes = this.#methods.get(method) ?? new Map<string, Map<number, Histogram>>()
    const statuses = routes.get(route) ?? new Map<number, Histogram>()
    const cells = new Float64Array(SUM + 1)
    this.#methods.set(method, routes.set(route, statuses.set(status, cells)))
    return cells
  }
}

function linesOf(labels: string, cells: Histogram): readonly string[] {
  let total = 0
  const buckets = [...DURATIONS.map(String), '+Inf'].map((le, i) => {
    total += cells[i] as number
    return `http_request_duration_seconds_bucket{${labels},le="${le}"} ${total}`
  })
  return [
    ...buckets,
    `http_request_duration_seconds_sum{${labels}} ${cells[SUM]}`,
    `http_request_duration_seconds_count{${labels}} ${total}`,
  ]
}
