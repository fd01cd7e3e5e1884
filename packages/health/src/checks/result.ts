import type { CheckFacts, CheckVerdict } from './check.js'

/** What came of one run of a check. */
export interface CheckResult {
  readonly healthy: boolean
  /** How long the run took, in milliseconds. */
  readonly latencyMs: number
  /** When the run ended, milliseconds since 1970. */
  readonly at: number
  /** Why it is unhealthy. Shown only to clients that may see details: it may name hosts. */
  readonly error: string | undefined
  readonly facts: CheckFacts
}

const NO_FACTS: CheckFacts = Object.freeze({})
const MOST_FACTS = 16
const LONGEST = 200

/** What a verdict means, without its times. Anything that is no verdict is unhealthy. */
export function judge(verdict: CheckVerdict): Pick<CheckResult, 'healthy' | 'error' | 'facts'> {
  if (verdict === undefined || verdict === true) return { healthy: true, error: undefined, facts: NO_FACTS }
  if (verdict === false) return { healthy: false, error: 'the check says it is unhealthy', facts: NO_FACTS }
  if (typeof verdict !== 'object' || verdict === null || typeof verdict.healthy !== 'boolean') {
    const error = `the check returned ${verdict === null ? 'null' : typeof verdict}; allowed: a boolean, nothing, or { healthy: boolean }`
    return { healthy: false, error, facts: NO_FACTS }
  }
  const { healthy, error, ...facts } = verdict as { healthy: boolean; error?: unknown }
  const reason = typeof error === 'string' ? cut(error) : 'the check says it is unhealthy'
  return { healthy, error: healthy ? undefined : reason, facts: bounded(facts) }
}

const UNTOLD = 'failed without a message'

/** The text of what a check threw, on one line and bounded. Never throws, whatever was thrown. */
export function messageOf(error: unknown): string {
  try {
    return textOf(error) ?? UNTOLD
  } catch {
    return UNTOLD
  }
}

function textOf(error: unknown): string | undefined {
  const { message, code, errors } = (error ?? {}) as { message?: unknown; code?: unknown; errors?: unknown }
  if (typeof message === 'string' && message !== '') return cut(message)
  // Node's AggregateError for a host with several addresses has no message of its own.
  if (Array.isArray(errors) && errors.length > 0) return textOf(errors[0])
  return typeof code === 'string' ? cut(code) : undefined
}

function bounded(given: Readonly<Record<string, unknown>>): CheckFacts {
  const facts: Record<string, string | number | boolean | null> = {}
  for (const [name, value] of Object.entries(given).slice(0, MOST_FACTS)) {
    if (typeof value === 'string') facts[cut(name)] = cut(value)
    else if (typeof value === 'number' || typeof value === 'boolean' || value === null)
      facts[cut(name)] = value
  }
  return facts
}

function cut(value: string): string {
  const line = value.slice(0, LONGEST + 1).replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line
}
