import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ConfigError,
  cors,
  directPeer,
  type PipelineOptions,
  pipeline,
  Reply,
  trustedHops,
  trustedProxies,
  type Violation,
} from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { type BanStore, failban, fileBans, violation } from '../src/index.js'
import { DAY, HOUR, MINUTE, NOW, yard } from './support/yard.js'

const A = '203.0.113.9'
const B = '198.51.100.7'

describe('the answer', () => {
  it('given a client with too many violations, when it comes again, then it is refused until the ban ends', async () => {
    const { visit, offend } = yard({ maxViolations: 5, violationWindow: '10m', banDuration: '1h' })
    await offend(A, 4)
    expect((await visit(A)).status).toBe(200)
    await offend(A)
    const refused = await visit(A)
    expect(refused.status).toBe(403)
    expect(refused.passed).toBe(false)
    expect(refused.headers).toMatchObject({ 'retry-after': '3600', 'cache-control': 'no-store' })
    expect(refused.json()).toMatchObject({
      error: { code: 'FORBIDDEN', message: 'Access denied', retry_after: 3600 },
    })
    expect(refused.body).not.toContain('violations')
    expect((await visit(B)).status).toBe(200)
  })

  it('given part of a second is left, then Retry-After is rounded up and never 0', async () => {
    const { visit, offend, clock } = yard({ maxViolations: 1, banDuration: '1h' })
    await offend(A)
    clock.advance(HOUR - 1)
    expect((await visit(A)).headers['retry-after']).toBe('1')
    clock.advance(1)
    expect((await visit(A)).status).toBe(200)
  })

  it('given a permanent ban, then there is no Retry-After', async () => {
    const { visit, bans } = yard()
    await bans.ban(A, { duration: 'permanent' })
    const { status, headers } = await visit(A)
    expect([status, headers['retry-after']]).toEqual([403, undefined])
  })

  it('given status 429 and explain, then the answer says so', async () => {
    const { visit, offend } = yard({ maxViolations: 1, status: 429, explain: true })
    await offend(A)
    const refused = await visit(A)
    expect(refused.status).toBe(429)
    expect(refused.json()).toMatchObject({
      error: {
        code: 'RATE_LIMITED',
        details: { reason: expect.stringContaining('1 violations'), expires_at: NOW + HOUR },
      },
    })
  })

  it('given security headers in front, then they are on the refusal too', async () => {
    const clock = fakeClock(NOW)
    const bans = failban({ deny: [A] })
    const edge = pipeline({ clock })
      .use({ name: 'headers', onRequest: ctx => ctx.setHeader('X-Frame-Options', 'DENY') })
      .use(bans)
    const { status, headers } = await inject(edge, { peer: A })
    expect([status, headers['x-frame-options']]).toEqual([403, 'DENY'])
  })

  it('given CORS in front, then the page of a banned client may read that it is', async () => {
    const bans = failban({ deny: [A] })
    const edge = pipeline({ clock: fakeClock(NOW) })
      .use(cors({ origin: 'https://app.example.com', credentials: true }))
      .use(bans)
    const { status, headers } = await inject(edge, {
      peer: A,
      headers: { Origin: 'https://app.example.com' },
    })
    expect(status).toBe(403)
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
  })

  it('given a refusal, then the event says why and the client is not told', async () => {
    const { visit, offend, eventsOf } = yard({ maxViolations: 1 })
    await offend(A)
    await visit(A)
    expect(eventsOf('decision:refused')).toMatchObject([
      { ip: A, status: 403, by: 'failban', reason: expect.stringContaining('jail "default"') },
    ])
  })
})

