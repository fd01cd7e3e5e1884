import { type Check, list, object, oneOf, optional, refuse, text } from '@palisade/core/middleware'

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

/**
 * Hours in which something is allowed. A window whose end is not after its beginning lasts over
 * midnight and belongs to the day on which it begins.
 */
export interface TimeWindow {
  /** Default: every day. */
  readonly days?: readonly (typeof DAYS)[number][] | undefined
  /** `08:00`, inclusive. */
  readonly from: string
  /** `18:00`, exclusive; `24:00` is the end of the day. */
  readonly to: string
  /** An IANA zone such as `Europe/Berlin`; daylight saving is followed. Default `UTC`. */
  readonly zone: string
}

const clockTime = text({
  pattern: /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/,
  allowed: 'a time of day such as "08:00"',
})
const zoneName: Check<string> = (value, at) => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text({ max: 60 })(value, at) }).resolvedOptions()
      .timeZone
  } catch {
    return refuse(at, value, 'an IANA time zone such as "Europe/Berlin"')
  }
}

export const timeWindow: Check<TimeWindow> = object({
  days: optional(list(oneOf(...DAYS), { min: 1, max: 7 })),
  from: clockTime,
  to: clockTime,
  zone: optional(zoneName, 'UTC'),
})

const DAY_MINUTES = 1440

/**
 * Whether the moment is in one of the windows. Made once for a key: formatting a zone is what
 * costs.
 */
export function compileWindows(windows: readonly TimeWindow[]): (now: number) => boolean {
  const compiled = windows.map(({ days, from, to, zone }) => ({
    days: days && new Set(days.map(day => DAYS.indexOf(day))),
    from: minutesOf(from),
    to: minutesOf(to),
    format: new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    }),
  }))
  return now =>
    compiled.some(({ days, from, to, format }) => {
      const { day, minute } = localTime(format, now)
      const isToday = days === undefined || days.has(day)
      if (from < to) return isToday && minute >= from && minute < to
      const wasYesterday = days === undefined || days.has((day + 6) % 7)
      return (isToday && minute >= from) || (wasYesterday && minute < to)
    })
}

function localTime(format: Intl.DateTimeFormat, now: number): { day: number; minute: number } {
  const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]))
  const day = DAYS.indexOf(String(parts['weekday']).toLowerCase() as (typeof DAYS)[number])
  return { day, minute: (Number(parts['hour']) * 60 + Number(parts['minute'])) % DAY_MINUTES }
}

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}
