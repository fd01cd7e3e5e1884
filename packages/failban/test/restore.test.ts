import { pipeline, trustedProxies } from '@palisade/core'
import { describe, expect, it, vi } from 'vitest'
import type { BanRecord } from '../src/bans/ban.js'
import { type BanStore, failban, memoryBans, type ProcessBans } from '../src/index.js'
import { DAY, HOUR, MINUTE, NOW, yard } from './support/yard.js'

const A = '203.0.113.9'

const record = (ip: string, more: Partial<BanRecord> = {}): BanRecord => ({
  ip,
  jail: 'default',
  reason: 'x',
  violations: 5,
  banCount: 1,
  bannedAt: NOW - MINUTE,
  expiresAt: NOW + HOUR,
  permanent: false,
  source: 'auth',
  shadow: false,
  earlier: [],
  ...more,
})

/** A store that has kept these, and what it is asked to do. */
function keeping(records: readonly BanRecord[] = []) {
  let bans: ProcessBans | undefined
  const steps: string[] = []
  const store: BanStore = {
    open(own) {
      bans = own
      return records
    },
    save(ban) {
      steps.push(`save ${ban.ip}`)
    },
    remove(ip) {
      steps.push(`remove ${ip}`)
    },
  }
  return {
    store,
    steps,
    records: () => [...(bans?.records() ?? [])],
  }
}

describe('given bans from before a restart', () => {
  it('when they are restored, then those that are over are dropped, without a word', async () => {
    const { bans, eventsOf } = yard({
      store: keeping([record(A), record('192.0.2.1', { expiresAt: NOW })]).store,
    })
    await bans.ready()
    expect(bans.list().map(({ ip }) => ip)).toEqual([A])
    expect([...eventsOf('security:banned'), ...eventsOf('security:unbanned')]).toEqual([])
  })

  it("when today's durations are shorter, then they are cut to the longest of today, but not what a person decided", async () => {
    const long = { expiresAt: NOW + 365 * DAY }
    const { store } = keeping([
      record(A, long),
      record('192.0.2.1', { ...long, source: 'manual', jail: 'manual' }),
    ])
    const { bans } = yard({ store, banDuration: '1h', escalate: { max: '2h', jitter: '1m' } })
    await bans.ready()
    expect(bans.find(A)?.expiresAt).toBe(NOW - MINUTE + 2 * HOUR + MINUTE)
    expect(bans.find('192.0.2.1')?.expiresAt).toBe(NOW + 365 * DAY)
  })

  it('when the allow list covers one now, then it is not restored and leaves the store', async () => {
    const { store, steps } = keeping([record(A), record('192.0.2.1')])
    const { bans, statusOf } = yard({ store, allow: ['203.0.113.0/24'] })
    await bans.ready()
    expect(bans.list().map(({ ip }) => ip)).toEqual(['192.0.2.1'])
    expect(await statusOf(A)).toBe(200)
    expect(steps).toEqual([`remove ${A}`])
  })

  it('when they were made in shadow mode, then enforcing mode forgets them, and counts anew', async () => {
    const { bans, statusOf, offend } = yard({
      maxViolations: 1,
      store: keeping([record(A, { shadow: true })]).store,
    })
    await bans.ready()
    expect(await statusOf(A)).toBe(200)
    await offend(A)
    expect(await statusOf(A)).toBe(403)
  })

  it('when an address was in two jails, then the longer ban is in force and the other remembered', async () => {
    const { store } = keeping([
      record(A, { jail: 'auth' }),
      record(A, { jail: 'recidive', expiresAt: NOW + 2 * DAY }),
    ])
    const jail = { threshold: 1, window: '1m', ban: '7d' }
    const { bans } = yard({
      store,
      jails: [
        { name: 'auth', ...jail },
        { name: 'recidive', ...jail, sources: ['ban'] },
      ],
    })
    await bans.ready()
    expect(bans.find(A)?.jail).toBe('recidive')
  })

  it('when one is over but within the memory, then it lengthens the next', async () => {
    const { store } = keeping([
      record(A, { bannedAt: NOW - DAY, expiresAt: NOW - 23 * HOUR, earlier: [NOW - 2 * DAY] }),
    ])
    const { bans, offend } = yard({ store, maxViolations: 1, banDuration: '1h', escalate: { factor: 3 } })
    await bans.ready()
    await offend(A)
    expect(bans.find(A)).toMatchObject({ banCount: 3, expiresAt: NOW + 9 * HOUR })
  })

  it('when the pipeline is not built yet, then they are known all the same, and are what a store writes anew', async () => {
    const site = keeping([record(A, { expiresAt: null, permanent: true, source: 'manual' })])
    const bans = failban({ store: site.store })
    expect(await bans.ready()).toBe(true)
    expect(bans.list()).toMatchObject([{ ip: A }])
    expect(site.records()).toMatchObject([{ ip: A }])
    expect(await bans.unban(A)).toEqual([A])
    expect(site.steps).toEqual([`remove ${A}`])
  })

  it('when the pipeline that is built afterwards has one for its proxy, then that is lifted', async () => {
    const site = keeping([record('10.0.0.1', { expiresAt: null, permanent: true, source: 'manual' })])
    const bans = failban({ store: site.store })
    await bans.ready()
    const edge = pipeline({ trust: trustedProxies(['10.0.0.0/8']) }).use(bans)
    edge.compile()
    expect(bans.list()).toEqual([])
    expect(site.steps).toEqual(['remove 10.0.0.1'])
    await edge.dispose()
  })

  it('when one was made by a clock that was ahead, then it is cut to the longest of today, from now', async () => {
    const { store } = keeping([record(A, { bannedAt: NOW + 3650 * DAY, expiresAt: NOW + 3651 * DAY })])
    const { bans } = yard({ store, banDuration: '1h', escalate: { max: '2h' } })
    await bans.ready()
    expect(bans.find(A)?.expiresAt).toBe(NOW + 2 * HOUR)
  })
})

