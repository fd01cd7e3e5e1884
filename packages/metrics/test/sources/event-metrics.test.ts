import type { EventName, Identity, PalisadeEvents } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { samplesOf, stand } from '../support/stand.js'

const facts = { requestId: 'r', method: 'GET', path: '/secret/path' }
const ip = '203.0.113.9'
const identity: Identity = {
  subject: 'user-7',
  method: 'jwt',
  scopes: new Set(),
  roles: new Set(),
  claims: {},
}
const ban = { ip, jail: 'scan', reason: 'x', expiresAt: null }

const refused: PalisadeEvents['decision:refused'] = {
  ...facts,
  ip,
  by: undefined,
  rule: undefined,
  decision: 'refuse',
  enforced: true,
  status: 403,
  code: 'FORBIDDEN',
  reason: 'user-7 is on the list',
  key: ip,
  subject: 'user-7',
  route: undefined,
}

/** Every event that is counted, and the series that it counts. */
const counted: { [N in EventName]?: readonly (readonly [PalisadeEvents[N], readonly string[]])[] } = {
  'request:error': [
    [{ ...facts, error: new RangeError('x'), by: 'auth' }, ['http_request_errors_total{type="RangeError"}']],
    [{ ...facts, error: null, by: 'auth' }, ['http_request_errors_total{type="object"}']],
  ],
  'decision:refused': [
    [
      { ...refused, by: 'guard', rule: 'admins' },
      ['guards_denied_total{by="guard",rule="admins",code="FORBIDDEN",mode="enforce"}'],
    ],
    [refused, ['guards_denied_total{code="FORBIDDEN",mode="enforce"}']],
    [
      { ...refused, by: 'rate-limit', rule: 'minute', code: 'RATE_LIMITED', enforced: false },
      [
        'guards_denied_total{by="rate-limit",rule="minute",code="RATE_LIMITED",mode="shadow"}',
        'ratelimit_exceeded_total{policy="minute",mode="shadow"}',
      ],
    ],
    [
      { ...refused, by: 'concurrency-limit', rule: 'slow', code: 'RATE_LIMITED' },
      [
        'guards_denied_total{by="concurrency-limit",rule="slow",code="RATE_LIMITED",mode="enforce"}',
        'ratelimit_exceeded_total{policy="slow",mode="enforce"}',
      ],
    ],
    [
      { ...refused, by: 'rate-limit', rule: 'minute', code: 'BAD_REQUEST' },
      ['guards_denied_total{by="rate-limit",rule="minute",code="BAD_REQUEST",mode="enforce"}'],
    ],
  ],
  'auth:success': [[{ ...facts, strategy: 'jwt', identity }, ['auth_success_total{strategy="jwt"}']]],
  'auth:failure': [
    [
      { ...facts, strategy: 'jwt', reason: 'expired', ip, subject: 'user-7' },
      ['auth_failure_total{strategy="jwt"}'],
    ],
    [
      { ...facts, strategy: undefined, reason: 'missing', ip, subject: undefined },
      ['auth_failure_total{strategy="none"}'],
    ],
  ],
  'user:created': [[{ subject: 'user-7' }, ['users_created_total']]],
  'user:login': [[{ subject: 'user-7', strategy: 'oidc', ip }, ['user_logins_total{strategy="oidc"}']]],
  'ratelimit:store-error': [
    [{ error: new Error('x'), policy: 'local' }, ['ratelimit_store_errors_total{decided="local"}']],
  ],
  'security:violation': [
    [{ source: 'auth', weight: 1, key: ip, bannable: true }, ['failban_violations_total{source="auth"}']],
  ],
  'security:banned': [
    [
      { ...ban, violations: 3, banCount: 1, shadow: false },
      ['failban_bans_total{jail="scan",mode="enforce"}'],
    ],
    [{ ...ban, violations: 3, banCount: 1, shadow: true }, ['failban_bans_total{jail="scan",mode="shadow"}']],
  ],
  'security:unbanned': [
    [{ ip, jail: 'scan', expiresAt: null, cause: 'manual' }, ['failban_unbans_total{cause="manual"}']],
  ],
  'security:store-error': [
    [{ error: new Error('x'), operation: 'save' }, ['failban_store_errors_total{operation="save"}']],
  ],
  'resource:created': [
    [{ resource: 'orders' }, ['resource_changes_total{resource="orders",change="created"}']],
  ],
  'resource:updated': [
    [{ resource: 'orders' }, ['resource_changes_total{resource="orders",change="updated"}']],
  ],
  'resource:deleted': [
    [{ resource: 'orders' }, ['resource_changes_total{resource="orders",change="deleted"}']],
  ],
  'health:changed': [
    [{ status: 'unhealthy', previous: 'healthy', failing: [] }, ['health_changes_total{status="unhealthy"}']],
  ],
}

const cases = Object.entries(counted).flatMap(([name, all]) =>
  all.map(([payload, series]) => [name as EventName, payload as never, series] as const),
)

describe('events as counters', () => {
  it.each(cases)(
    'given %s, then it is counted, without address, user or path',
    async (name, payload, series) => {
      const { metrics, events } = stand()
      const before = samplesOf(await metrics.text())
      events.emit(name, payload)
      const text = await metrics.text()
      const after = samplesOf(text)
      const changed = [...after].filter(([one, value]) => (before.get(one) ?? '0') !== value)
      expect(changed).toEqual(series.map(one => [one, '1']))
      expect(text).not.toMatch(/203\.0\.113\.9|user-7|secret/)
    },
  )

  it('given nobody else listens to the start and end of requests, then this package does not make them be told', () => {
    const { events } = stand()
    expect(events.has('request:start') || events.has('request:end')).toBe(false)
  })

  it('given values that grow without end, then the counters stay within the budget of all', async () => {
    const { metrics, events } = stand({ maxSeries: 30 })
    for (let i = 0; i < 1000; i++)
      events.emit('security:violation', { source: `s${i}`, weight: 1, key: ip, bannable: true })
    const samples = samplesOf(await metrics.text())
    const series = [...samples].filter(([name]) => name.startsWith('failban_violations_total'))
    expect(series).toHaveLength(31)
    expect(samples.get('failban_violations_total{source="_overflow"}')).toBe('970')
    expect(samples.get('metrics_series_dropped_total')).toBe('970')
  })
})

describe('process metrics', () => {
  it('given process: true, then CPU, memory, heap and start are there', async () => {
    const samples = samplesOf(await stand({ process: true }).metrics.text())
    for (const name of [
      'process_cpu_seconds_total',
      'process_start_time_seconds',
      'process_resident_memory_bytes',
      'nodejs_heap_size_used_bytes',
      'nodejs_heap_size_total_bytes',
    ])
      expect(Number(samples.get(name)), name).toBeGreaterThan(0)
  })

  it('given nothing was said, then they are not', async () => {
    expect(await stand().metrics.text()).not.toMatch(/process_|nodejs_/)
  })
})
