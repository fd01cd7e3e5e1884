import { type Outcome, pipeline, type RequestContext } from '@palisade/core'
import { metrics } from '@palisade/metrics'
import { Histogram, Registry } from 'prom-client'
import { monotonicMs } from '../clock.js'
import { Counters } from '../hosts/floor/counters.js'
import { DURATIONS } from '../hosts/host.js'
import { seeded } from './random.js'
import type { Row } from './row.js'

const ROUTES = ['/orders', '/orders/:id', '/customers/:id', '/customers/:id/orders', '/products', '/cart']
const STATUSES = [200, 200, 200, 201, 404]
const METHODS = ['GET', 'GET', 'POST']

interface Ended {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

/** Requests that ended, most of them within some milliseconds. */
const ENDED: readonly Ended[] = (() => {
  const next = seeded(8)
  const of = <T>(list: readonly T[]): T => list[next() % list.length] as T
  return Array.from({ length: 1_024 }, () => ({
    method: of(METHODS),
    route: of(ROUTES),
    status: of(STATUSES),
    durationMs: 0.5 + (next() % 20_000) / 1000,
  }))
})()
const endedAt = (i: number) => ENDED[i & 1_023] as Ended

/** The part of a context that recording touches. */
class EndedContext {
  readonly method: string
  readonly path: string
  readonly startedAt = monotonicMs()

  constructor({ method, route }: Ended) {
    this.method = method
    this.path = route
  }

  header(): string | undefined {
    return undefined
  }
}

const outcomeOf = ({ route, status, durationMs }: Ended): Outcome => ({
  status,
  route,
  durationMs,
  responseBytes: 120,
  aborted: false,
  error: undefined,
})

/**
 * One request from its beginning to its end, as metrics see it: in flight, then counted with its
 * duration by method, route and status.
 */
export const requestMetrics: Row = {
  title: 'recording a request',
  contestants: [
    {
      name: 'palisade metrics',
      prepare() {
        const middleware = metrics()
        pipeline().use(middleware).compile()
        const contexts = ENDED.map(ended => new EndedContext(ended) as unknown as RequestContext)
        const outcomes = ENDED.map(outcomeOf)
        return {
          run(decisions) {
            for (let i = 0; i < decisions; i++) {
              const ctx = contexts[i & 1_023] as RequestContext
              middleware.onRequest?.(ctx)
              middleware.onResponse?.(ctx, outcomes[i & 1_023] as Outcome)
            }
            return decisions
          },
          dispose: () => middleware.dispose?.(),
        }
      },
    },
    {
      name: 'by hand (Maps)',
      prepare() {
        const counters = new Counters()
        return {
          run(decisions) {
            for (let i = 0; i < decisions; i++) {
              counters.inFlight++
              const { method, route, status, durationMs } = endedAt(i)
              counters.inFlight--
              counters.record(method, route, status, durationMs)
            }
            return decisions
          },
        }
      },
    },
    {
      name: 'prom-client histogram',
      prepare() {
        const histogram = newHistogram()
        return {
          run(decisions) {
            for (let i = 0; i < decisions; i++) {
              const { method, route, status, durationMs } = endedAt(i)
              histogram.observe({ method, route, status }, durationMs / 1000)
            }
            return decisions
          },
        }
      },
    },
    {
      name: 'prom-client histogram, labels held by the team',
      prepare() {
        const histogram = newHistogram()
        const held = ENDED.map(({ method, route, status }) => histogram.labels(method, route, String(status)))
        return {
          run(decisions) {
            for (let i = 0; i < decisions; i++) held[i & 1_023]?.observe(endedAt(i).durationMs / 1000)
            return decisions
          },
        }
      },
    },
  ],
}

function newHistogram() {
  return new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [...DURATIONS],
    registers: [new Registry()],
  })
}
