import { pipeline, Reply, RequestError, trustedProxies } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { banAdmin, type FailbanOptions, failban, violation } from '../src/index.js'
import { HOUR, MINUTE, NOW } from './support/yard.js'

const A = '203.0.113.9'
const logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Bans, a login behind them whose password is `right`, and the admin API behind that. */
function stand(options: FailbanOptions = {}) {
  const clock = fakeClock(NOW)
  const bans = failban({ escalate: { factor: 4 }, ...options } as FailbanOptions)
  const edge = pipeline({ clock, logger, trust: trustedProxies(['10.0.0.0/8']) })
    .use(bans)
    .use({
      name: 'login',
      onRequest(ctx) {
        if (ctx.header('x-password') === 'right') return
        violation(ctx, { source: ctx.header('x-source') ?? 'auth' })
        throw new RequestError(401, 'Who are you?')
      },
    })
    .use(banAdmin(bans, { path: '/admin/security', authorize: () => true }))
  let banned = 0
  edge.events.on('security:banned', () => banned++)
  const visit = async (password: string, url = '/admin/security/bans', source = 'auth') => {
    const headers = { 'x-forwarded-for': A, 'x-password': password, 'x-source': source }
    return (await inject(edge, { url, peer: '10.0.0.1', headers, handler: new Reply(200) })).status
  }
  const guess = async (times: number, url?: string, source?: string) => {
    for (let i = 0; i < times; i++) await visit('wrong', url, source)
  }
  return { bans, clock, visit, guess, banned: () => banned, end: () => bans.find(A)?.expiresAt }
}

describe('given a banned client that guesses passwords below the admin path', () => {
  it('when it has failed five times then its ban is longer, and told', async () => {
    const { guess, banned, end, bans } = stand()
    await guess(5)
    expect([banned(), end()]).toEqual([1, NOW + HOUR])
    await guess(4)
    expect(end()).toBe(NOW + HOUR)
    await guess(1)
    expect([banned(), end()]).toEqual([2, NOW + 4 * HOUR])
    expect(bans.find(A)).toMatchObject({
      banCount: 2,
      violations: 5,
      reason: expect.stringContaining('during a ban'),
    })
    await guess(5)
    expect(end()).toBe(NOW + 16 * HOUR)
  })

  it.each([
    [2, 2],
    [100, 5],
  ])('when the threshold is %d then the budget is %d', async (threshold, budget) => {
    const { guess, end, banned } = stand({ maxViolations: threshold, violationWindow: '30d' })
    await guess(threshold)
    expect(banned()).toBe(1)
    const before = end()
    await guess(budget - 1)
    expect(end()).toBe(before)
    await guess(1)
    expect([banned(), end()]).toEqual([2, NOW + 4 * HOUR])
  })

  it('when bans do not escalate then the ban begins anew, and so ends later', async () => {
    const { guess, end, clock } = stand({ escalate: { factor: 1 } })
    await guess(5)
    clock.advance(30 * MINUTE)
    await guess(5)
    expect(end()).toBe(NOW + 90 * MINUTE)
  })

  it('when its attempts are throttled then they count as well', async () => {
    const { guess, banned } = stand()
    await guess(5)
    await guess(5, '/admin/security/bans', 'auth-throttled')
    expect(banned()).toBe(2)
  })

  it('when a jail for bans is there then it hears of it', async () => {
    const { guess, bans } = stand({
      jails: [
        { name: 'auth', sources: ['auth'], threshold: 5, window: '10m', ban: '10m' },
        { name: 'recidive', sources: ['ban'], threshold: 2, window: '24h', ban: '7d' },
      ],
    })
    await guess(10)
    expect(bans.find(A)).toMatchObject({ jail: 'recidive' })
  })

  it('when a network around it is banned for ever then no other ban is made', async () => {
    const { guess, bans, banned } = stand()
    await bans.ban('203.0.113.0/24', { duration: 'permanent' })
    const before = banned()
    await guess(20)
    expect([banned(), bans.list().length]).toEqual([before, 1])
  })
})

describe('given an honest operator behind a banned address', () => {
  it('when a few passwords were mistyped, and an attacker beside it guesses on, then the admin API still answers', async () => {
    const { guess, visit } = stand()
    await guess(5)
    for (let i = 0; i < 10; i++) {
      await guess(5)
      expect(await visit('right')).toBe(200)
      expect(await visit('right', '/elsewhere')).toBe(403)
    }
  })

  it('when failures are old then they do not add up', async () => {
    const { guess, banned, clock } = stand({ banDuration: '30d' })
    await guess(5)
    for (let i = 0; i < 5; i++) {
      await guess(4)
      clock.advance(10 * MINUTE)
    }
    expect(banned()).toBe(1)
  })

  it('when the ban was lifted then what was counted during it is gone', async () => {
    const { guess, bans, banned } = stand()
    await guess(5)
    await guess(4)
    await bans.unban(A)
    await guess(4)
    expect([banned(), bans.list()]).toEqual([1, []])
  })
})

it.each([
  ['another path', '/elsewhere', 'auth'],
  ['a path that leads away', '/admin/security/../../elsewhere', 'auth'],
  ['another source', '/admin/security/bans', 'rate-limit'],
])('given a banned client, when it fails by %s, then nothing counts', async (_, url, source) => {
  const { guess, banned, bans } = stand()
  await guess(5)
  const { violations } = bans.stats()
  await guess(20, url, source)
  expect([banned(), bans.stats().violations]).toEqual([1, violations])
})
