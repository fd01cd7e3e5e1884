import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline, Reply, trustedHops } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { failban, fileBans, violation } from '../src/index.js'
import { HOUR, MINUTE, NOW, yard } from './support/yard.js'

const A = '203.0.113.9'

describe('known faults of others', () => {
  it('trusting the left-most forwarded address: who is banned is what the proxy saw, not what the client wrote', async () => {
    const { offend, statusOf } = yard({ maxViolations: 1 })
    await offend(`192.0.2.66, ${A}`)
    expect([await statusOf(A), await statusOf(`192.0.2.1, ${A}`)]).toEqual([403, 403])
    expect(await statusOf('192.0.2.66')).toBe(200)
  })

  it('one shared bucket for clients without an address: they are never counted, and never banned together', async () => {
    const { offend, visit, bans } = yard({ maxViolations: 1 })
    for (let i = 0; i < 20; i++)
      await visit(A, {
        peer: null,
        url: `/${i}`,
        handler(ctx) {
          violation(ctx, { source: 'auth' })
          return new Reply(404)
        },
      })
    await offend('unknown', 20)
    expect((await visit(A, { peer: null })).status).toBe(200)
    expect(bans.stats()).toMatchObject({ activeBans: 0, trackedKeys: 0, violations: 0 })
  })

  it('every 4xx a violation: expired tokens and form errors ban nobody, nor does a refusal of our own', async () => {
    const { visit, bans } = yard({ maxViolations: 1, deny: ['198.51.100.0/24'] })
    for (const status of [400, 401, 403, 405, 409, 422, 429])
      for (let i = 0; i < 5; i++) await visit(A, { url: `/${i}`, handler: new Reply(status) })
    for (let i = 0; i < 5; i++) await visit('198.51.100.7', { url: '/.env' })
    expect(bans.stats()).toMatchObject({ activeBans: 0, violations: 0 })
  })

  it('a ban that ends with its counting window: it lasts as long as it should', async () => {
    const { offend, statusOf, clock } = yard({ maxViolations: 2, violationWindow: '1m', banDuration: '1h' })
    await offend(A, 2)
    clock.advance(HOUR - 1)
    expect(await statusOf(A)).toBe(403)
    clock.advance(1)
    expect(await statusOf(A)).toBe(200)
  })

  it('bans lost or resurrected at a restart: what was in force is, what was over or lifted is not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bans-'))
    try {
      const clock = fakeClock(NOW)
      const start = async () => {
        const bans = failban({ allowOwnAddresses: false, store: fileBans(join(folder, 'bans.jsonl')) })
        const edge = pipeline({ clock }).use(bans)
        edge.compile()
        expect(await bans.ready()).toBe(true)
        return { bans, edge }
      }
      const first = await start()
      await first.bans.ban(A, { duration: 2 * HOUR })
      await first.bans.ban('192.0.2.1', { duration: HOUR })
      await first.bans.ban('192.0.2.2', { duration: 'permanent' })
      await first.bans.ban('192.0.2.3', { duration: 2 * HOUR })
      await first.bans.unban('::ffff:192.0.2.3')
      await first.edge.dispose()
      clock.advance(HOUR)
      const { bans, edge } = await start()
      expect(bans.list().map(({ ip }) => ip)).toEqual(['192.0.2.2', A])
      expect(bans.find(A)).toMatchObject({ expiresAt: NOW + 2 * HOUR, bannedAt: NOW })
      expect((await inject(edge, { peer: A })).headers['retry-after']).toBe('3600')
      expect((await inject(edge, { peer: '192.0.2.3' })).status).toBe(200)
      await edge.dispose()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('unban by another notation a no-op: it lifts the ban', async () => {
    const { offend, bans, statusOf } = yard({ maxViolations: 1 })
    await offend(A)
    expect(await bans.unban('::FFFF:cb00:7109')).toEqual([A])
    expect(await statusOf(A)).toBe(200)
  })

  it('banning the proxy when the forwarded header is garbage: nobody is banned, by no topology', async () => {
    for (const trust of [undefined, trustedHops(2)]) {
      const { offend, miss, bans, visit } = yard({ maxViolations: 1 }, trust === undefined ? {} : { trust })
      for (const header of ['unknown', '', '_hidden', '010.0.0.1', '1.2.3.4, unknown', '"'])
        for (let i = 0; i < 5; i++) {
          await offend(header)
          await miss(header, `/${i}`)
        }
      await visit('', { headers: {} })
      expect(bans.list()).toEqual([])
    }
  })

  it('banning the proxy by hand or by a range: it is allowed by itself', async () => {
    const { bans, visit, statusOf } = yard()
    await expect(bans.ban('10.0.0.1')).rejects.toThrow('allowed')
    await bans.ban('0.0.0.0/0')
    expect((await visit('unknown')).status).toBe(200)
    expect(await statusOf(A)).toBe(403)
  })

  it('IPv6 rotation inside a /64: all its addresses are one client', async () => {
    const { offend, statusOf, bans } = yard({ maxViolations: 5 })
    for (let i = 0; i < 5; i++) await offend(`2001:db8:0:1::${i}`)
    expect(bans.find('2001:db8:0:1:ffff::')).toMatchObject({ ip: '2001:db8:0:1::/64', violations: 5 })
    expect([await statusOf('2001:db8:0:1::beef'), await statusOf('2001:db8:0:2::1')]).toEqual([403, 200])
  })

  it('a translator before an IPv6 server (RFC 6052): its clients are told apart, and are who they are over IPv4', async () => {
    const { offend, statusOf, bans } = yard({ maxViolations: 1 })
    await offend('64:ff9b::192.0.2.33')
    expect(bans.list().map(({ ip }) => ip)).toEqual(['192.0.2.33'])
    expect(await statusOf('64:ff9b::192.0.2.33')).toBe(403)
    expect(await statusOf('192.0.2.33')).toBe(403)
    expect(await statusOf('64:ff9b::192.0.2.34')).toBe(200)
    for (const text of ['64:ff9b::c000:221', '::ffff:192.0.2.33']) {
      expect(bans.find(text)).toMatchObject({ ip: '192.0.2.33' })
      expect(await bans.unban(text)).toEqual(['192.0.2.33'])
      await offend('192.0.2.33')
    }
  })

  it('a translator as a way around bans and denials of a network: there is none', async () => {
    const { statusOf, bans } = yard({ deny: ['198.51.100.0/24'] })
    expect(await statusOf('64:ff9b::198.51.100.7')).toBe(403)
    await bans.ban('192.0.2.0/24')
    expect(await statusOf('64:ff9b::192.0.2.33')).toBe(403)
    expect(await statusOf('64:ff9b::c000:301')).toBe(200)
    expect(bans.find('64:ff9b::192.0.2.33')).toMatchObject({ ip: '192.0.2.0/24' })
    expect(await bans.unban('64:ff9b::192.0.2.33')).toEqual(['192.0.2.0/24'])
    await bans.ban('64:ff9b::/96')
    expect([await statusOf('64:ff9b::192.0.2.33'), await statusOf('192.0.2.33')]).toEqual([403, 200])
    expect(bans.find('64:ff9b::192.0.2.33')).toMatchObject({ ip: '64:ff9b::/96' })
  })

  it('6to4 rotation inside the /48 of one IPv4 address: all its addresses are one client', async () => {
    const { offend, statusOf, bans } = yard({ maxViolations: 3 })
    for (let i = 0; i < 3; i++) await offend(`2002:cb00:7109:${i}::1`)
    expect(bans.find('2002:cb00:7109:ffff::1')).toMatchObject({ ip: '2002:cb00:7109::/48', violations: 3 })
    expect([await statusOf('2002:cb00:7109:9::1'), await statusOf('2002:cb00:7110:9::1')]).toEqual([403, 200])
  })

  it('a clock that is set back: windows do not stretch and nobody is banned for it', async () => {
    const { offend, bans, clock } = yard({ maxViolations: 2, violationWindow: '10m' })
    for (let i = 0; i < 5; i++) {
      await offend(A)
      clock.advance(10 * MINUTE)
      clock.set(NOW - i * HOUR)
    }
    expect(bans.list()).toEqual([])
  })
})
