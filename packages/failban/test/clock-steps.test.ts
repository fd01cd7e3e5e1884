import { pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BanRecord } from '../src/bans/ban.js'
import {
  type BanStore,
  banAdmin,
  type FailbanOptions,
  failban,
  memoryBans,
  type ProcessBans,
  violation,
} from '../src/index.js'
import { DAY, HOUR, MINUTE, NOW, yard } from './support/yard.js'

const A = '203.0.113.9'
const B = '198.51.100.7'
const NETWORK = '198.51.100.0/24'

/** What an operator or NTP does to the time of day. */
const STEPS = [
  { name: 'back by an hour', by: -HOUR },
  { name: 'forward by an hour', by: HOUR },
]

const OPTIONS: FailbanOptions = {
  jails: [
    { name: 'login', sources: ['auth', 'not-found'], threshold: 2, window: '10m', ban: '30m' },
    { name: 'scan', sources: ['probe'], threshold: 1, window: '10m', ban: '50m' },
  ],
  escalate: { factor: 2, max: '4h', memory: '3h' },
  maxBans: 2,
}

const record = (ip: string, more: Partial<BanRecord> = {}): BanRecord => ({
  ip,
  jail: 'login',
  reason: 'x',
  violations: 2,
  banCount: 1,
  bannedAt: NOW - 10 * MINUTE,
  expiresAt: NOW + 20 * MINUTE,
  permanent: false,
  source: 'auth',
  shadow: false,
  earlier: [],
  ...more,
})

/** A store that has kept these, and what it sees of the process. */
function keeping(...records: readonly BanRecord[]) {
  const seen: { bans: ProcessBans | undefined } = { bans: undefined }
  const open: BanStore['open'] = bans => {
    seen.bans = bans
    return records
  }
  return { store: { ...memoryBans(), open }, seen }
}

const ip = fc.constantFrom(A, B, '192.0.2.1')
const action = fc.oneof(
  fc.record({ do: fc.constant('visit' as const), ip }),
  fc.record({ do: fc.constant('offend' as const), ip, source: fc.constantFrom('auth', 'probe') }),
  fc.record({ do: fc.constant('miss' as const), ip, path: fc.constantFrom('/a', '/b', '/.env') }),
  fc.record({
    do: fc.constant('ban' as const),
    ip: fc.constantFrom(A, NETWORK),
    minutes: fc.integer({ min: 1, max: 90 }),
  }),
  fc.record({ do: fc.constant('unban' as const), ip }),
  fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 120 }) }),
  fc.record({ do: fc.constant('step' as const), by: fc.constantFrom(-HOUR, HOUR) }),
)
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never

/** What a client and an operator see of it. Dates are compared by how far away they are. */
async function act(
  { bans, clock, visit, offend, miss }: ReturnType<typeof yard>,
  one: Action,
): Promise<unknown> {
  if (one.do === 'wait') clock.advance(one.minutes * MINUTE)
  if (one.do === 'offend') await offend(one.ip, 1, one.source)
  if (one.do === 'miss') await miss(one.ip, one.path)
  if (one.do === 'ban') await bans.ban(one.ip, { duration: one.minutes * MINUTE }).catch(() => {})
  if (one.do === 'unban') return (await bans.unban(one.ip)).toSorted()
  if (one.do === 'visit') {
    const { status, headers } = await visit(one.ip)
    return [status, headers['retry-after']]
  }
  return bans.list().map(({ ip, jail, banCount, bannedAt, expiresAt }) => {
    const now = clock.now()
    return [ip, jail, banCount, now - bannedAt, (expiresAt ?? 0) - now]
  })
}

it('given any history, when the time of day steps in the middle, then nothing changes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 30 }), async actions => {
      const [stepping, still] = [yard(OPTIONS), yard(OPTIONS)]
      for (const one of actions) {
        if (one.do === 'step') stepping.clock.set(stepping.clock.now() + one.by)
        else expect(await act(stepping, one)).toEqual(await act(still, one))
      }
      expect(stepping.bans.stats()).toEqual(still.bans.stats())
      await Promise.all([stepping.edge.dispose(), still.edge.dispose()])
    }),
  )
})

