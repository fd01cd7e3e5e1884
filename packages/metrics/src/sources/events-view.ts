import type { EventBus } from '@palisade/core'
import { percent } from '../http/json-view.js'
import { typeOf } from './event-metrics.js'
import { byName, Tally } from './tally.js'

/**
 * The JSON view of what the event bus tells: authentication, resources, users and errors by type.
 */
export class EventsView {
  readonly #successes = new Tally()
  readonly #failures = new Tally()
  readonly #created = new Tally()
  readonly #updated = new Tally()
  readonly #deleted = new Tally()
  readonly #errors = new Tally()
  readonly #logins = new Tally()
  readonly #newUsers = new Tally()
  readonly #subscriptions: readonly (() => void)[]

  /** @param before called before anything changes, so that a period that is over ends first */
  constructor(events: EventBus, before: () => void) {
    const add = (tally: Tally, name: string) => {
      before()
      tally.add(name)
    }
    this.#subscriptions = [
      events.on('auth:success', ({ strategy }) => add(this.#successes, strategy)),
      // A request without any credential is no attempt: a scan would make the rate of successes 0.
      events.on('auth:failure', ({ strategy }) => {
        if (strategy !== undefined) add(this.#failures, strategy)
      }),
      events.on('resource:created', ({ resource }) => add(this.#created, resource)),
      events.on('resource:updated', ({ resource }) => add(this.#updated, resource)),
      events.on('resource:deleted', ({ resource }) => add(this.#deleted, resource)),
      events.on('request:error', ({ error }) => add(this.#errors, typeOf(error))),
      events.on('user:login', ({ strategy }) => add(this.#logins, strategy)),
      events.on('user:created', () => add(this.#newUsers, 'user')),
    ]
  }

  reset(): void {
    const successes = this.#successes
    const failures = this.#failures
    const created = this.#created
    const updated = this.#updated
    const deleted = this.#deleted
    const errors = this.#errors
    const logins = this.#logins
    const newUsers = this.#newUsers
    for (const tally of [successes, failures, created, updated, deleted, errors, logins, newUsers])
      tally.reset()
  }

  read() {
    const successes = this.#successes
    const failures = this.#failures
    const created = this.#created
    const updated = this.#updated
    const deleted = this.#deleted
    const attempts = successes.total + failures.total
    return {
      auth: {
        total: attempts,
        success: successes.total,
        failure: failures.total,
        successRate: percent(successes.total, attempts),
        byMethod: byName([successes, failures], name => ({
          success: successes.of(name),
          failure: failures.of(name),
        })),
      },
      resources: {
        total: created.total + updated.total + deleted.total,
        created: created.total,
        updated: updated.total,
        deleted: deleted.total,
        byResource: byName([created, updated, deleted], name => ({
          created: created.of(name),
          updated: updated.of(name),
          deleted: deleted.of(name),
        })),
      },
      users: { logins: this.#logins.total, newUsers: this.#newUsers.total },
      errorsByType: byName([this.#errors], name => this.#errors.of(name)),
    }
  }

  dispose(): void {
    for (const end of this.#subscriptions) end()
  }
}
