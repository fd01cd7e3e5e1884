import type { Decision } from '@palisade/core/middleware'
import { fakeClock } from '@palisade/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check, during } from '../../src/index.js'

const isOpen = (windows: string | readonly string[], zone: string, time: string) =>
  (check(during(windows, zone), { services: { clock: fakeClock(Date.parse(time)) } }) as Decision).allow

describe('given a weekly window when the clock shows a time', () => {
  // 2026-01-07 is a Wednesday.
  const vectors: readonly [windows: string | readonly string[], zone: string, time: string, open: boolean][] =
    [
      ['Mon-Fri 09:00-17:00', 'UTC', '2026-01-07T08:59:59.999Z', false],
      ['Mon-Fri 09:00-17:00', 'UTC', '2026-01-07T09:00:00Z', true],
      ['Mon-Fri 09:00-17:00', 'UTC', '2026-01-07T16:59:59.999Z', true],
      ['Mon-Fri 09:00-17:00', 'UTC', '2026-01-07T17:00:00Z', false],
      ['Mon-Fri 09:00-17:00', 'UTC', '2026-01-10T12:00:00Z', false],
      ['mon-FRI 09:00-17:00', 'UTC', '2026-01-07T09:00:00Z', true],
      ['Mon,Wed 00:00-24:00', 'UTC', '2026-01-07T23:59:59Z', true],
      ['Mon,Wed 00:00-24:00', 'UTC', '2026-01-08T00:00:00Z', false],
      ['Mon-Tue,Fri 00:00-24:00', 'UTC', '2026-01-09T00:00:00Z', true],
      ['Fri-Mon 00:00-24:00', 'UTC', '2026-01-11T12:00:00Z', true],
      ['Fri-Mon 00:00-24:00', 'UTC', '2026-01-13T12:00:00Z', false],
      ['00:00-24:00', 'UTC', '2026-01-07T00:00:00Z', true],
      [['Sat 10:00-12:00', 'Wed 10:00-12:00'], 'UTC', '2026-01-07T11:00:00Z', true],
      // Over midnight, and over the end of the week.
      ['Fri 22:00-06:00', 'UTC', '2026-01-09T22:00:00Z', true],
      ['Fri 22:00-06:00', 'UTC', '2026-01-10T05:59:00Z', true],
      ['Fri 22:00-06:00', 'UTC', '2026-01-10T06:00:00Z', false],
      ['Fri 22:00-06:00', 'UTC', '2026-01-09T05:00:00Z', false],
      ['Sun 22:00-06:00', 'UTC', '2026-01-12T05:59:00Z', true],
      ['Sun 22:00-06:00', 'UTC', '2026-01-12T06:00:00Z', false],
      ['22:00-06:00', 'UTC', '2026-01-07T03:00:00Z', true],
      ['22:00-06:00', 'UTC', '2026-01-07T12:00:00Z', false],
      // By the wall clocks of the zone, in winter and in summer.
      ['Mon-Fri 09:00-17:00', 'Europe/Berlin', '2026-01-07T08:00:00Z', true],
      ['Mon-Fri 09:00-17:00', 'Europe/Berlin', '2026-01-07T07:59:59Z', false],
      ['Mon-Fri 09:00-17:00', 'Europe/Berlin', '2026-07-08T07:00:00Z', true],
      ['Mon-Fri 09:00-17:00', 'Europe/Berlin', '2026-07-08T15:00:00Z', false],
      ['Wed 00:00-24:00', 'Pacific/Auckland', '2026-01-06T11:30:00Z', true],
      ['09:00-10:00', 'Asia/Kathmandu', '2026-01-07T03:15:00Z', true],
      ['09:00-10:00', 'Asia/Kathmandu', '2026-01-07T03:14:59Z', false],
      // 2026-03-29: 02:00 to 03:00 is left out in Berlin.
      ['02:00-03:00', 'Europe/Berlin', '2026-03-29T00:59:59Z', false],
      ['02:00-03:00', 'Europe/Berlin', '2026-03-29T01:00:00Z', false],
      ['03:00-04:00', 'Europe/Berlin', '2026-03-29T01:00:00Z', true],
      // 2026-10-25: 02:00 to 03:00 is shown twice.
      ['02:00-03:00', 'Europe/Berlin', '2026-10-25T00:30:00Z', true],
      ['02:00-03:00', 'Europe/Berlin', '2026-10-25T01:30:00Z', true],
      ['02:00-03:00', 'Europe/Berlin', '2026-10-25T02:00:00Z', false],
    ]
  test.each(vectors)('%j in %s at %s then open is %s', (windows, zone, time, open) => {
    expect(isOpen(windows, zone, time)).toBe(open)
  })

  test('that moves, also back, then the answer follows', () => {
    const clock = fakeClock(Date.parse('2026-01-07T08:59:59Z'))
    const guard = during('09:00-10:00', 'UTC')
    const open = () => (check(guard, { services: { clock } }) as Decision).allow
    expect(open()).toBe(false)
    clock.advance(1000)
    expect(open()).toBe(true)
    clock.set(Date.parse('2026-01-07T08:59:59Z'))
    expect(open()).toBe(false)
  })

  test('that is no time then it is an error and no answer', () => {
    expect(() => check(during('00:00-24:00', 'UTC'), { services: { clock: fakeClock(Number.NaN) } })).toThrow(
      RangeError,
    )
  })

  test('any window and any minute in UTC then it agrees with the days counted by hand', () => {
    const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
    const two = (n: number) => String(n).padStart(2, '0')
    const time = (minute: number) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 0, max: 1439 }),
        fc.integer({ min: 0, max: 1440 }),
        fc.integer({ min: 0, max: 60 * 24 * 400 }),
        (day, start, end, minute) => {
          fc.pre(start !== end)
          const now = new Date(Date.UTC(2026, 0, 1) + minute * 60_000)
          const today = now.getUTCDay()
          const minuteOfDay = now.getUTCHours() * 60 + now.getUTCMinutes()
          const expected =
            end > start
              ? today === day && minuteOfDay >= start && minuteOfDay < end
              : (today === day && minuteOfDay >= start) || (today === (day + 1) % 7 && minuteOfDay < end)
          expect(isOpen(`${days[day]} ${time(start)}-${time(end)}`, 'UTC', now.toISOString())).toBe(expected)
        },
      ),
      { numRuns: 500 },
    )
  })
})
