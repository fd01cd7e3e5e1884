import { Reply } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { PROBE_PATHS } from '../../src/index.js'
import { isProbe } from '../../src/sources/probe-paths.js'
import { MINUTE, yard } from '../support/yard.js'

const A = '203.0.113.9'
const SCAN = {
  jails: [{ name: 'scan', sources: ['not-found', 'probe'], threshold: 10, window: '1m', ban: '10m' }],
}

describe('missing paths', () => {
  it('given ten distinct ones within the window, then it is a scan', async () => {
    const { miss, bans } = yard(SCAN)
    for (let i = 0; i < 9; i++) await miss(A, `/page-${i}?q=${i}`)
    expect(bans.find(A)).toBeUndefined()
    await miss(A, '/page-9')
    expect(bans.find(A)).toMatchObject({ jail: 'scan', violations: 10, source: 'not-found' })
  })

  it('given one broken link that is asked for again and again, then it counts once', async () => {
    const { miss, eventsOf, clock } = yard(SCAN)
    for (let i = 0; i < 50; i++) await miss(A, `/favicon.ico?${i}`)
    expect(eventsOf('security:violation')).toHaveLength(1)
    clock.advance(MINUTE)
    await miss(A, '/favicon.ico')
    expect(eventsOf('security:violation')).toHaveLength(2)
  })

  it('given jails of other windows, then a path is the same within the window of each, and within that of no other jail', async () => {
    const { miss, bans, eventsOf, clock } = yard({
      jails: [
        { name: 'short', sources: ['not-found'], threshold: 2, window: '1m', ban: '1m' },
        { name: 'long', sources: ['not-found'], threshold: 3, window: '1h', ban: '2m' },
        { name: 'deaf', sources: ['ban'], threshold: 3, window: '24h', ban: '7d' },
      ],
    })
    for (const url of ['/a', '/a', '/b', '/a']) {
      await miss(A, url)
      clock.advance(MINUTE)
    }
    expect(eventsOf('security:violation')).toHaveLength(4)
    expect(bans.list()).toEqual([])
    await miss(A, '/c')
    expect(bans.find(A)).toMatchObject({ jail: 'long', violations: 3 })
  })

  it('given a scanner that asks for the same after each ban, then it is banned each time, beside a jail for bans too', async () => {
    const { miss, eventsOf, clock } = yard({
      jails: [
        { name: 'scan', sources: ['not-found'], threshold: 10, ban: '10m', window: '1h' },
        { name: 'recidive', sources: ['ban'], threshold: 3, window: '24h', ban: '7d' },
      ],
    })
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 10; i++) await miss(A, `/${i}`)
      clock.advance(10 * MINUTE)
    }
    expect(eventsOf('security:banned').map(ban => (ban as { jail: string }).jail)).toEqual([
      'scan',
      'scan',
      'scan',
      'recidive',
    ])
  })

  it('given very many, then what is remembered of them is bounded, and none is forgotten early by less than 64', async () => {
    const { miss, eventsOf } = yard({
      jails: [{ name: 'x', sources: ['not-found'], threshold: 10_000, window: '1m', ban: '1m' }],
    })
    for (let round = 0; round < 2; round++) for (let i = 0; i < 64; i++) await miss(A, `/${i}`)
    expect(eventsOf('security:violation')).toHaveLength(64)
    for (let i = 64; i < 200; i++) await miss(A, `/${i}`)
    await miss(A, '/0')
    expect(eventsOf('security:violation')).toHaveLength(201)
  })

  it.each([400, 401, 403, 405, 422, 429, 500, 200])(
    'given %d instead, then nothing is counted',
    async status => {
      const { visit, eventsOf } = yard(SCAN)
      for (let i = 0; i < 20; i++) await visit(A, { url: `/${i}`, handler: new Reply(status) })
      expect(eventsOf('security:violation')).toEqual([])
    },
  )

  it('given a preflight, then it does not count; another OPTIONS does', async () => {
    const { miss, eventsOf } = yard(SCAN)
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'PUT' }
    await miss(A, '/a', { method: 'OPTIONS', headers })
    expect(eventsOf('security:violation')).toEqual([])
    await miss(A, '/a', { method: 'OPTIONS' })
    expect(eventsOf('security:violation')).toHaveLength(1)
  })

  it('given a client that left before the answer, then nothing is counted', async () => {
    const { miss, eventsOf } = yard(SCAN)
    await miss(A, '/a', { abort: true })
    expect(eventsOf('security:violation')).toEqual([])
  })

  it('given a lifted ban, then its paths are forgotten too', async () => {
    const { miss, bans, eventsOf } = yard(SCAN)
    for (let i = 0; i < 10; i++) await miss(A, `/${i}`)
    await bans.unban(A)
    await miss(A, '/0')
    expect(bans.find(A)).toBeUndefined()
    expect(eventsOf('security:violation')).toHaveLength(11)
  })
})

describe('probes', () => {
  it('given four requests for what only scanners want, then it is a scan, even of one path', async () => {
    const { miss, bans, eventsOf } = yard(SCAN)
    for (let i = 0; i < 3; i++) await miss(A, '/.env')
    expect(bans.find(A)).toBeUndefined()
    await miss(A, '/wp-login.php')
    expect(bans.find(A)).toMatchObject({ violations: 12, source: 'probe' })
    expect(eventsOf('security:violation')).toMatchObject(
      Array(4).fill({ source: 'probe', weight: 3, path: expect.any(String) }),
    )
  })

  it('given a guard that answers first, then the probe counts all the same', async () => {
    const { visit, eventsOf } = yard(SCAN)
    for (const status of [401, 403, 404]) await visit(A, { url: '/.git/config', handler: new Reply(status) })
    expect(eventsOf('security:violation')).toHaveLength(3)
  })

  it('given a server that has such a page, then asking for it is no probe', async () => {
    const { visit, eventsOf } = yard(SCAN)
    for (let i = 0; i < 10; i++) await visit(A, { url: '/wp-login.php', handler: new Reply(200) })
    expect(eventsOf('security:violation')).toEqual([])
  })

  it.each([
    '/.env',
    '/.env.local',
    '/%2eenv',
    '/.ENV',
    '//.env',
    '/.git/config',
    '/WP-Login.php',
    '/phpMyAdmin/index.php',
    '/\\.env',
  ])('given %s, then it is a probe', path => {
    expect(isProbe(path, PROBE_PATHS)).toBe(true)
  })

  it.each(['/', '/env', '/orders/.env', '/wp', '/%', '/%zz', '/git/config', '*', '/well-known'])(
    'given %s, then it is none',
    path => {
      expect(isProbe(path, PROBE_PATHS)).toBe(false)
    },
  )

  it('given a list of its own, then that counts instead', async () => {
    const { miss, eventsOf } = yard({ ...SCAN, probePaths: ['/honey'] })
    await miss(A, '/honeypot')
    await miss(A, '/.env')
    expect(eventsOf('security:violation').map(one => (one as { source: string }).source)).toEqual([
      'probe',
      'not-found',
    ])
  })
})

describe('given jails that hear neither', () => {
  it('then the end of requests is not watched', () => {
    const { bans } = yard({
      jails: [{ name: 'auth', sources: ['auth'], threshold: 1, window: '1m', ban: '1m' }],
    })
    expect(bans.onResponse).toBeUndefined()
    expect(yard({ probePaths: [] }).bans.onResponse).toBeDefined()
  })
})
