import { pipeline, Reply } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { byHeader, type ConcurrencyLimitOptions, concurrencyLimit } from '@palisade/ratelimit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** Requests whose handlers answer when the test says so. */
function serverWith(options: ConcurrencyLimitOptions) {
  const limit = concurrencyLimit(options)
  const edge = pipeline({ clock: fakeClock() }).use(limit)
  const open: (() => void)[] = []
  const contexts: HostContext[] = []
  const send = (request: InjectedRequest = {}) =>
    inject(edge, {
      handler: ctx => {
        contexts.push(ctx as HostContext)
        return new Promise<Reply>(resolve => open.push(() => resolve(new Reply(200))))
      },
      ...request,
    }).then(({ status }) => status)
  return { limit, edge, open, contexts, send }
}

describe('concurrencyLimit', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const settle = () => vi.advanceTimersByTimeAsync(0)

  it('refuses what is over the limit at the same time, and lets in again when a response has ended', async () => {
    const { send, open } = serverWith({ limit: 2 })
    const first = send()
    const second = send()
    expect(await send()).toBe(429)
    open.shift()?.()
    expect(await first).toBe(200)
    const third = send()
    await settle()
    expect(open).toHaveLength(2)
    for (const end of open) end()
    expect(await Promise.all([second, third])).toEqual([200, 200])
  })

  it('counts each key apart', async () => {
    const { send, open } = serverWith({ limit: 1, key: byHeader('x-user') })
    void send({ headers: { 'x-user': 'ada' } })
    void send({ headers: { 'x-user': 'bob' } })
    await settle()
    expect(open).toHaveLength(2)
    expect(await send({ headers: { 'x-user': 'ada' } })).toBe(429)
    expect(await send()).toBe(400)
  })

  it('a client that left gives its place back, once', async () => {
    const { send, contexts } = serverWith({ limit: 1 })
    void send()
    await settle()
    contexts[0]?.finish(undefined, true)
    contexts[0]?.finish(200, false)
    void send()
    await settle()
    expect(contexts).toHaveLength(2)
    expect(await send()).toBe(429)
  })

  it('a handler that throws gives its place back', async () => {
    const { edge } = serverWith({ limit: 1 })
    for (let i = 0; i < 3; i++) expect((await inject(edge, { handler: new Reply(500) })).status).toBe(500)
  })

  it('queue: waits in line, first come, first served', async () => {
    const { send, open } = serverWith({ limit: 1, queue: { size: 2, timeout: '1s' } })
    const order: string[] = []
    const all = ['a', 'b', 'c'].map(name => send().then(() => order.push(name)))
    await settle()
    expect(await send()).toBe(429)
    for (let i = 0; i < 3; i++) {
      open.shift()?.()
      await settle()
    }
    await Promise.all(all)
    expect(order).toEqual(['a', 'b', 'c'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('queue: gives up after the timeout', async () => {
    const { send } = serverWith({ limit: 1, queue: { size: 2, timeout: '1s' } })
    void send()
    const waiting = send()
    await vi.advanceTimersByTimeAsync(1000)
    expect(await waiting).toBe(429)
  })

  it('queue: a client that leaves the line holds no place, and those behind it move up', async () => {
    const { limit, open, contexts } = serverWith({ limit: 1, queue: { size: 5, timeout: '1s' } })
    const seen: HostContext[] = []
    const watched = pipeline({ clock: fakeClock() })
      .use({
        name: 'see',
        onRequest(ctx) {
          seen.push(ctx as HostContext)
        },
      })
      .use(limit)
    const send = () =>
      inject(watched, {
        handler: ctx => {
          contexts.push(ctx as HostContext)
          return new Promise<Reply>(resolve => open.push(() => resolve(new Reply(200))))
        },
      })
    void send()
    void send()
    void send()
    await settle()
    seen[1]?.finish(undefined, true)
    open[0]?.()
    await settle()
    expect(contexts).toEqual([seen[0], seen[2]])
  })

  it('queue: given a request that something else answers while it waits, it gets no place, and none is lost', async () => {
    const { limit, open, contexts } = serverWith({ limit: 1, queue: { size: 5, timeout: '1s' } })
    const seen: HostContext[] = []
    const watched = pipeline({ clock: fakeClock() })
      .use({
        name: 'see',
        onRequest(ctx) {
          seen.push(ctx as HostContext)
        },
      })
      .use(limit)
    const send = () =>
      inject(watched, {
        handler: ctx => {
          contexts.push(ctx as HostContext)
          return new Promise<Reply>(resolve => open.push(() => resolve(new Reply(200))))
        },
      })
    void send()
    void send()
    await settle()
    seen[1]?.finish(503, false)
    open[0]?.()
    await settle()
    void send()
    await settle()
    expect(contexts).toEqual([seen[0], seen[2]])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a limit that is raised lets those in who wait', async () => {
    const { send, open, limit } = serverWith({ limit: 1, queue: { size: 5, timeout: '1s' } })
    for (let i = 0; i < 3; i++) void send()
    await settle()
    expect(open).toHaveLength(1)
    limit.setLimit(2)
    await settle()
    expect(open).toHaveLength(2)
  })

  it('a server that stops answers those who wait with 503', async () => {
    const { send, edge } = serverWith({ limit: 1, queue: { size: 5, timeout: '1s' } })
    void send()
    const waiting = send()
    await settle()
    await edge.dispose()
    expect(await waiting).toBe(503)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('limit 0 refuses all, also with a queue', async () => {
    const { send } = serverWith({ limit: 0, queue: { size: 5, timeout: '1s' } })
    expect(await send()).toBe(429)
  })

  it.each<[string, Partial<ConcurrencyLimitOptions>, number]>([
    ['by default', {}, 0],
    ['in shadow', { mode: 'shadow' }, 0],
    ['where the option says so', { violation: true }, 1],
    ['where all share the places', { violation: true, key: () => 'all' }, 0],
  ])('given a refusal %s, then it is a violation as the option says', async (_, options, violations) => {
    const { send, edge } = serverWith({ limit: 1, ...options })
    const violated = vi.fn()
    const refused = vi.fn()
    edge.events.on('security:violation', violated)
    edge.events.on('decision:refused', refused)
    for (let i = 0; i < 5; i++) void send()
    await settle()
    expect(refused).toHaveBeenCalledTimes(4)
    expect(violated).toHaveBeenCalledTimes(violations)
  })

  it('shadow: counts and emits, and lets through', async () => {
    const { send, edge, open } = serverWith({ limit: 1, mode: 'shadow' })
    const refused = vi.fn()
    edge.events.on('decision:refused', refused)
    void send()
    void send()
    void send()
    await settle()
    expect(open).toHaveLength(3)
    expect(refused).toHaveBeenCalledTimes(2)
    expect(refused.mock.calls[0]?.[0]).toMatchObject({ rule: 'concurrency', enforced: false })
  })
})
