import { type EventBus, privateNetworks } from '@palisade/core'
import {
  type Clock,
  callback,
  checkOptions,
  type Duration,
  duration,
  type Guard,
  having,
  isPromise,
  list,
  type MaybePromise,
  type Middleware,
  object,
  optional,
  type Reply,
  type RequestContext,
  RequestError,
  startOf,
  systemClock,
} from '@palisade/core/middleware'
import { type Check, examined } from './checks/check.js'
import { type Lifecycle, lifecycle as newLifecycle, onDrain } from './lifecycle.js'
import { type Access, guarded } from './probes/access.js'
import { answer, formOf } from './probes/answer.js'
import { type HealthReport, type HealthStatus, isHealthy, MOST_CHECKS, Panel } from './probes/panel.js'
import { PATHS, type ProbeName, type ProbePaths, probesByPath } from './probes/paths.js'

export interface HealthOptions<Needs extends object = {}> {
  /** What readiness depends on, at most 64: `check()`, `redis()`, `sql()`, `http()`, `tcp()`, `disk()`, `memory()`, `eventLoop()`. */
  checks?: readonly Check[]
  paths?: ProbePaths
  /** How long an answer may take. Default 900 ms, since the kubelet waits one second. */
  deadline?: Duration
  /**
   * Who sees the checks and the texts of their errors. A guard alone decides. Default: callers on loopback and
   * private networks see the checks without these texts, which may name hosts and users.
   */
  authorize?: Guard<RequestContext<Needs>>
  /** Shared with `gracefulShutdown()`, so that readiness turns 503 when the process drains. Default: one of its own. */
  lifecycle?: Lifecycle
}

/** The middleware, and what a team asks of it beside requests. */
export interface Health<Needs extends object = {}> extends Middleware<Needs> {
  readonly lifecycle: Lifecycle
  /**
   * One more check, while the server runs.
   *
   * @returns a function that takes it away and closes it
   * @throws ConfigError for a name that is taken, and past 64 checks
   */
  add(check: Check): () => Promise<void>
  /** What readiness says now, with its checks: for a dashboard. Asks as a probe does, and never rejects. */
  report(): Promise<HealthReport>
}

/**
 * Answers the probes of Kubernetes, load balancers and people: `/health/live`, `/health/ready`, `/health/startup`, `/health` and `/ready`.
 *
 * Protects the server from restarts for a dependency's fault (liveness asks none) and from traffic
 * that it cannot serve (readiness). Protects the dependencies from probes: one question at a time,
 * and results are shared. Clients without access see a status and nothing of the checks. Fails
 * closed: a check that does not answer in time, throws or returns nonsense is unhealthy, and
 * details are withheld from clients that are not known to be entitled.
 *
 *     pipeline().use(health({ checks: [redis(client), sql(() => pool.query('SELECT 1'))] }))
 *
 * Mount it in front of rate limits and authentication: a probe that is refused takes the instance out of service.
 *
 * @throws ConfigError
 */
