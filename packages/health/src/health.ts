import { privateNetworks } from '@palisade/core'
import {
  bindMethods,
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
  type Services,
  startOf,
  systemClock,
} from '@palisade/core/middleware'
import { type Check, examined } from './checks/check.js'
import { ReadinessEvents } from './events.js'
import { type Lifecycle, lifecycle as newLifecycle, onDrain } from './lifecycle.js'
import { type Access, guarded } from './probes/access.js'
import { answer, type Details, type Facts, formOf } from './probes/answer.js'
import { type HealthReport, MOST_CHECKS, Panel } from './probes/panel.js'
import { PATHS, type ProbeName, type ProbePaths, probesByPath } from './probes/paths.js'

export interface HealthOptions<Needs extends object = {}> {
  /**
   * What readiness depends on, at most 64: `check()`, `redis()`, `sql()`, `http()`, `tcp()`,
   * `disk()`, `memory()`, `eventLoop()`.
   */
  checks?: readonly Check[]
  paths?: ProbePaths
  /** Maximum time for an answer. Default 900 ms, since the kubelet waits one second. */
  timeout?: Duration
  /**
   * Who sees the checks and the texts of their errors. A guard alone decides. Default: callers on
   * loopback and private networks see the checks without these texts, which may name hosts and
   * users.
   */
  authorize?: Guard<RequestContext<Needs>>
  /**
   * Shared with `gracefulShutdown()`, so that readiness turns 503 when the process drains. Default:
   * one of its own.
   */
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
  /**
   * What readiness says now, with its checks: for a dashboard. Asks as a probe does, and never
   * rejects.
   */
  report(): Promise<HealthReport>
}

/**
 * Answers the probes of Kubernetes, load balancers and people: `/health/live`, `/health/ready`,
 * `/health/startup`, `/health` and `/ready`.
 *
 * Protects the server from restarts for a dependency's fault (liveness asks none) and from traffic
 * that it cannot serve (readiness). Protects the dependencies from probes: one question at a time,
 * and results are shared. Clients without access see a status and nothing of the checks. Fails
 * closed: a check that does not answer in time, throws or returns nonsense is unhealthy, and
 * details are withheld from clients that are not known to be entitled.
 *
 *     pipeline().use(health({ checks: [redis(client), sql(() => pool.query('SELECT 1'))] }))
 *
 * Mount it in front of rate limits and authentication: a probe that is refused takes the instance
 * out of service.
 *
 * @throws ConfigError
 */
export function health<Needs extends object = {}>(options: HealthOptions<Needs> = {}): Health<Needs> {
  const probes = new HealthProbes<Needs>(options)
  return bindMethods(probes, 'add', 'report', 'setup', 'onRequest', 'dispose')
}

class HealthProbes<Needs extends object> implements Health<Needs> {
  readonly name = 'health'
  readonly lifecycle: Lifecycle
  readonly #probes: ReadonlyMap<string, ProbeName>
  readonly #timeout: number
  readonly #access: Access
  /** What a caller sees of the checks whom `#access` lets in. */
  readonly #shown: Details
  readonly #panel: Panel
  readonly #events = new ReadinessEvents()
  /** Until the pipeline is compiled there is no clock but the system's. */
  #clock: Clock = systemClock
  #startedAt = startOf(systemClock)
  #isSetUp = false
  #endListening: (() => void) | undefined