describe('counting', () => {
  it('given 100 failures in flight, when they all end, then there is one ban and one event', async () => {
    const { visit, eventsOf, bans } = yard({ maxViolations: 5 })
    let open = () => {}
    const gate = new Promise<void>(resolve => {
      open = resolve
    })
    const requests = Array.from({ length: 100 }, () =>
      visit(A, {
        async handler(ctx) {
          await gate
          violation(ctx, { source: 'auth' })
          return new Reply(401)
        },
      }),
    )
    open()
    await Promise.all(requests)
    expect(eventsOf('security:violation')).toHaveLength(100)
    expect(eventsOf('security:banned')).toEqual([
      expect.objectContaining({
        ip: A,
        jail: 'default',
        violations: 5,
        banCount: 1,
        shadow: false,
        expiresAt: NOW + HOUR,
      }),
    ])
    expect(bans.stats()).toMatchObject({ activeBans: 1, violations: 5, trackedKeys: 0 })
  })

  it('given a banned client, when it goes on, then retries neither extend the ban nor count', async () => {
    const { offend, clock, statusOf, bans } = yard({
      maxViolations: 2,
      violationWindow: '1d',
      banDuration: '1h',
    })
    await offend(A, 2)
    const before = bans.find(A)
    clock.advance(30 * MINUTE)
    await offend(A, 10)
    expect(bans.find(A)).toEqual(before)
    clock.advance(30 * MINUTE)
    await offend(A)
    expect(await statusOf(A)).toBe(200)
  })

  it('given violations further apart than the window, then they never add up', async () => {
    const { offend, clock, statusOf } = yard({ maxViolations: 2, violationWindow: '10m' })
    for (let i = 0; i < 5; i++) {
      await offend(A)
      clock.advance(10 * MINUTE)
    }
    expect(await statusOf(A)).toBe(200)
  })

  it('given jails of their own sources, then each counts only what it hears', async () => {
    const { offend, bans } = yard({
      jails: [
        { name: 'auth', sources: ['auth'], threshold: 2, window: '10m', ban: '10m' },
        { name: 'scan', sources: ['not-found', 'probe'], threshold: 3, window: '1m', ban: '5m' },
      ],
    })
    await offend(A, 1, 'auth')
    await offend(A, 2, 'not-found')
    expect(bans.find(A)).toBeUndefined()
    await offend(A, 1, 'probe')
    expect(bans.find(A)).toMatchObject({ jail: 'scan', source: 'probe', expiresAt: NOW + 5 * MINUTE })
  })

  it('given a jail for bans, when a client is banned for the third time, then it stays for a week', async () => {
    const { offend, clock, bans, eventsOf } = yard({
      jails: [
        { name: 'auth', sources: ['auth'], threshold: 1, window: '10m', ban: '10m' },
        { name: 'recidive', sources: ['ban'], threshold: 3, window: '24h', ban: '7d' },
      ],
    })
    for (let i = 0; i < 3; i++) {
      await offend(A)
      clock.advance(11 * MINUTE)
    }
    expect(bans.find(A)).toMatchObject({ jail: 'recidive', source: 'ban', banCount: 1 })
    expect((bans.find(A)?.expiresAt ?? 0) - (bans.find(A)?.bannedAt ?? 0)).toBe(7 * DAY)
    expect(eventsOf('security:banned').map(ban => (ban as { jail: string }).jail)).toEqual([
      'auth',
      'auth',
      'auth',
      'recidive',
    ])
  })

  it('given a ban by the jail for bans, then that is not one more ban to it', async () => {
    const { offend, clock, bans } = yard({
      jails: [
        { name: 'auth', sources: ['auth'], threshold: 1, window: '10m', ban: '10m' },
        { name: 'recidive', sources: ['ban'], threshold: 2, window: '30d', ban: '1h' },
      ],
    })
    const jails: (string | undefined)[] = []
    for (let i = 0; i < 4; i++) {
      await offend(A)
      jails.push(bans.find(A)?.jail)
      clock.advance(HOUR)
    }
    expect(jails).toEqual(['auth', 'recidive', 'auth', 'recidive'])
  })

  it('given a violation of weight 0, or of no client, then it is seen and not counted', async () => {
    const { offend, visit, bans, eventsOf } = yard({ maxViolations: 1 })
    await offend(A, 3, 'auth', 0)
    await visit('unknown', {
      handler(ctx) {
        violation(ctx, { source: 'auth' })
        return new Reply(401)
      },
    })
    expect(eventsOf('security:violation')).toHaveLength(4)
    expect(bans.stats()).toMatchObject({ violations: 0, activeBans: 0 })
  })

  it('given what other packages emit, then it counts by key, once banned no more', () => {
    const { edge, bans } = yard({ maxViolations: 3 })
    const emit = (weight: number, key = A, bannable = true) =>
      edge.events.emit('security:violation', { source: 'rate-limit', weight, key, bannable })
    for (const weight of [Number.NaN, -1, 0]) emit(weight)
    emit(5, 'user:42')
    emit(5, A, false)
    expect(bans.stats()).toMatchObject({ violations: 0, activeBans: 0 })
    emit(3)
    expect(bans.find(A)).toMatchObject({ violations: 3, source: 'rate-limit' })
  })

  it.each([
    ['a weight without end', { weight: Number.POSITIVE_INFINITY }, { violations: 10_000, source: 'waf' }],
    ['a weight past counting', { weight: 1e300 }, { violations: 10_000, source: 'waf' }],
    ['part of a weight', { weight: 2.4 }, { violations: 2, source: 'waf' }],
    ['a source that is no word', { source: 'two words' }, { violations: 9, source: 'other' }],
    ['the source of a person', { source: 'manual' }, { violations: 9, source: 'other' }],
    ['no source', { source: undefined }, { violations: 9, source: 'other' }],
    ['a source like a book', { source: 'x'.repeat(10_000) }, { violations: 9, source: 'other' }],
  ])(
    'given %s from a listener of the team, then what is banned can be kept and read again',
    async (_, odd, facts) => {
      const folder = await mkdtemp(join(tmpdir(), 'bans-'))
      try {
        const told = { source: 'waf', weight: 9, key: A, bannable: true, ...odd } as Violation
        const start = async () => {
          const place = yard({ maxViolations: 2, store: fileBans(join(folder, 'bans.jsonl')) })
          await place.bans.ready()
          return place
        }
        const before = await start()
        before.edge.events.emit('security:violation', told)
        expect(before.bans.find(A)).toMatchObject(facts)
        await before.edge.dispose()
        const after = await start()
        expect(after.bans.find(A)).toMatchObject(facts)
        expect(after.logs).toEqual([])
        await after.edge.dispose()
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  )

  it('given a ban that somebody else tells of as a violation, then no jail for bans takes it for one', () => {
    const { edge, bans } = yard({
      jails: [{ name: 'recidive', sources: ['ban'], threshold: 1, window: '1d', ban: '7d' }],
    })
    edge.events.emit('security:violation', { source: 'ban', weight: 1, key: A, bannable: true })
    expect(bans.stats()).toMatchObject({ violations: 0, activeBans: 0 })
  })

  it('given more clients than maxKeys, then it is bounded and says what it forgot', async () => {
    const { edge, bans } = yard({ maxViolations: 9, maxKeys: 100 })
    for (let i = 0; i < 1000; i++)
      edge.events.emit('security:violation', {
        source: 'auth',
        weight: 1,
        key: `192.0.${i >> 8}.${i & 255}`,
        bannable: true,
      })
    expect(bans.stats().trackedKeys).toBeLessThanOrEqual(100)
    expect(bans.stats().evictions).toBeGreaterThanOrEqual(900)
  })

  it('given more bans than maxBans, then the oldest that nobody made by hand goes', async () => {
    const { offend, bans, eventsOf, clock } = yard({ maxViolations: 1, maxBans: 3 })
    await bans.ban('192.0.2.1')
    for (const ip of ['192.0.2.2', '192.0.2.3', '192.0.2.4']) await offend(ip)
    expect(bans.list().map(({ ip }) => ip)).toEqual(['192.0.2.4', '192.0.2.3', '192.0.2.1'])
    expect(bans.stats().evictions).toBe(1)
    clock.advance(HOUR)
    await offend('192.0.2.5')
    expect(bans.stats().evictions).toBe(1)
    expect(eventsOf('security:unbanned')).toMatchObject([
      { ip: '192.0.2.2', cause: 'evicted' },
      { ip: '192.0.2.1', cause: 'expired' },
      { ip: '192.0.2.3', cause: 'expired' },
      { ip: '192.0.2.4', cause: 'expired' },
    ])
  })
})

describe('lists', () => {
  it('given allow, deny and a ban of one address, then allow beats deny beats the ban', async () => {
    const { bans, statusOf, visit } = yard({ deny: ['203.0.113.0/24'] })
    await bans.ban(A)
    const denied = await visit(A)
    expect([denied.status, denied.headers['retry-after']]).toEqual([403, undefined])
    bans.setDeny([])
    expect((await visit(A)).headers['retry-after']).toBe('3600')
    bans.setDeny(['203.0.113.0/24'])
    bans.setAllow([A])
    expect(await statusOf(A)).toBe(200)
    expect(await statusOf('203.0.113.10')).toBe(403)
  })

  it('given an allowed client, when it offends, then nothing is counted', async () => {
    const { offend, bans } = yard({ maxViolations: 1, allow: ['203.0.113.0/24', '2001:db8::5'] })
    await offend(A, 5)
    await offend('2001:db8::5', 5)
    expect(bans.stats()).toMatchObject({ violations: 0, activeBans: 0 })
  })

  it('given bans, when an allow entry covers them, then they are lifted for good and it is told', async () => {
    const { offend, bans, eventsOf, statusOf } = yard({ maxViolations: 1 })
    await offend(A)
    await offend(B)
    bans.setAllow(['203.0.113.0/24'])
    expect(eventsOf('security:unbanned')).toEqual([
      { ip: A, jail: 'default', expiresAt: NOW + HOUR, cause: 'allow' },
    ])
    bans.setAllow([])
    expect([await statusOf(A), await statusOf(B)]).toEqual([200, 403])
  })

  it('given an allowed address in a banned /64, then it alone passes', async () => {
    const { offend, bans, statusOf } = yard({ maxViolations: 1 })
    await offend('2001:db8::1')
    bans.setAllow(['2001:db8::5'])
    expect([await statusOf('2001:db8::5'), await statusOf('2001:db8::6')]).toEqual([200, 403])
  })

  it('given this machine, then it is allowed unless the option says otherwise', async () => {
    for (const [allowOwnAddresses, status] of [
      [true, 200],
      [false, 403],
    ] as const) {
      const edge = pipeline({ clock: fakeClock(NOW), trust: directPeer() }).use(
        failban({ deny: ['loopback'], allowOwnAddresses }),
      )
      expect((await inject(edge, { peer: '127.0.0.1' })).status).toBe(status)
    }
  })
})

describe('shadow', () => {
  it('given shadow mode, then it counts, bans and tells, and refuses nobody', async () => {
    const { offend, bans, eventsOf, statusOf } = yard({ maxViolations: 2, mode: 'shadow', deny: [B] })
    await offend(A, 2)
    expect(eventsOf('security:banned')).toMatchObject([{ ip: A, shadow: true }])
    expect([await statusOf(A), await statusOf(B)]).toEqual([200, 200])
    expect(bans.stats()).toMatchObject({ activeBans: 1, refusals: 2 })
    expect(eventsOf('decision:refused')).toMatchObject([
      { ip: A, by: 'failban', rule: 'default', enforced: false },
      { ip: B, by: 'failban', rule: 'deny', enforced: false },
    ])
  })
})

describe('bans by hand', () => {
  it.each([
    [A, '::ffff:203.0.113.9', A],
    [`${A}/32`, A, A],
    ['::ffff:cb00:7109', A, A],
    ['2001:DB8::0:1', '2001:db8::', '2001:db8::/64'],
    ['2001:db8::/64', '2001:0db8:0000:0000:ffff::', '2001:db8::/64'],
    ['203.0.113.0/24', A, '203.0.113.0/24'],
    ['2001:db8::/48', '2001:db8:0:ffff::1', '2001:db8::/48'],
    ['2001:db8::5/128', '2001:db8::5', '2001:db8::5/128'],
  ])(
    'given a ban of %s, when %s comes, then it is refused, and lifted by that notation',
    async (banned, visitor, id) => {
      const { bans, statusOf } = yard()
      expect(await bans.ban(banned)).toMatchObject({ ip: id, jail: 'manual', source: 'manual', banCount: 1 })
      expect(await statusOf(visitor)).toBe(403)
      expect(bans.find(visitor)?.ip).toBe(id)
      expect(await bans.unban(visitor)).toEqual([id])
      expect(await statusOf(visitor)).toBe(200)
      expect(await bans.unban(visitor)).toEqual([])
    },
  )

  it('given a ban of one IPv6 address, then its neighbours pass', async () => {
    const { bans, statusOf } = yard()
    await bans.ban('2001:db8::5/128')
    expect([await statusOf('2001:db8::5'), await statusOf('2001:db8::6')]).toEqual([403, 200])
  })

  it('given an address in several bans, then the longest is shown and all are lifted', async () => {
    const { bans, statusOf } = yard()
    await bans.ban(A, { duration: MINUTE })
    await bans.ban('203.0.113.0/24', { duration: HOUR })
    expect(bans.find(A)?.ip).toBe('203.0.113.0/24')
    expect([...(await bans.unban(A))].sort()).toEqual(['203.0.113.0/24', A])
    expect(await statusOf(A)).toBe(200)
  })

  it('given a network whose ban is over, then its clients pass and it is told once', async () => {
    const { bans, statusOf, clock, eventsOf } = yard()
    await bans.ban('203.0.113.0/24', { duration: MINUTE })
    await bans.ban('203.0.0.0/16', { duration: 2 * MINUTE })
    clock.advance(MINUTE)
    expect(await statusOf(A)).toBe(403)
    clock.advance(MINUTE)
    expect([await statusOf(A), await statusOf(A)]).toEqual([200, 200])
    expect(bans.list()).toEqual([])
    expect(eventsOf('security:unbanned').map(event => (event as { cause: string }).cause)).toEqual([
      'expired',
      'expired',
    ])
  })

  it.each(['', 'nobody', '203.0.113.9/24', '1.2.3.4.5', '010.0.0.1', '::1/129'])(
    'given %j, then there is nothing to ban',
    async text => {
      const { bans } = yard()
      await expect(bans.ban(text)).rejects.toThrow(RangeError)
      expect(await bans.unban(text)).toEqual([])
      expect(bans.find(text)).toBeUndefined()
    },
  )

  it('given an allowed address, then banning it is a mistake', async () => {
    const { bans } = yard({ allow: [A] })
    await expect(bans.ban(A)).rejects.toThrow('allowed')
  })

  it('given a ban by a jail, when a shorter one is made by hand, then that counts', async () => {
    const { bans, offend } = yard({ maxViolations: 1 })
    await offend(A)
    await bans.ban(A, { duration: MINUTE, reason: 'a talk was had' })
    expect(bans.find(A)).toMatchObject({ expiresAt: NOW + MINUTE, reason: 'a talk was had' })
  })

  it.each(['203.0.113.0/24', '0.0.0.0/0'])(
    'given a lifted ban of %s, when one failure of somebody in it follows, then it does not ban either',
    async network => {
      const { bans, offend, miss, statusOf } = yard({ maxViolations: 3, violationWindow: '1d' })
      await offend(A, 2)
      await miss(A, '/missing')
      await bans.unban(A)
      await offend(A, 2)
      await bans.ban(network)
      expect(await bans.unban(network)).toEqual([network])
      await offend(A)
      await miss(A, '/missing')
      expect(await statusOf(A)).toBe(200)
      expect(bans.stats()).toMatchObject({ trackedKeys: 1 })
    },
  )

  it('given a lifted ban of an IPv6 network, then who is beside it is still counted', async () => {
    const { bans, offend, statusOf } = yard({ maxViolations: 3 })
    const [inside, beside] = ['2001:db8:0:1::1', '2001:db9::1'] as const
    await offend(inside, 2)
    await offend(beside, 2)
    await bans.ban('2001:db8::/32')
    await bans.unban('2001:db8::/32')
    await offend(inside)
    await offend(beside)
    expect([await statusOf(inside), await statusOf(beside)]).toEqual([200, 403])
  })

  it('given a ban that is over, when it is lifted, then there is nothing to lift, and it is told as over', async () => {
    const { bans, clock, eventsOf } = yard()
    await bans.ban(A, { duration: MINUTE })
    clock.advance(MINUTE)
    expect(await bans.unban(A)).toEqual([])
    expect(eventsOf('security:unbanned')).toMatchObject([{ ip: A, cause: 'expired' }])
  })

  it('given a ban that is over, when the same address is banned again, then its end is told first', async () => {
    const { bans, clock, told } = yard()
    await bans.ban(A, { duration: MINUTE })
    clock.advance(MINUTE)
    await bans.ban(A)
    expect(told.map(({ name }) => name)).toEqual(['security:banned', 'security:unbanned', 'security:banned'])
  })

  it('given a ban that is lifted by hand, then it is told with its jail, and one that is over as such', async () => {
    const { bans, offend, clock, eventsOf, statusOf } = yard({ maxViolations: 1 })
    await offend(A)
    await offend(B)
    await bans.unban(A)
    clock.advance(HOUR)
    await statusOf(B)
    expect(eventsOf('security:unbanned')).toEqual([
      { ip: A, jail: 'default', expiresAt: NOW + HOUR, cause: 'manual' },
      { ip: B, jail: 'default', expiresAt: NOW + HOUR, cause: 'expired' },
    ])
  })

  it('given a lifted ban, when one failure follows, then it does not ban', async () => {
    const { bans, offend, statusOf } = yard({ maxViolations: 3, violationWindow: '1d' })
    await offend(A, 3)
    await bans.unban(A)
    await offend(A, 2)
    expect(await statusOf(A)).toBe(200)
    await offend(A)
    expect(await statusOf(A)).toBe(403)
  })
})

describe('several pipelines', () => {
  it('given bans that two pipelines share, then both enforce and count, and the last one to go closes', async () => {
    const clock = fakeClock(NOW)
    const bans = failban({ maxViolations: 2 })
    const services: PipelineOptions = { clock, trust: directPeer() }
    const [one, two] = [pipeline(services).use(bans), pipeline(services).use(bans)]
    for (const edge of [one, two])
      await inject(edge, {
        peer: A,
        handler(ctx) {
          violation(ctx, { source: 'auth' })
          return new Reply(401)
        },
      })
    expect([(await inject(one, { peer: A })).status, (await inject(two, { peer: A })).status]).toEqual([
      403, 403,
    ])
    await one.dispose()
    expect(one.events.has('security:violation')).toBe(false)
    two.events.emit('security:violation', { source: 'auth', weight: 2, key: B, bannable: true })
    expect((await inject(two, { peer: B })).status).toBe(403)
    await two.dispose()
    two.events.emit('security:violation', { source: 'auth', weight: 2, key: '192.0.2.1', bannable: true })
    expect(bans.find('192.0.2.1')).toBeUndefined()
  })

  it('given two pipelines of one start, or of one bus, then a violation counts once, whoever tells it', async () => {
    const bans = failban({ maxViolations: 2, allowOwnAddresses: false })
    const start = pipeline().use(bans)
    const noop = (name: string) => ({ name, onRequest() {} })
    for (const name of ['left', 'right']) start.use(noop(name)).compile()
    const { events } = start
    pipeline({ events }).use(bans).compile()
    events.emit('security:violation', { source: 'auth', weight: 1, key: A, bannable: true })
    expect(bans.stats()).toMatchObject({ violations: 1, activeBans: 0 })
    await start.dispose()
    events.emit('security:violation', { source: 'auth', weight: 1, key: A, bannable: true })
    expect(bans.find(A)).toMatchObject({ violations: 2 })
  })

  it('given a pipeline that never ran, when it is disposed, then the bans of another one go on', async () => {
    const bans = failban({ maxViolations: 1, allowOwnAddresses: false })
    const [one, never] = [pipeline().use(bans), pipeline().use(bans)]
    one.compile()
    await never.dispose()
    one.events.emit('security:violation', { source: 'auth', weight: 1, key: A, bannable: true })
    expect((await inject(one, { peer: A })).status).toBe(403)
  })

  it('given a pipeline that is disposed of, then its proxies are anybody to the others', async () => {
    const bans = failban({ maxViolations: 1 })
    const behind = pipeline({ trust: trustedProxies(['203.0.113.0/24']) }).use(bans)
    const open = pipeline().use(bans)
    behind.compile()
    open.compile()
    const offence = { source: 'auth', weight: 1, key: A, bannable: true }
    open.events.emit('security:violation', offence)
    expect(bans.find(A)).toBeUndefined()
    await behind.dispose()
    open.events.emit('security:violation', offence)
    expect((await inject(open, { peer: A })).status).toBe(403)
  })

  it('given bans that were closed with their last pipeline, then another one is refused at start-up', async () => {
    const bans = failban()
    const edge = pipeline().use(bans)
    edge.compile()
    await edge.dispose()
    expect(() => pipeline().use(bans).compile()).toThrow(ConfigError)
  })

  it('given the team disposes of it itself, then nothing is heard any more, and its store is closed once', async () => {
    let closed = 0
    const store: BanStore = { open: () => [], save() {}, remove() {}, close: () => void closed++ }
    const bans = failban({ store, maxViolations: 1, allowOwnAddresses: false })
    const edges = [pipeline().use(bans), pipeline().use(bans)]
    for (const edge of edges) edge.compile()
    await bans.dispose?.()
    for (const { events } of edges) expect(events.has('security:violation')).toBe(false)
    for (const edge of edges) await edge.dispose()
    expect(closed).toBe(1)
  })

  it('given two pipelines on one bus, when one is disposed of, then the other still counts and tells there', async () => {
    const bans = failban({ maxViolations: 1, allowOwnAddresses: false })
    const one = pipeline().use(bans)
    const { events } = one
    const two = pipeline({ events }).use(bans)
    for (const edge of [one, two]) edge.compile()
    const told: string[] = []
    events.on('security:banned', ({ ip }) => told.push(ip))
    await one.dispose()
    events.emit('security:violation', { source: 'auth', weight: 1, key: A, bannable: true })
    expect(told).toEqual([A])
  })

  it('given nobody ever ran it, when its pipeline is disposed, then its store is closed', async () => {
    let closed = 0
    const store: BanStore = { open: () => [], save() {}, remove() {}, close: () => void closed++ }
    await pipeline().use(failban({ store })).dispose()
    expect(closed).toBe(1)
  })

  it('given pipelines that make other keys of one address, then the second is refused at start-up', () => {
    const bans = failban()
    pipeline().use(bans).compile()
    const other = pipeline({ trust: directPeer({ ipv6Prefix: 56 }) }).use(bans)
    expect(() => other.compile()).toThrow(/ipv6Prefix/)
  })

  it('given client keys of another width, then bans of that width are found by key and others by address', async () => {
    const { bans, statusOf, offend } = yard(
      { maxViolations: 1 },
      { trust: trustedHops(1, { ipv6Prefix: 56 }) },
    )
    await offend('2001:db8:0:1::1')
    expect(bans.find('2001:db8:0:ff::')?.ip).toBe('2001:db8::/56')
    await bans.ban('2001:db8:1:1::/64')
    expect(await statusOf('2001:db8:0:2::1')).toBe(403)
    expect([await statusOf('2001:db8:1:1::9'), await statusOf('2001:db8:1:2::9')]).toEqual([403, 200])
  })
})
