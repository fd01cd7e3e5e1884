import { list, refuse, text } from '@palisade/core/middleware'
import { ALLOW, forbidden } from '../decision.js'
import { type NamedGuard, withFacts } from '../named-guard.js'
import type { Timed } from './require-fresh-login.js'
import { dayNamed, isWithin, weeklyWindow } from './weekly-window.js'

/**
 * Allows only in these hours of the week, as the wall clocks of a time zone show them:
 * `Mon-Fri 09:00-17:00`, `Sat,Sun 22:00-06:00`, or several. Needs no identity.
 *
 * A window includes its first minute and not its last; one over midnight belongs to the day on
 * which it begins; without days it is for every day. When clocks go forward, a window within the
 * hour that is left out does not happen; when they go back, the hour that is shown twice counts
 * twice.
 *
 *     during('Mon-Fri 09:00-17:00', 'Europe/Berlin')
 *
 * @param zone a name of the IANA time zone database, without default: a server's own zone is seldom
 * the team's
 * @throws ConfigError for what is no window or no zone
 */
export function during(windows: string | readonly string[], zone: string): NamedGuard<Timed> {
  const owner = 'during'
  const at = { owner, option: 'windows' }
  const intervals = Array.isArray(windows)
    ? list(weeklyWindow, { min: 1, max: 100 })(windows, at).flat()
    : weeklyWindow(windows, at)
  const format = formatOf(zone)
  const outside = forbidden(`now is outside of ${[windows].flat().join(', ')} ${zone}`, {
    message: 'Access is not allowed at this time',
  })
  // Reading a wall clock costs microseconds and changes its answer once a minute.
  let lastMinute = Number.NaN
  let isOpen = false

  return withFacts(
    ({ services }: Timed) => {
      const now = services.clock.now()
      const minute = Math.floor(now / 60_000)
      if (minute !== lastMinute) {
        const { day, minuteOfDay } = wallClock(format, now)
        isOpen = isWithin(intervals, day, minuteOfDay)
        lastMinute = minute
      }
      return isOpen ? ALLOW : outside
    },
    { name: owner, needs: [] },
  )
}

function formatOf(zone: unknown): Intl.DateTimeFormat {
  const at = { owner: 'during', option: 'zone' }
  const allowed = 'a time zone such as "Europe/Berlin" or "UTC"'
  const timeZone = text({ max: 100, allowed })(zone, at)
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch {
    return refuse(at, zone, allowed)
  }
}

/** @throws RangeError when the clock shows no time */
function wallClock(format: Intl.DateTimeFormat, now: number): { day: number; minuteOfDay: number } {
  let day = -1
  let minuteOfDay = 0
  for (const { type, value } of format.formatToParts(now)) {
    if (type === 'weekday') day = dayNamed(value)
    else if (type === 'hour') minuteOfDay += Number(value) * 60
    else if (type === 'minute') minuteOfDay += Number(value)
  }
  return { day, minuteOfDay }
}
