import { pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { byClient, byRoute, compose, createLimiter, rateLimit } from '@palisade/ratelimit'
import { afterEach, describe, expect, it, vi } from 'vitest'

const DAY = 86_400_000

/** Known faults of rate limiters. Each comes from a security report. */
describe('known faults of others', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('IPv4 clients on a dual-stack socket do not all share the bucket of ::ffff:0:0/64', async () => {
    const edge = pipeline({ clock: fakeClock() }).use(rateLimit({ limit: 1, window: '1m' }))
    expect((await inject(edge, { peer: '::ffff:198.51.100.1' })).status).toBe(200)
    expect((await inject(edge, { peer: '::ffff:198.51.100.2' })).status).toBe(200)
    expect((await inject(edge, { peer: '::ffff:c633:6401' })).status).toBe(429)
    expect((await inject(edge, { peer: '198.51.100.1' })).status).toBe(429)
  })

  it('one client cannot walk through the addresses of its IPv6 /64', async () => {
    const edge = pipeline({ clock: fakeClock() }).use(rateLimit({ limit: 1, window: '1m' }))
    expect((await inject(edge, { peer: '2001:db8:1:2::1' })).status).toBe(200)
    expect((await inject(edge, { peer: '2001:db8:1:2:ffff::9' })).status).toBe(429)
    expect((await inject(edge, { peer: '2001:db8:1:3::1' })).status).toBe(200)
  })

  it('a window of more than 24.8 days overflows no timer: it sets none', () => {
    vi.useFakeTimers()
    const clock = fakeClock()
    const limiter = createLimiter({ algorithm: 'fixed-window', limit: 1, window: '30d', clock })
    expect(limiter.consume('k').resetMs).toBe(30 * DAY)
    clock.advance(30 * DAY - 1)
    expect(limiter.consume('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
    clock.advance(1)
    expect(limiter.consume('k').allowed).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a queue whose turn is more than 24.8 days away does not let through at once', async () => {
    vi.useFakeTimers()
    const edge = pipeline({ clock: fakeClock() }).use(
      rateLimit({ algorithm: 'leaky-bucket', limit: 1, window: '30d', burst: 2, queue: true }),
    )
    await inject(edge)
    let answered = false
    const second = inject(edge).then(({ status }) => {
      answered = true
      return status
    })
    await vi.advanceTimersByTimeAsync(30 * DAY - 1)
    expect(answered).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await second).toBe(200)
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
    '%s: a refund after the window has rolled gives nothing, and no count goes negative',
    algorithm => {
      const clock = fakeClock(1_700_000_040_000)
      const limiter = createLimiter({ algorithm, limit: 2, window: 1000, clock })
      const { receipt } = limiter.consume('k')
      clock.advance(2000)
      limiter.consume('k')
      if (receipt !== undefined) limiter.refund(receipt)
      expect(limiter.consume('k', 0).remaining).toBe(1)
      clock.advance(2000)
      expect(limiter.consume('k', 0).remaining).toBe(2)
    },
  )

  it('a path-keyed limit is not escaped by another spelling of the path', async () => {
    const edge = pipeline({ clock: fakeClock() }).use(
      rateLimit({ limit: 1, window: '1m', key: compose(byClient(), byRoute()) }),
    )
    expect((await inject(edge, { url: '/login' })).status).toBe(200)
    for (const url of ['/login', '/login/', '/LOGIN', '/login?x=1', 'http://other/login'])
      expect((await inject(edge, { url })).status, url).toBe(429)
    expect((await inject(edge, { url: '/login', method: 'HEAD' })).status).toBe(429)
    for (const url of [
      '//login',
      '/./login',
      '/x/../login',
      '/x%2f..%2flogin',
      '/x\\login',
      '/login%00',
      '/%',
    ])
      expect((await inject(edge, { url })).status, url).toBe(400)
    expect((await inject(edge, { url: '/other' })).status).toBe(200)
  })

  it('a path-keyed limit is not escaped by a reserved character that is escaped or not', async () => {
    const edge = pipeline({ clock: fakeClock() }).use(
      rateLimit({ limit: 1, window: '1m', key: compose(byClient(), byRoute()) }),
    )
    expect((await inject(edge, { url: '/ada@example.com;$&+,:=' })).status).toBe(200)
    for (const url of ['/ada%40example.com;$&+,:=', '/ada@example.com%3b%24%26%2B%2C%3A%3D'])
      expect((await inject(edge, { url })).status, url).toBe(429)
    for (const url of ['/100%25', '/%3F', '/%23', '/%40%25'])
      expect((await inject(edge, { url })).status, url).toBe(200)
  })

  it('the count of a sliding window outlives its own window, however much else is swept', () => {
    const clock = fakeClock(1_700_000_040_000)
    const limiter = createLimiter({ algorithm: 'sliding-window', limit: 10, window: 60_000, clock })
    clock.advance(59_000)
    limiter.consume('k', 10)
    clock.advance(60_999)
    for (let i = 0; i < 100; i++) limiter.consume(`other ${i}`)
    // 1 ms before the end of the next window the old one still weighs a little.
    expect(limiter.consume('k', 0)).toMatchObject({ remaining: 9, resetMs: 1 })
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket', 'leaky-bucket', 'gcra'] as const)(
    '%s: limit 0 refuses all, for ever, and says so without a division by zero',
    async algorithm => {
      const edge = pipeline({ clock: fakeClock(1_700_000_000_000) }).use(
        rateLimit({ algorithm, limit: 0, window: '1m' }),
      )
      const { status, headers } = await inject(edge)
      expect(status).toBe(429)
      expect(headers).toMatchObject({
        'x-ratelimit-limit': '0',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': '1700000000',
        'ratelimit-policy': '"default";q=0;w=60',
        ratelimit: '"default";r=0',
      })
      expect(headers).not.toHaveProperty('retry-after')
    },
  )

  it('a cost over the limit is refused for ever, without a Retry-After that would be a lie', async () => {
    const edge = pipeline({ clock: fakeClock() }).use(rateLimit({ limit: 5, window: '1m', cost: () => 6 }))
    const { status, headers } = await inject(edge)
    expect(status).toBe(429)
    expect(headers).not.toHaveProperty('retry-after')
    expect(headers['x-ratelimit-remaining']).toBe('5')
  })
})
