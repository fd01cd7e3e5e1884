import type { EventBus } from '@palisade/core'
import { type HealthReport, type HealthStatus, isHealthy } from './probes/panel.js'

/** Emits `health:changed` when readiness is not what it was. */
export class ReadinessEvents {
  /** An entry for each set of services; several may share a bus. */
  readonly #buses = new Set<{ readonly events: EventBus }>()
  #status: HealthStatus | 'unknown' = 'unknown'

  /** @returns a function that ends it */
  emitOn(events: EventBus): () => void {
    const entry = { events }
    this.#buses.add(entry)
    return () => void this.#buses.delete(entry)
  }

  end(): void {
    this.#buses.clear()
  }

  /** @returns the report */
  emit(report: HealthReport): HealthReport {
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
