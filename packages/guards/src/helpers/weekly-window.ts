import { type Check, refuse } from '@palisade/core/middleware'

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const DAY = 1440
const WEEK = 7 * DAY
const FORM = /^(?:(?<days>[a-z]{3}(?:[-,][a-z]{3})*) )?(?<h1>\d\d):(?<m1>\d\d)-(?<h2>\d\d):(?<m2>\d\d)$/i
const ALLOWED =
  'a window such as "Mon-Fri 09:00-17:00", "Sat,Sun 22:00-06:00" or "00:00-24:00", that begins and ends at different times'

/**
 * Minutes of the week, counted from Monday 00:00: from `start` until before `end`, which lies past
 * the week's when it goes on into Monday.
 */
export interface Interval {
  readonly start: number
  readonly end: number
}

/** An option that is a weekly window; one over midnight belongs to the day on which it begins. */
export const weeklyWindow: Check<readonly Interval[]> = (value, at) => {
  const parts = typeof value === 'string' && value.length <= 100 ? FORM.exec(value)?.groups : undefined
  const days = parts === undefined ? undefined : daysOf(parts['days'])
  if (parts === undefined || days === undefined) return refuse(at, value, ALLOWED)
  const start = timeOf(parts['h1'], parts['m1'])
  const end = timeOf(parts['h2'], parts['m2'])
  // Equal ends may mean never or always; who means always writes 24:00.
  if (!(start < DAY) || !(end <= DAY) || start === end) return refuse(at, value, ALLOWED)
  const length = end > start ? end - start : end + DAY - start
  return days.map(day => ({ start: day * DAY + start, end: day * DAY + start + length }))
}

export function isWithin(intervals: readonly Interval[], day: number, minute: number): boolean {
  const now = day * DAY + minute
  return intervals.some(
    ({ start, end }) => (now >= start && now < end) || (now + WEEK >= start && now + WEEK < end),
  )
}

/** 0 for Monday; -1 for what is no day. */
export const dayNamed = (name: string): number => DAYS.indexOf(name.toLowerCase())

/** `Mon-Fri`, `Sat,Sun`, `Fri-Mon`, `Mon-Wed,Sat`; every day when nothing is said. */
function daysOf(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return DAYS.map((_, i) => i)
  const days = new Set<number>()
  for (const part of text.split(',')) {
    const [first = -1, last = first, ...more] = part.split('-').map(dayNamed)
    if (first < 0 || last < 0 || more.length > 0) return undefined
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === last) break
    }
  }
  return [...days]
}

function timeOf(hours: string | undefined, minutes: string | undefined): number {
  const minute = Number(minutes)
  return minute < 60 ? Number(hours) * 60 + minute : Number.NaN
}