  constructor(options: HealthOptions<Needs>) {
    const { checks, paths, timeout, authorize, lifecycle } = checkOptions('health', options, {
      checks: optional(list(examined, { max: MOST_CHECKS }), []),
      paths: (value = {}, at) => probesByPath(object(PATHS)(value, at), at),
      timeout: optional(duration({ min: 10, max: '1m' })),
      authorize: optional(callback<Guard<RequestContext>>('a guard (ctx) => boolean or Decision')),
      lifecycle: optional(having<Lifecycle>('what lifecycle() returns', 'drain')),
    })
    this.#probes = paths
    this.#timeout = timeout ?? 900
    this.#shown = authorize === undefined ? 'checks' : 'errors'
    this.#access = authorize === undefined ? privateNetworks() : guarded(authorize)
    this.lifecycle = lifecycle ?? newLifecycle()
    const steady: Clock = { now: () => this.#clock.now(), monotonic: () => this.#clock.monotonic() }
    this.#panel = new Panel(steady, this.#timeout)
    for (const one of checks) this.#panel.add(one)
  }

  add(check: Check): () => Promise<void> {
    return this.#panel.add(examined(check, { owner: 'health', option: 'checks' }))
  }

  async report(): Promise<HealthReport> {
    return this.#readiness()
  }

  setup({ clock, events }: Services): () => void {
    if (!this.#isSetUp) {
      this.#isSetUp = true
      this.#clock = clock
      this.#startedAt = startOf(clock)
    }
    const leave = this.#events.emitOn(events)
    if (!this.lifecycle.draining)
      this.#endListening ??= onDrain(this.lifecycle, () => this.#events.emit(this.#drained()))
    return leave
  }

  onRequest(context: RequestContext<Needs>): MaybePromise<Reply | undefined> {
    const ctx = context as RequestContext
    const probe = this.#probes.get(ctx.path)
    if (probe === undefined) return undefined
    ctx.answersAt(ctx.path)
    this.#startedAt ??= startOf(this.#clock)
    if (ctx.method === 'GET' || ctx.method === 'HEAD') return this.#answer(ctx, probe)
    // A preflight is for cors() to answer, wherever it is mounted.
    if (ctx.method === 'OPTIONS') return undefined
    throw new RequestError(405, 'The method is not allowed here', { headers: { Allow: 'GET, HEAD' } })
  }

  async dispose(): Promise<void> {
    this.#endListening?.()
    this.#events.end()
    await this.#panel.dispose()
  }

  #answer(ctx: RequestContext, probe: ProbeName): MaybePromise<Reply> {
    const form = formOf(ctx.header('accept'))
    const reply = (report: HealthReport, may: boolean) => answer(this.#factsOf(probe, report, may), form)
    const may = this.#mayKnow(ctx)
    const report = probe === 'live' || probe === 'startup' ? this.#panel.ask(probe) : this.#readiness()
    if (!isPromise(report) && !isPromise(may)) return reply(report, may)
    const known = isPromise(may) ? falseAfter(this.#timeout, may) : may
    return Promise.all([report, known]).then(both => reply(...both))
  }

  #factsOf(probe: ProbeName, report: HealthReport, may: boolean): Facts {
    const now = this.#clock.monotonic()
    return {
      report,
      now: this.#clock.now(),
      uptimeMs: now - (this.#startedAt ?? now),
      details: may ? this.#shown : 'none',
      readiness: probe === 'ready',
    }
  }

  #readiness(): MaybePromise<HealthReport> {
    // Whatever they would say: what is about to close need not be asked.
    if (this.lifecycle.draining) return this.#events.emit(this.#drained())
    const report = this.#panel.ask('ready')
    if (!isPromise(report)) return this.#events.emit(report)
    return (report as Promise<HealthReport>).then(late =>
      this.#events.emit(this.lifecycle.draining ? this.#drained() : late),
    )
  }

  #drained(): HealthReport {
    return { ...this.#panel.known(), status: 'draining' }
  }

  #mayKnow(ctx: RequestContext): MaybePromise<boolean> {
    const withhold = (error: unknown) => {
      const fields = { err: error, request_id: ctx.requestId }
      ctx.services.logger.error(fields, 'health: authorize failed; details are withheld')
      return false
    }
    try {
      const may = this.#access(ctx)
      return isPromise(may) ? Promise.resolve(may).catch(withhold) : may
    } catch (error) {
      return withhold(error)
    }
  }
}

/** A guard that waits for a database must not cost the probe its answer. */
function falseAfter(ms: number, may: PromiseLike<boolean>): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), ms).unref()
    void may.then(known => {
      clearTimeout(timer)
      resolve(known)
    })
  })
}
