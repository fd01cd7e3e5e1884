import { type Clock, ConfigError, isPromise, type MaybePromise } from '@palisade/core/middleware'
import type { Check, CheckKind } from '../checks/check.js'
import { Monitor } from '../checks/monitor.js'
import type { CheckResult } from '../checks/result.js'

/** `draining`: this process shuts down, whatever its checks say. */
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy' | 'draining'

export interface CheckReport {
  readonly check: Check
  /**
   * `undefined` when it has never ended, within this answer's time or before. Counts as a failure.
   */
  readonly result: CheckResult | undefined
}

export interface HealthReport {
  readonly status: HealthStatus
  readonly checks: readonly CheckReport[]
}

export const MOST_CHECKS = 64

/** The checks of a server, and what they say together when a probe asks. */
export class Panel {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #monitors = new Map<string, Monitor>()
  /** Answers under way: probes of one kind that come together share one. */
  readonly #pending = new Map<CheckKind, Promise<HealthReport>>()
  /** Whether every start-up check has passed once. It never goes back. */
  #started = false

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** @returns a function that takes it away and closes it */
  add(check: Check): () => Promise<void> {
    const problem = this.#monitors.has(check.name)
      ? 'names that differ; give one of them a `name` of its own'
      : this.#monitors.size >= MOST_CHECKS
        ? `at most ${MOST_CHECKS} checks`
        : undefined
    if (problem !== undefined)
      throw new ConfigError({ owner: 'health', option: 'checks', value: check.name, allowed: problem })
    const monitor = new Monitor(check, this.#clock)
    this.#monitors.set(check.name, monitor)
    return async () => {
      if (this.#monitors.get(check.name) !== monitor) return
      this.#monitors.delete(check.name)
      await check.dispose?.()
    }
  }

  /**
   * Runs the checks of a probe, within the time-out. Never rejects. A check that has not ended by
   * then counts with its previous result: its own timeout, which is longer, has still to pass.
   */
  ask(probe: CheckKind): MaybePromise<HealthReport> {
    const pending = this.#pending.get(probe)
    if (pending !== undefined) return pending
    const monitors = this.#monitorsOf(probe)
    const results = monitors.map(monitor => monitor.read())
    if (!results.some(isPromise)) return this.#conclude(probe, monitors, results as CheckResult[])
    const answer = collect(results, this.#timeoutMs).then(settled => {
      this.#pending.delete(probe)
      return this.#conclude(
        probe,
        monitors,
        settled.map((result, index) => result ?? monitors[index]?.known),
      )
    })
    this.#pending.set(probe, answer)
    return answer
  }

  /** What is known without asking anybody. */
  known(): HealthReport {
    return reportOf(this.#monitorsOf('ready').map(({ check, known }) => ({ check, result: known })))
  }

  async dispose(): Promise<void> {
    const checks = [...this.#monitors.values()].map(({ check }) => check)
    this.#monitors.clear()
    const closed = await Promise.allSettled(checks.map(async check => check.dispose?.()))
    const errors = closed.flatMap(one => (one.status === 'rejected' ? [one.reason] : []))
    if (errors.length > 0) throw new AggregateError(errors, 'several health checks failed to dispose')
  }

  /**
   * What fails as alive is not ready either, and until start-up is done it belongs to readiness.
   */
  #monitorsOf(probe: CheckKind): Monitor[] {
    const all = [...this.#monitors.values()]
    if (probe === 'startup' && this.#started) return []
    if (probe !== 'ready') return all.filter(({ check }) => check.kinds.has(probe))
    return all.filter(
      ({ check: { kinds } }) =>
        kinds.has('ready') || kinds.has('live') || (kinds.has('startup') && !this.#started),
    )
  }

  #conclude(
    probe: CheckKind,
    monitors: readonly Monitor[],
    results: readonly (CheckResult | undefined)[],
  ): HealthReport {
    const checks = monitors.map(({ check }, index) => ({ check, result: results[index] }))
    if (probe !== 'live')
      this.#started ||= checks.every(one => !one.check.kinds.has('startup') || passes(one))
    return reportOf(checks)
  }
}

export const isHealthy = ({ result }: CheckReport) => result?.healthy === true

const passes = (report: CheckReport) => report.check.optional || isHealthy(report)

function reportOf(checks: readonly CheckReport[]): HealthReport {
  const status = !checks.every(passes) ? 'unhealthy' : checks.every(isHealthy) ? 'healthy' : 'degraded'
  return { status, checks }
}

/** The results that have come when all have, or the time is up. */
function collect(
  results: readonly MaybePromise<CheckResult>[],
  timeoutMs: number,
): Promise<readonly (CheckResult | undefined)[]> {
  return new Promise(resolve => {
    const settled: (CheckResult | undefined)[] = results.map(one => (isPromise(one) ? undefined : one))
    let open = settled.filter(one => one === undefined).length
    // Not before what lies in the sockets is read, as in Monitor.
    const timer = setTimeout(() => setImmediate(() => resolve(settled)), timeoutMs).unref()
    for (const [index, result] of results.entries()) {
      if (!isPromise(result)) continue
      void result.then(value => {
        settled[index] = value
        if (--open > 0) return
        clearTimeout(timer)
        resolve(settled)
      })
    }
  })
}
