import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE, yard } from '../support/yard.js'

const A = '203.0.113.9'
const JAILS = [{ name: 'auth', sources: ['auth'], threshold: 1, window: '10m', ban: '10m' }]

/**
 * Bans the address again and again, each time as soon as the ban before is over, and says how long
 * each one was.
 */
async function durations(times: number, escalate: object, pauseMs = 0) {
  const place = yard({ jails: JAILS, escalate })
  const found: number[] = []
  for (let i = 0; i < times; i++) {
    await place.offend(A)
    const ban = place.bans.find(A)
    const length = (ban?.expiresAt ?? 0) - (ban?.bannedAt ?? 0)
    found.push(length / MINUTE)
    place.clock.advance(length + pauseMs)
  }
  return { ...place, found }
}

describe('given a client that comes back', () => {
  it('when each ban is over, then the next one is longer by the factor, up to the maximum', async () => {
    const { found } = await durations(5, { factor: 4, max: '1d' })
    expect(found).toEqual([10, 40, 160, 640, 1440])
  })

  it('when there is no escalation, then all bans are as long, and counted all the same', async () => {
    const place = yard({ jails: JAILS })
    for (let i = 1; i <= 3; i++) {
      await place.offend(A)
      expect(place.bans.find(A)).toMatchObject({ banCount: i, expiresAt: place.clock.now() + 10 * MINUTE })
      place.clock.advance(10 * MINUTE)
    }
  })

  it('when there is jitter, then the share that chance gives is added, beyond the maximum too', async () => {
    expect((await durations(3, { factor: 4, max: '1h', jitter: '2m', random: () => 0.5 })).found).toEqual([
      11, 41, 61,
    ])
    expect((await durations(1, { jitter: '2m', random: () => 0 })).found).toEqual([10])
  })

  it.each([Number.NaN, -1, 7, Number.POSITIVE_INFINITY])(
    'when chance gives %d, which is none, then the ban is still within its limits',
    async chance => {
      const { found } = await durations(1, { jitter: '2m', random: () => chance })
      expect(found[0]).toBeGreaterThanOrEqual(10)
      expect(found[0]).toBeLessThanOrEqual(12)
    },
  )

  it('when chance is not injected, then it stays below the jitter', async () => {
    const { found } = await durations(1, { jitter: '2m' })
    expect(found[0]).toBeGreaterThanOrEqual(10)
    expect(found[0]).toBeLessThan(12)
  })

  it('when it was quiet for a week, then one ban is forgiven, and counted still', async () => {
    const { found, bans, offend, clock } = await durations(3, { factor: 4, max: '30d', memory: '60d' })
    expect(found).toEqual([10, 40, 160])
    clock.advance(2 * 7 * DAY - 1)
    await offend(A)
    expect(bans.find(A)).toMatchObject({ banCount: 4, expiresAt: clock.now() + 160 * MINUTE })
    clock.advance(160 * MINUTE + 4 * 7 * DAY)
    await offend(A)
    expect(bans.find(A)).toMatchObject({ banCount: 5, expiresAt: clock.now() + 10 * MINUTE })
  })

  it('when the memory has run out, then it begins anew', async () => {
    const { bans, offend, clock } = await durations(3, { factor: 4, max: '30d', memory: '1d' })
    clock.advance(DAY - 165 * MINUTE)
    await offend(A)
    expect(bans.find(A)).toMatchObject({ banCount: 2, expiresAt: clock.now() + 40 * MINUTE })
  })

  it('when it has been banned more than 20 times, then nothing overflows', async () => {
    const { found, bans } = await durations(30, { factor: 100, max: '3650d', memory: '3650d' }, 1)
    expect(Math.max(...found)).toBe((3650 * DAY) / MINUTE)
    expect(bans.stats().activeBans).toBeLessThanOrEqual(1)
  })

  it('when a person lifts the ban, then the next one is a first one', async () => {
    const { bans, offend, clock } = await durations(2, { factor: 4, max: '1d' })
    await offend(A)
    expect(bans.find(A)?.banCount).toBe(3)
    await bans.unban(A)
    await offend(A)
    expect(bans.find(A)).toMatchObject({ banCount: 1, expiresAt: clock.now() + 10 * MINUTE })
  })

  it('when another jail bans it, then that counts for itself', async () => {
    const { bans, offend, clock } = yard({
      jails: [...JAILS, { name: 'scan', sources: ['probe'], threshold: 1, window: '1m', ban: '1h' }],
      escalate: { factor: 4, max: '1d' },
    })
    await offend(A, 1, 'auth')
    clock.advance(10 * MINUTE)
    await offend(A, 1, 'probe')
    expect(bans.find(A)).toMatchObject({ jail: 'scan', banCount: 1, expiresAt: clock.now() + HOUR })
  })
})
