import type { EventBus } from '@palisade/core'
import { percent } from '../http/json-view.js'
import type { Registry } from '../series/registry.js'
import { Tally } from './tally.js'

/**
 * What the other packages tell over the event bus, as counters and for the JSON view. No address, no user and no path is ever a label: only what the
 * team's own configuration names, and that within the registry's budget.
 */
export class EventMetrics {
  private readonly authSuccess = new Tally()
  private readonly authFailure = new Tally()
  private readonly created = new Tally()
  private readonly updated = new Tally()
  private readonly deleted = new Tally()
  private readonly errors = new Tally()
  private logins = 0
  private newUsers = 0

  constructor(events: EventBus, registry: Registry, signal: AbortSignal) {
    const denied = registry.counter({
      name: 'guards_denied_total',
      help: 'Requests that a middleware or guard refused.',
      labels: ['by', 'code'],
    })
    const errors = registry.counter({
      name: 'http_request_errors_total',
      help: 'Requests that ended in a middleware or handler failure.',
      labels: ['type'],
    })
    const limited = registry.counter({
      name: 'ratelimit_exceeded_total',
      help: 'Refusals by rate limit policies.',
      labels: ['policy'],
    })
    const storeErrors = registry.counter({
      name: 'ratelimit_store_errors_total',
      help: 'Limits decided without their store.',
      labels: ['decided'],
    })
    const success = registry.counter({
      name: 'auth_success_total',
      help: 'Requests that were authenticated.',
      labels: ['strategy'],
    })
    const failure = registry.counter({
      name: 'auth_failure_total',
      help: 'Requests whose credential was refused.',
      labels: ['strategy'],
    })
    const violations = registry.counter({
      name: 'failban_violations_total',
      help: 'What spoke against clients.',
      labels: ['source'],
    })
    const bans = registry.counter({ name: 'failban_bans_total', help: 'Bans.', labels: ['jail'] })
    const unbans = registry.counter({
      name: 'failban_unbans_total',
      help: 'Bans that were lifted or ran out.',
      labels: ['cause'],
    })
    const on: EventBus['on'] = (pattern, listener) => events.on(pattern, listener, { signal })

    on('request:denied', ({ by, code }) => denied.inc({ by: by ?? '', code }))
    on('request:error', ({ error }) => {
      const type = error instanceof Error ? error.name : typeof error
      errors.inc({ type })
      this.errors.add(type)
    })
    on('ratelimit:exceeded', ({ policies }) => {
      for (const policy of policies) limited.inc({ policy })
    })
    on('ratelimit:store-error', ({ policy }) => storeErrors.inc({ decided: policy }))
    on('auth:success', ({ strategy }) => {
      success.inc({ strategy })
      this.authSuccess.add(strategy)
    })
    on('auth:failure', ({ strategy = 'none' }) => {
      failure.inc({ strategy })
      this.authFailure.add(strategy)
    })
    on('security:violation', ({ source }) => violations.inc({ source }))
    on('security:banned', ({ jail }) => bans.inc({ jail }))
    on('security:unbanned', ({ cause }) => unbans.inc({ cause }))
    on('resource:created', ({ resource }) => this.created.add(resource))
    on('resource:updated', ({ resource }) => this.updated.add(resource))
    on('resource:deleted', ({ resource }) => this.deleted.add(resource))
    on('user:login', () => void this.logins++)
    on('user:created', () => void this.newUsers++)
  }

  reset(): void {
    for (const tally of [
      this.authSuccess,
      this.authFailure,
      this.created,
      this.updated,
      this.deleted,
      this.errors,
    ])
      tally.reset()
    this.logins = 0
    this.newUsers = 0
  }

  read() {
    const { authSuccess, authFailure, created, updated, deleted } = this
    const attempts = authSuccess.total + authFailure.total
    return {
      auth: {
        total: attempts,
        success: authSuccess.total,
        failure: authFailure.total,
        successRate: percent(authSuccess.total, attempts),
        byMethod: named([authSuccess, authFailure], name => ({
          success: authSuccess.of(name),
          failure: authFailure.of(name),
        })),
      },
      resources: {
        total: created.total + updated.total + deleted.total,
        created: created.total,
        updated: updated.total,
        deleted: deleted.total,
        byResource: named([created, updated, deleted], name => ({
          created: created.of(name),
          updated: updated.of(name),
          deleted: deleted.of(name),
        })),
      },
      users: { logins: this.logins, newUsers: this.newUsers },
      errorsByType: named([this.errors], name => this.errors.of(name)),
    }
  }
}

function named<T>(tallies: readonly Tally[], value: (name: string) => T): Readonly<Record<string, T>> {
  const names = new Set(tallies.flatMap(tally => tally.names()))
  return Object.fromEntries([...names].map(name => [name, value(name)]))
}
