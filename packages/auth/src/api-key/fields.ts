import {
  type Check,
  CidrSet,
  duration,
  flag,
  integer,
  list,
  object,
  optional,
  refuse,
  text,
} from '@palisade/core/middleware'
import type { Rate } from './record.js'
import { timeWindow } from './time-window.js'

const FAR = 8_640_000_000_000_000

/** Printable, without a space at its ends: what is shown in a list and written into logs. */
const label = (max: number) =>
  text({
    max,
    pattern: /^[^\s\p{C}](?:[^\p{C}\u2028\u2029]*[^\s\p{C}])?$/u,
    allowed: `1 to ${max} printable characters`,
  })

/** RFC 6749 section 3.3. */
const word = text({
  max: 200,
  pattern: /^[\x21\x23-\x5b\x5d-\x7e]+$/,
  allowed: 'a word of printable ASCII without spaces, " and \\',
})
const words = list(word, { max: 1000 })

/** A moment as ISO 8601 with an offset, or milliseconds since 1970. */
const moment: Check<number> = (value, at) => {
  const allowed = 'a moment such as "2030-01-31T12:00:00Z", or whole milliseconds since 1970'
  const isIso =
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(value)
  const ms = isIso ? Date.parse(value) : value
  return Number.isSafeInteger(ms) && (ms as number) > 0 && (ms as number) <= FAR
    ? (ms as number)
    : refuse(at, value, allowed)
}

const rate: Check<Rate> = object({
  limit: integer({ min: 1, max: 1_000_000_000 }),
  window: duration({ min: '1s', max: '366d' }),
})

const RATE = 'a rate such as { limit: 1000, window: "1h" }'

/** A key may be without what the others have. */
const ownRate: Check<Rate | false> = (value, at) => {
  if (value === false) return false
  if (value === null || typeof value !== 'object') return refuse(at, value, `${RATE}, or false for none`)
  return rate(value, at)
}

/** Of keys without a rate of their own: the option of `apiKeys`. */
export const defaultRate: Check<Rate | false | null> = (value, at) =>
  value === null ? null : ownRate(value, at)

export const DEFAULT_RATE: Rate = Object.freeze({ limit: 1000, window: 3_600_000 })

const networks: Check<readonly string[]> = (value, at) => {
  const ranges = list((range: unknown) => range as string, { min: 1, max: 1000 })(value, at)
  // Made for its refusal: it says what is wrong, and where.
  void new CidrSet(ranges, at)
  return ranges
}

/** What a key may be given when it is made. */
export const NEW_KEY = {
  name: label(100),
  description: optional(label(500)),
  owner: label(200),
  tenant: optional(label(200)),
  scopes: optional(words, []),
  roles: optional(words, []),
  permissions: optional(words, []),
  allowedCidrs: optional(networks),
  windows: optional(list(timeWindow, { min: 1, max: 50 })),
  notBefore: optional(moment),
  expiresAt: optional(moment),
  quota: optional(rate),
  rateLimit: optional(ownRate),
}

/** A field that `null` takes away. */
const clearable =
  <T>(check: Check<T>): Check<T | null | undefined> =>
  (value, at) =>
    value === null || value === undefined ? value : check(value, at)

/** What may be changed later: not whose it is. */
export const KEY_CHANGES = {
  name: optional(label(100)),
  description: clearable(label(500)),
  tenant: clearable(label(200)),
  scopes: optional(words),
  roles: optional(words),
  permissions: optional(words),
  allowedCidrs: clearable(networks),
  windows: clearable(list(timeWindow, { min: 1, max: 50 })),
  notBefore: clearable(moment),
  expiresAt: clearable(moment),
  quota: clearable(rate),
  rateLimit: clearable(ownRate),
  disabled: optional(flag),
}

export const ROTATION = { overlap: optional(duration({ min: 0, max: '90d' })) }

export const LIST_QUERY = {
  owner: optional(label(200)),
  cursor: optional(text({ pattern: /^[0-9A-Za-z]{16}$/, allowed: 'the "nextCursor" of the page before' })),
}