describe('given a store that is slow or broken', () => {
  it('when it is not read in time, then requests are served, it is told, and the bans come in force later', async () => {
    let loaded = (_: readonly BanRecord[]) => {}
    const open = () =>
      new Promise<readonly BanRecord[]>(resolve => {
        loaded = resolve
      })
    const { bans, eventsOf, statusOf, logs } = yard({ store: { ...memoryBans(), open } })
    expect(await bans.ready({ timeout: 1 })).toBe(false)
    expect(eventsOf('security:store-error')).toMatchObject([{ operation: 'load', error: expect.any(Error) }])
    expect(logs).toEqual([
      'the kept bans are not read yet: until they are, requests are served as if nobody were banned: the store of bans was not read within 1 ms',
    ])
    expect(await statusOf(A)).toBe(200)
    loaded([record(A)])
    expect(await bans.ready()).toBe(true)
    expect(await statusOf(A)).toBe(403)
  })

  it('when a ban is lifted while it is read, then that waits for it, and the ban does not come back', async () => {
    let loaded = (_: readonly BanRecord[]) => {}
    const site = keeping()
    const open = () =>
      new Promise<readonly BanRecord[]>(resolve => {
        loaded = resolve
      })
    const { bans, statusOf } = yard({ store: { ...site.store, open } })
    await bans.ban('192.0.2.1')
    const lifting = Promise.all([bans.unban(A), bans.unban('192.0.2.1')])
    expect(await statusOf('192.0.2.1')).toBe(200)
    loaded([record(A)])
    expect(await lifting).toEqual([[A], ['192.0.2.1']])
    expect(await statusOf(A)).toBe(200)
    expect(site.steps).toEqual(['save 192.0.2.1', 'remove 192.0.2.1', `remove ${A}`])
  })

  it('when a ban is lifted and it cannot be read, then those of this process are lifted', async () => {
    const open = () => Promise.reject(new Error('no such disk'))
    const { bans } = yard({ store: { ...memoryBans(), open } })
    await bans.ban(A)
    expect(await bans.unban(A)).toEqual([A])
  })

  it('when a listener lifts a ban as it is told, then that is what is kept last', async () => {
    const site = keeping()
    const { bans, edge, offend } = yard({ maxViolations: 1, store: site.store })
    await bans.ready()
    edge.events.once('security:banned', ({ ip }) => bans.unban(ip))
    await offend(A)
    expect(site.steps).toEqual([`save ${A}`, `remove ${A}`])
  })

  it('when a listener bans again as a lifted ban is told, then that is what is kept last', async () => {
    const site = keeping([record(A)])
    const { bans, edge } = yard({ store: site.store })
    await bans.ready()
    edge.events.once('security:unbanned', ({ ip }) => bans.ban(ip))
    await bans.unban(A)
    expect(site.steps).toEqual([`remove ${A}`, `save ${A}`])
  })

  it('when it cannot be read, then ready() rejects and it is told once', async () => {
    const open = () => Promise.reject(new Error('no such disk'))
    const { bans, eventsOf } = yard({ store: { ...memoryBans(), open } })
    await expect(bans.ready()).rejects.toThrow('no such disk')
    await expect(bans.ready()).rejects.toThrow('no such disk')
    expect(eventsOf('security:store-error')).toHaveLength(1)
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('full'))],
    [
      'rejects with a thenable of its own kind',
      () => ({ then: (_: unknown, failed: (error: Error) => void) => failed(new Error('full')) }),
    ],
    [
      'throws',
      () => {
        throw new Error('full')
      },
    ],
  ])(
    'when a ban cannot be kept since it %s, then it is in force all the same, and it is told',
    async (_what, save) => {
      const { offend, statusOf, eventsOf, logs } = yard({
        maxViolations: 1,
        store: { ...memoryBans(), save: save as () => Promise<void> },
      })
      await offend(A)
      expect(await statusOf(A)).toBe(403)
      expect(eventsOf('security:store-error')).toMatchObject([{ operation: 'save' }])
      expect(logs).toEqual([
        'a ban could not be kept: it is in force in this process, and lost at its end: full',
      ])
    },
  )

  it('when half a minute has passed, then it may try again', async () => {
    vi.useFakeTimers()
    try {
      const sweep = vi.fn()
      const { edge } = yard({ store: { ...memoryBans(), sweep } })
      vi.advanceTimersByTime(30_000)
      expect(sweep).toHaveBeenCalledOnce()
      await edge.dispose()
    } finally {
      vi.useRealTimers()
    }
  })

  it('when a lifted ban cannot be forgotten, then it is lifted, and the log says that it may come back', async () => {
    const remove = () => Promise.reject(new Error('full'))
    const { bans, statusOf, logs } = yard({ store: { ...memoryBans(), remove } })
    await bans.ban(A)
    await expect(bans.unban(A)).rejects.toMatchObject({ status: 503 })
    expect(await statusOf(A)).toBe(200)
    expect(logs).toEqual([
      'a lifted ban could not be forgotten for good, and may come back at a restart: full',
    ])
  })
})
