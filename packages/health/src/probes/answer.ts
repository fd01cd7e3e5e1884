import { preferred, Reply } from '@palisade/core/middleware'
import type { CheckResult } from '../checks/result.js'
import { type CheckReport, type HealthReport, type HealthStatus, isHealthy } from './panel.js'

export interface Facts {
  readonly report: HealthReport
  /** Milliseconds since 1970. */
  readonly now: number
  readonly uptimeMs: number
  /** What the caller may see of the checks. */
  readonly details: Details
  /** Whether the probe is about readiness, which its body then says in so many words. */
  readonly readiness: boolean
}

/** Nothing; the checks without the texts of their errors; or all. */
export type Details = 'none' | 'checks' | 'errors'

/** What a caller without details sees of them: neither names nor texts. */
export function answer(facts: Facts, form: 'plain' | 'health+json'): Reply {
  const isHealthJson = form === 'health+json'
  const type = isHealthJson ? 'application/health+json' : 'application/json; charset=utf-8'
  const body = isHealthJson ? healthJson(facts) : plain(facts)
  const headers = { 'Content-Type': type, 'Cache-Control': 'no-store', Vary: 'Accept' }
  return new Reply(isUp(facts.report.status) ? 200 : 503, headers, JSON.stringify(body))
}

const isUp = (status: HealthStatus) => status === 'healthy' || status === 'degraded'

function plain({ report, now, uptimeMs, details, readiness }: Facts): object {
  return {
    status: report.status,
    ...(readiness && { ready: isUp(report.status) }),
    timestamp: new Date(now).toISOString(),
    uptime: Math.floor(uptimeMs / 1000),
    ...(details !== 'none' && {
      checks: Object.fromEntries(report.checks.map(one => [one.check.name, entry(one, details)])),
    }),
  }
}

function entry(report: CheckReport, details: Details): object {
  const { check, result } = report
  return {
    ...result?.facts,
    status: isHealthy(report) ? 'healthy' : 'unhealthy',
    latency_ms: result === undefined ? null : latency(result),
    ...(check.optional && { optional: true }),
    ...(details === 'errors' && !isHealthy(report) && { error: errorOf(result) }),
  }
}

/** The form of draft-inadarei-api-health-check-06. */
function healthJson({ report, now, uptimeMs, details }: Facts): object {
  const measured = report.checks.map(one => [
    `${one.check.name}:responseTime`,
    [measurement(one, now, details)],
  ])
  const uptime = {
    componentType: 'system',
    observedValue: Math.floor(uptimeMs / 1000),
    observedUnit: 's',
    status: 'pass',
    time: new Date(now).toISOString(),
  }
  return {
    status: { healthy: 'pass', degraded: 'warn', unhealthy: 'fail', draining: 'fail' }[report.status],
    ...(report.status === 'draining' && { output: 'draining' }),
    ...(details !== 'none' && { checks: { uptime: [uptime], ...Object.fromEntries(measured) } }),
  }
}

function measurement(report: CheckReport, now: number, details: Details): object {
  const { check, result } = report
  return {
    ...result?.facts,
    status: isHealthy(report) ? 'pass' : check.optional ? 'warn' : 'fail',
    time: new Date(result?.at ?? now).toISOString(),
    ...(result && { observedValue: latency(result), observedUnit: 'ms' }),
    ...(details === 'errors' && !isHealthy(report) && { output: errorOf(result) }),
  }
}

const latency = ({ latencyMs }: CheckResult) => Math.round(latencyMs * 10) / 10

const errorOf = (result: CheckResult | undefined) => result?.error ?? 'no answer yet'

const PLAIN = 'application/json'
const HEALTH = 'application/health+json'
const LONGEST_ACCEPT = 1024

/** `application/health+json` is the form for clients that name it, unless they want JSON more. */
export function formOf(accept: string | undefined): 'plain' | 'health+json' {
  if (accept === undefined || accept.trim() === '' || accept.length > LONGEST_ACCEPT) return 'plain'
  const form = preferred(accept, [HEALTH, PLAIN], { onlyNamed: [HEALTH] })
  return form === HEALTH ? 'health+json' : 'plain'
}
