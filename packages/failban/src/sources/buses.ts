import type { EventBus, PalisadeEvents } from '@palisade/core'

type Hear = (violation: PalisadeEvents['security:violation']) => void

interface Bus {
  /** One for each set of services with this bus. The first one hears. */
  readonly hearers: Set<Hear>
  readonly leave: () => void
}

/**
 * The buses on which violations are heard. A violation is heard once, however many pipelines share
 * its bus.
 */
export class Buses {
  readonly #buses = new Map<EventBus, Bus>()

  get size(): number {
    return this.#buses.size
  }

  has(events: EventBus): boolean {
    return this.#buses.has(events)
  }

  /** @returns a function that ends it */
  join(events: EventBus, hear: Hear): () => void {
    const { hearers } = this.#buses.get(events) ?? this.#open(events)
    hearers.add(hear)
    return () => {
      hearers.delete(hear)
      if (hearers.size === 0) this.#close(events)
    }
  }

  /** @returns those that were left */
  leaveAll(): readonly EventBus[] {
    const all = [...this.#buses.keys()]
    for (const events of all) this.#close(events)
    return all
  }

  #open(events: EventBus): Bus {
    const hearers = new Set<Hear>()
    const leave = events.on('security:violation', violation => {
      const [first] = hearers
      first?.(violation)
    })
    const bus = { hearers, leave }
    this.#buses.set(events, bus)
    return bus
  }

  #close(events: EventBus): void {
    this.#buses.get(events)?.leave()
    this.#buses.delete(events)
  }
}
