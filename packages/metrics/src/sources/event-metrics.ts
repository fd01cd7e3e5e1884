import type { EventBus } from '@palisade/core'
import type { Registry } from '../series/registry.js'

/**
 * Counts the events of the other packages. No address, no user and no path is ever a label: labels
 * hold only names from the team's own code and configuration, within the registry's budget.
 *
 * Not counted: `request:start` and `request:end`, which the middleware sees itself, and
 * `shutdown:*`, which would never be scraped.
 *
 * @returns ends it
 */
export function countEvents(events: EventBus, registry: Registry): () => void {
  const counter = <Label extends string = never>(name: string, help: string, ...labels: Label[]) =>
    registry.counter<Label>({ name, help, labels })

  const denied = counter(
    'guards_denied_total',
    'Requests that a middleware or handler refused; in shadow they pass.',
    'by',
    'rule',
    'code',
    'mode',
  )
  const errors = counter(
    'http_request_errors_total',
    'Requests that a failure in a middleware or handler ended.',
    'type',
  )
  const successes = counter('auth_success_total', 'Requests that were authenticated.', 'strategy')
  const failures = counter('auth_failure_total', 'Requests whose credential was refused.', 'strategy')
  const limited = counter(
    'ratelimit_exceeded_total',
    'Requests over a limit, by its policy; in shadow they pass.',
    'policy',
    'mode',
  )
  const undecided = counter(
    'ratelimit_store_errors_total',
    'Decisions that the store of a limit could not make, and how they were made.',
    'decided',
  )
  const violations = counter('failban_violations_total', 'What spoke against clients.', 'source')
  const bans = counter('failban_bans_total', 'Bans; in shadow they refuse nobody.', 'jail', 'mode')
  const unbans = counter('failban_unbans_total', 'Bans that ended.', 'cause')
  const unkept = counter('failban_store_errors_total', 'Bans that could not be read or kept.', 'operation')
  const changes = counter('resource_changes_total', 'Changes of resources.', 'resource', 'change')
  const logins = counter('user_logins_total', 'Logins.', 'strategy')
  const users = counter('users_created_total', 'New users.')
  const health = counter('health_changes_total', 'Changes of readiness, by what it became.', 'status')

  const subscriptions = [
    events.on('decision:refused', ({ by = '', rule = '', code = '', enforced }) => {
      const mode = enforced ? 'enforce' : 'shadow'
      denied.inc({ by, rule, code, mode })
      if (LIMITS.has(by) && code === 'RATE_LIMITED') limited.inc({ policy: rule, mode })
    }),
    events.on('request:error', ({ error }) => errors.inc({ type: typeOf(error) })),
    events.on('auth:success', ({ strategy }) => successes.inc({ strategy })),
    events.on('auth:failure', ({ strategy = NO_STRATEGY }) => failures.inc({ strategy })),
    events.on('ratelimit:store-error', ({ policy }) => undecided.inc({ decided: policy })),
    events.on('security:violation', ({ source }) => violations.inc({ source })),
    events.on('security:banned', ({ jail, shadow }) =>
      bans.inc({ jail, mode: shadow ? 'shadow' : 'enforce' }),
    ),
    events.on('security:unbanned', ({ cause }) => unbans.inc({ cause })),
    events.on('security:store-error', ({ operation }) => unkept.inc({ operation })),
    events.on('resource:created', ({ resource }) => changes.inc({ resource, change: 'created' })),
    events.on('resource:updated', ({ resource }) => changes.inc({ resource, change: 'updated' })),
    events.on('resource:deleted', ({ resource }) => changes.inc({ resource, change: 'deleted' })),
    events.on('user:login', ({ strategy }) => logins.inc({ strategy })),
    events.on('user:created', () => users.inc()),
    events.on('health:changed', ({ status }) => health.inc({ status })),
  ]
  return () => {
    for (const end of subscriptions) end()
  }
}

/** A request that was refused for want of any credential names no strategy. */
export const NO_STRATEGY = 'none'

/** The class of an error, by the name that it gives itself. */
export function typeOf(error: unknown): string {
  return error instanceof Error ? String(error.name) : typeof error
}

/** The middlewares whose rule is the policy of a limit. */
const LIMITS: ReadonlySet<string> = new Set(['rate-limit', 'concurrency-limit'])