describe.each(STEPS)('given a time of day that steps $name', ({ by }) => {
  const step = ({ clock }: ReturnType<typeof yard>) => clock.set(clock.now() + by)

  it('when a client is banned, then the ban lasts its duration, and Retry-After and the dates say so', async () => {
    const place = yard({ maxViolations: 1, banDuration: '1h', explain: true })
    await place.offend(A)
    place.clock.advance(20 * MINUTE)
    step(place)
    const refused = await place.visit(A)
    const end = place.clock.now() + 40 * MINUTE
    expect([refused.status, refused.headers['retry-after']]).toEqual([403, '2400'])
    expect(refused.json()).toMatchObject({ error: { details: { expires_at: end } } })
    expect([place.bans.find(A)?.expiresAt, place.bans.list()[0]?.expiresAt]).toEqual([end, end])
    place.clock.advance(40 * MINUTE - 1)
    expect(await place.statusOf(A)).toBe(403)
    place.clock.advance(1)
    expect(await place.statusOf(A)).toBe(200)
    expect(place.eventsOf('security:unbanned')).toMatchObject([{ ip: A, cause: 'expired' }])
  })

  it.each(['list', 'stats', 'find', 'unban'] as const)(
    'when %s() looks, then it sees the same',
    async look => {
      const place = yard({ maxViolations: 1, banDuration: '1h' })
      const count = async () => {
        if (look === 'list') return place.bans.list().length
        if (look === 'stats') return place.bans.stats().activeBans
        if (look === 'find') return place.bans.find(A) === undefined ? 0 : 1
        return (await place.bans.unban(A)).length
      }
      await place.offend(A)
      step(place)
      expect(await count()).toBe(1)
      await place.bans.unban(A)
      await place.offend(A)
      step(place)
      place.clock.advance(HOUR)
      expect(await count()).toBe(0)
    },
  )

  it('when networks are banned too, then the longest ban is what is found', async () => {
    const place = yard()
    await place.bans.ban(NETWORK, { duration: 50 * MINUTE })
    step(place)
    await place.bans.ban(B, { duration: 40 * MINUTE })
    step(place)
    await place.bans.ban('198.51.0.0/16', { duration: 30 * MINUTE })
    expect(place.bans.find(B)).toMatchObject({
      ip: NETWORK,
      expiresAt: place.clock.now() + 50 * MINUTE,
    })
  })

  it('when a banned client guesses at the admin path, then its ban begins anew, as the new one is longer', async () => {
    const clock = fakeClock(NOW)
    const bans = failban({ maxViolations: 2, banDuration: '1h' })
    const edge = pipeline({ clock })
      .use(bans)
      .use({ name: 'login', onRequest: ctx => violation(ctx, { source: 'auth' }) })
      .use(banAdmin(bans, { path: '/admin', authorize: () => false }))
    for (let i = 0; i < 2; i++) await inject(edge, { peer: A })
    clock.advance(30 * MINUTE)
    clock.set(clock.now() + by)
    for (let i = 0; i < 2; i++) await inject(edge, { peer: A, url: '/admin/stats' })
    expect((await inject(edge, { peer: A })).headers['retry-after']).toBe('3600')
  })

  it('when there is no room, then a ban that is over makes room, and counts as no eviction', async () => {
    const place = yard({ maxViolations: 1, banDuration: '1h', maxBans: 1 })
    await place.offend(A)
    step(place)
    place.clock.advance(HOUR)
    await place.offend(B)
    expect(place.bans.stats().evictions).toBe(0)
    step(place)
    await place.offend(A)
    expect(place.bans.stats().evictions).toBe(1)
  })

  it('when a client comes back within the memory, then its ban is longer; afterwards it is a first one', async () => {
    for (const [pause, length] of [
      [2 * HOUR - MINUTE, '7200'],
      [2 * HOUR, '3600'],
    ] as const) {
      const place = yard({ maxViolations: 1, banDuration: '1h', escalate: { factor: 2, memory: '2h' } })
      await place.offend(A)
      step(place)
      place.clock.advance(HOUR)
      step(place)
      place.bans.list()
      place.clock.advance(pause - HOUR)
      await place.offend(A)
      expect((await place.visit(A)).headers['retry-after']).toBe(length)
    }
  })

  it('when a client comes back a third time, then the first ban counts for as long as it is remembered', async () => {
    for (const [third, length] of [
      [5 * HOUR - MINUTE, '14400'],
      [5 * HOUR, '7200'],
    ] as const) {
      const place = yard({ maxViolations: 1, banDuration: '1h', escalate: { factor: 2, memory: '5h' } })
      await place.offend(A)
      place.clock.advance(HOUR)
      await place.offend(A)
      step(place)
      place.clock.advance(third - HOUR)
      await place.offend(A)
      expect((await place.visit(A)).headers['retry-after']).toBe(length)
    }
  })

  it('when the admin API lists a ban, then its dates are those of the clock that is right now', async () => {
    const place = yard()
    const { edge } = place
    const admin = edge.use(banAdmin(place.bans, { path: '/admin', authorize: () => true }))
    await place.bans.ban(A, { duration: HOUR })
    step(place)
    const listed = (await inject(admin, { url: '/admin/bans' })).json() as { data: readonly unknown[] }
    const now = place.clock.now()
    expect(listed.data).toMatchObject([{ ip: A, bannedAt: now, expiresAt: now + HOUR }])
  })

  it('when a ban was restored, then what was left of it is served from there', async () => {
    const place = yard({ ...OPTIONS, store: keeping(record(A)).store })
    await place.bans.ready()
    step(place)
    expect((await place.visit(A)).headers['retry-after']).toBe('1200')
    place.clock.advance(20 * MINUTE)
    expect(await place.statusOf(A)).toBe(200)
    await place.edge.dispose()
  })

  it('when the store is written anew, then its records have the dates of the clock that is right now', async () => {
    const { store, seen } = keeping()
    const place = yard({ maxViolations: 1, banDuration: '1h', store })
    await place.bans.ready()
    await place.offend(A)
    step(place)
    const now = place.clock.now()
    expect([...(seen.bans?.records() ?? [])]).toMatchObject([{ bannedAt: now, expiresAt: now + HOUR }])
    await place.edge.dispose()
  })
})

