import { type Check, refuse } from './check.js'

declare const unit: unique symbol

/** A length of time in milliseconds that has been checked. */
export type Milliseconds = number & { readonly [unit]: 'ms' }

/**
 * How options say a length of time: `'250ms'`, `'30s'`, `'10m'`, `'1h30m'`, `'7d'`, `'2w'`, or a
 * number of milliseconds.
 */
export type Duration = string | number

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const FORM = /^(?:\d{1,15}(?:\.\d{1,3})?(?:ms|[smhdw]))+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g

/**
 * The milliseconds that a duration stands for, or `undefined` if it stands for none. Units may be
 * joined, `1h30m`; nothing else may.
 */
export function parseDuration(value: unknown): Milliseconds | undefined {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && value >= 0 ? (value as Milliseconds) : undefined
  if (typeof value !== 'string' || value.length > 64 || !FORM.test(value)) return undefined
  let total = 0
  for (const [, amount = '', name = ''] of value.matchAll(PART))
    total += Number(amount) * (UNITS[name] ?? Number.NaN)
  const rounded = Math.round(total)
  return Number.isSafeInteger(rounded) ? (rounded as Milliseconds) : undefined
}

/** An option that is a duration, within limits that are durations themselves. */
export function duration(limits: { min?: Duration; max?: Duration } = {}): Check<Milliseconds> {
  const { min = 1, max = '3650d' } = limits
  const least = parseDuration(min) ?? 0
  const most = parseDuration(max) ?? Number.MAX_SAFE_INTEGER
  return (value, at) => {
    const parsed = parseDuration(value)
    if (parsed === undefined || parsed < least || parsed > most) {
      return refuse(
        at,
        value,
        `a duration such as "250ms", "10m", "1h30m" or "7d", or whole milliseconds, from ${show(min)} to ${show(max)}`,
      )
    }
    return parsed
  }
}

const show = (value: Duration) => (typeof value === 'number' ? `${value}ms` : value)