export function health<Needs extends object = {}>(options: HealthOptions<Needs> = {}): Health<Needs> {
  const checked = checkOptions('health', options, {
    checks: optional(list(examined, { max: MOST_CHECKS }), []),
    paths: (value = {}, at) => probesByPath(object(PATHS)(value, at), at),
    deadline: optional(duration({ min: 10, max: '1m' })),
    authorize: optional(callback<Guard<RequestContext>>('a guard (ctx) => boolean or Decision')),
    lifecycle: optional(having<Lifecycle>('what lifecycle() returns', 'drain')),
  })
  const { deadline = 900, lifecycle = newLifecycle(), paths: probes } = checked
  const shown = checked.authorize === undefined ? 'checks' : 'errors'
  const access: Access = checked.authorize === undefined ? privateNetworks() : guarded(checked.authorize)

  // Until the pipeline is compiled there is no clock but the system's.
  let clock: Clock = systemClock
  let startedAt = startOf(clock)
  const steady: Clock = { now: () => clock.now(), monotonic: () => clock.monotonic() }
  const panel = new Panel(steady, deadline)
  for (const one of checked.checks) panel.add(one)
  let isSetUp = false
  const changes = new Changes()
  let endListening: (() => void) | undefined

  return {
    name: 'health',
    lifecycle,
    add: one => panel.add(examined(one, { owner: 'health', option: 'checks' })),
    report: async () => readiness(),
    setup({ clock: given, events }) {
      if (!isSetUp) {
        isSetUp = true
        clock = given
        startedAt = startOf(clock)
      }
      const leave = changes.announceOn(events)
      if (!lifecycle.draining) endListening ??= onDrain(lifecycle, () => changes.tell(readinessNow()))
      return leave
    },
    onRequest(context) {
      const ctx = context as RequestContext
      const probe = probes.get(ctx.path)
      if (probe === undefined) return undefined
      ctx.answersAt(ctx.path)
      startedAt ??= startOf(clock)
      return respond(ctx, probe)
    },
    async dispose() {
      endListening?.()
      changes.end()
      await panel.dispose()
    },
  }

  function respond(ctx: RequestContext, probe: ProbeName): MaybePromise<Reply | undefined> {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      // A preflight is for cors() to answer, wherever it is mounted.
      if (ctx.method === 'OPTIONS') return undefined
      throw new RequestError(405, 'The method is not allowed here', { headers: { Allow: 'GET, HEAD' } })
    }
    const form = formOf(ctx.header('accept'))
    const reply = (report: HealthReport, may: boolean) =>
      answer(
        {
          report,
          now: clock.now(),
          uptimeMs: clock.monotonic() - (startedAt ?? clock.monotonic()),
          details: may ? shown : 'none',
          readiness: probe === 'ready',
        },
        form,
      )
    const details = mayKnow(ctx)
    const report = reportFor(probe)
    if (!isPromise(report) && !isPromise(details)) return reply(report, details)
    return Promise.all([report, isPromise(details) ? inTime(details) : details]).then(([one, may]) =>
      reply(one, may),
    )
  }

  function reportFor(probe: ProbeName): MaybePromise<HealthReport> {
    if (probe === 'live' || probe === 'startup') return panel.ask(probe)
    return readiness()
  }

  function readiness(): MaybePromise<HealthReport> {
    // Whatever they would say: what is about to close need not be asked.
    if (lifecycle.draining) return changes.tell(readinessNow())
    const report = panel.ask('ready')
    return isPromise(report)
      ? (report as Promise<HealthReport>).then(one => changes.tell(lifecycle.draining ? readinessNow() : one))
      : changes.tell(report)
  }

  function readinessNow(): HealthReport {
    return { ...panel.known(), status: 'draining' }
  }

  function mayKnow(ctx: RequestContext): MaybePromise<boolean> {
    const withhold = (error: unknown) => {
      ctx.services.logger.error(
        { err: error, request_id: ctx.requestId },
        'health: authorize failed; details are withheld',
      )
      return false
    }
    try {
      const may = access(ctx)
      return isPromise(may) ? Promise.resolve(may).catch(withhold) : may
    } catch (error) {
      return withhold(error)
    }
  }

  /** A guard that waits for a database must not cost the probe its answer. */
  function inTime(details: PromiseLike<boolean>): Promise<boolean> {
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), deadline).unref()
      void details.then(may => {
        clearTimeout(timer)
        resolve(may)
      })
    })
  }
}

/** Tells the buses when readiness is not what it was. */
class Changes {
  /** An entry for each set of services; several may share a bus. */
  readonly #buses = new Set<{ readonly events: EventBus }>()
  #status: HealthStatus | 'unknown' = 'unknown'

  /** @returns a function that ends it */
  announceOn(events: EventBus): () => void {
    const entry = { events }
    this.#buses.add(entry)
    return () => void this.#buses.delete(entry)
  }

  end(): void {
    this.#buses.clear()
  }

  tell(report: HealthReport): HealthReport {
    const { status } = report
    const previous = this.#status
    if (status === previous) return report
    this.#status = status
    const failing = report.checks.filter(one => !isHealthy(one)).map(one => one.check.name)
    for (const events of new Set([...this.#buses].map(one => one.events)))
      events.emit('health:changed', { status, previous, failing })
    return report
  }
}