it.each([
  ['a person', { source: 'manual', jail: 'manual' }],
  ['a jail', { source: 'auth', jail: 'login' }],
])(
  'given a ban by %s and a clock that was ahead, when it is restored, then it is no longer than it was',
  async (_, by) => {
    const ahead = { ...by, bannedAt: NOW + HOUR, expiresAt: NOW + HOUR + 30 * MINUTE }
    const place = yard({ ...OPTIONS, store: keeping(record(A, ahead)).store })
    await place.bans.ready()
    expect((await place.visit(A)).headers['retry-after']).toBe('1800')
    await place.edge.dispose()
  },
)

it.each([-1e9, 1e9])(
  'given bans that were read before there was a pipeline, when its clock counts from %d, then they last as long',
  async from => {
    const kept = {
      bannedAt: Date.now() - MINUTE,
      expiresAt: Date.now() + DAY,
      source: 'manual',
      jail: 'manual',
    }
    const past = { bannedAt: Date.now() - HOUR, expiresAt: Date.now() - MINUTE }
    const { store } = keeping(record(A, kept), record(B, past))
    const bans = failban({ ...OPTIONS, store })
    await bans.ready()
    const clock = fakeClock(Date.now())
    const edge = pipeline({ clock: { now: clock.now, monotonic: () => from + clock.monotonic() } })
      .use(bans)
      .use({ name: 'trap', onRequest: ctx => violation(ctx, { source: 'auth', weight: 2 }) })
    const wait = Number((await inject(edge, { peer: A })).headers['retry-after'])
    expect(wait).toBeGreaterThan(DAY / 1000 - 60)
    expect(wait).toBeLessThanOrEqual(DAY / 1000)
    await inject(edge, { peer: B })
    expect((await inject(edge, { peer: B })).headers['retry-after']).toBe('3600')
    clock.advance(DAY)
    expect((await inject(edge, { peer: A })).status).toBe(200)
    await edge.dispose()
  },
)

it('given a banned client, then its request reads the monotonic time once more than that of another client', async () => {
  const clock = fakeClock(NOW)
  let reads = 0
  const counting = {
    now: clock.now,
    monotonic: () => {
      reads++
      return clock.monotonic()
    },
  }
  const { bans, visit } = yard({}, { clock: counting })
  await bans.ban(A)
  const readsOf = async (address: string) => {
    reads = 0
    await visit(address)
    return reads
  }
  expect((await readsOf(A)) - (await readsOf(B))).toBe(1)
})
