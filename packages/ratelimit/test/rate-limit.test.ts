import { type EmittedEvent, type Middleware, pipeline, Reply } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { fakeClock, inject } from '@palisade/core/testing'
import {
  byClient,
  byHeader,
  byIdentity,
  byRoute,
  compose,
  type KeyFunction,
  type RateLimitOptions,
  rateLimit,
} from '@palisade/ratelimit'
import { afterEach, describe, expect, it, vi } from 'vitest'

const START = 1_700_000_040_000

function edgeWith(options: RateLimitOptions) {
  const clock = fakeClock(START)
  const limit = rateLimit(options)
  const edge = pipeline({ clock }).use(limit)
  const events: EmittedEvent[] = []
  edge.events.on('*', (payload, name) => events.push({ name, payload } as EmittedEvent))
  return { clock, limit, edge, events, named: (name: string) => events.filter(one => one.name === name) }
}

const oneAMinute = { algorithm: 'fixed-window', limit: 1, window: '1m' } as const

describe('rateLimit', () => {
  it('given a quota that is used up, when one more request comes, then the answer says what was exceeded', async () => {
    const { edge } = edgeWith(oneAMinute)
    expect((await inject(edge)).status).toBe(200)
    const refused = await inject(edge)
    expect(refused).toMatchObject({ status: 429, passed: false })
    expect(refused.json()).toMatchObject({
      error: {
        code: 'RATE_LIMITED',
        message: 'Too many requests',
        details: { policies: [{ name: 'default', limit: 1, window: 60, remaining: 0, retry_after: 60 }] },
        retry_after: 60,
      },
    })
  })

  it('given a refusal, when the window has passed, then it lets through again', async () => {
    const { edge, clock } = edgeWith(oneAMinute)
    await inject(edge)
    clock.advance(59_999)
    expect((await inject(edge)).status).toBe(429)
    clock.advance(1)
    expect((await inject(edge)).status).toBe(200)
  })

  it('creates no promise with the memory store, also with several policies', () => {
    const limit = rateLimit({
      policies: [
        { name: 'a', algorithm: 'gcra', limit: 1, window: '1s' },
        { name: 'b', limit: 9, window: '1m' },
      ],
    })
    const ran: unknown[] = []
    const watch: Middleware = {
      name: 'watch',
      onRequest(ctx) {
        ran.push(limit.onRequest?.(ctx))
      },
    }
    return inject(pipeline({ clock: fakeClock() }).use(watch)).then(() => expect(ran).toEqual([undefined]))
  })

  it('skip: such requests are neither counted nor refused, and carry no headers', async () => {
    const { edge } = edgeWith({ ...oneAMinute, skip: ctx => ctx.path === '/health' })
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await inject(edge, { url: '/health' })
      expect(status).toBe(200)
      expect(headers).not.toHaveProperty('ratelimit')
    }
    expect((await inject(edge)).status).toBe(200)
  })

  it('shadow: it decides, counts and emits, sets no header and lets through', async () => {
    const { edge, named } = edgeWith({ ...oneAMinute, mode: 'shadow' })
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await inject(edge)
      expect(status).toBe(200)
      expect(Object.keys(headers).filter(name => name.includes('ratelimit'))).toEqual([])
    }
    const decided = { by: 'rate-limit', rule: 'default', status: 429, enforced: false }
    expect(named('decision:refused')).toMatchObject([{ payload: decided }, { payload: decided }])
    // It must not lead to a ban.
    expect(named('security:violation')).toEqual([])
  })

  it('given a flood, then each refusal is a decision, and one violation a client and window', async () => {
    const { edge, clock, named } = edgeWith(oneAMinute)
    const flood = async (peer: string) => {
      for (let i = 0; i < 20; i++) await inject(edge, { peer, url: '/a?secret=1' })
    }
    await flood('203.0.113.1')
    const decided = { rule: 'default', key: '203.0.113.1', enforced: true, method: 'GET', path: '/a' }
    expect(named('decision:refused')).toMatchObject(Array(19).fill({ payload: decided }))
    expect(named('security:violation')).toMatchObject([
      { payload: { source: 'rate-limit', weight: 1, key: '203.0.113.1', bannable: true } },
    ])
    await flood('203.0.113.2')
    expect(named('security:violation')).toHaveLength(2)
    clock.advance(60_000)
    await flood('203.0.113.1')
    expect(named('security:violation')).toHaveLength(3)
    expect(named('decision:refused').at(-1)).toMatchObject({
      payload: { status: 429, code: 'RATE_LIMITED', by: 'rate-limit', reason: 'over "default"' },
    })
  })

  it.each<[string, KeyFunction, number]>([
    ['byClient()', byClient(), 1],
    ['byIdentity(), where nobody is logged in', byIdentity(), 1],
    ['a function that returns it', ctx => ctx.client.key, 1],
    ['composed with byClient()', compose(byRoute(), compose(byClient())), 1],
    ['that all share', () => 'all', 0],
    ['of a header', byHeader('x-user'), 0],
    ['of a route', byRoute(), 0],
    ['composed without the client', compose(byRoute(), byHeader('x-user')), 0],
  ])(
    'given a key %s, a refusal is a violation only if the client itself was counted',
    async (_, key, violations) => {
      const { edge, named } = edgeWith({ limit: 0, window: '1m', key })
      await inject(edge, { peer: '203.0.113.1', url: `/${'a'.repeat(200)}`, headers: { 'x-user': 'ada' } })
      expect(named('decision:refused')).toHaveLength(1)
      expect(named('security:violation')).toHaveLength(violations)
    },
  )

  it('given a client over its limit under many keys, that is one violation a window', async () => {
    const { edge, named, clock } = edgeWith({ limit: 0, window: '1m', key: compose(byClient(), byRoute()) })
    const flood = async () => {
      for (let i = 0; i < 5; i++) await inject(edge, { peer: '203.0.113.1', url: `/${i}` })
    }
    await flood()
    expect(named('decision:refused')).toHaveLength(5)
    expect(named('security:violation')).toHaveLength(1)
    clock.advance(60_000)
    await flood()
    expect(named('security:violation')).toHaveLength(2)
  })

  it('a limit, a burst and a cost may depend on the request', async () => {
    const { edge } = edgeWith({
      algorithm: 'token-bucket',
      limit: ctx => (ctx.header('x-plan') === 'gold' ? 100 : 2),
      burst: ctx => (ctx.header('x-plan') === 'gold' ? 10 : 1),
      window: '1m',
      cost: ctx => (ctx.method === 'POST' ? 5 : 1),
      key: byHeader('x-plan'),
    })
    const gold = { headers: { 'x-plan': 'gold' } }
    expect((await inject(edge, { ...gold, method: 'POST' })).headers['x-ratelimit-remaining']).toBe('5')
    expect((await inject(edge, gold)).headers['x-ratelimit-remaining']).toBe('4')
    const free = { headers: { 'x-plan': 'free' } }
    expect((await inject(edge, free)).headers['x-ratelimit-limit']).toBe('1')
    expect((await inject(edge, free)).status).toBe(429)
  })

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
    '%s: a limit that is changed while running loses no count',
    async algorithm => {
      const { edge, limit } = edgeWith({ algorithm, limit: 5, window: '1m' })
      const left = async () => Number((await inject(edge)).headers['x-ratelimit-remaining'])
      expect([await left(), await left(), await left()]).toEqual([4, 3, 2])
      limit.setLimit('default', { limit: 10 })
      expect(await left()).toBe(6)
      limit.setLimit('default', { limit: 3 })
      expect((await inject(edge)).status).toBe(429)
      limit.setLimit('default', { limit: 5 })
      expect(await left()).toBe(0)
    },
  )

  it('reset forgets a key, and only that one', async () => {
    const { edge, limit } = edgeWith(oneAMinute)
    await inject(edge, { peer: '203.0.113.1' })
    await inject(edge, { peer: '203.0.113.2' })
    limit.reset('203.0.113.1')
    expect((await inject(edge, { peer: '203.0.113.1' })).status).toBe(200)
    expect((await inject(edge, { peer: '203.0.113.2' })).status).toBe(429)
  })

  it('policies with keys of their own decide together', async () => {
    const { edge } = edgeWith({
      policies: [
        { name: 'client', limit: 3, window: '1m', key: byClient() },
        { name: 'user', limit: 1, window: '1m', key: byHeader('x-user') },
      ],
    })
    const as = (user: string) => inject(edge, { headers: { 'x-user': user } })
    expect((await as('a')).status).toBe(200)
    expect((await as('a')).status).toBe(429)
    // The refusal above took nothing from the client.
    expect((await as('b')).status).toBe(200)
    expect((await as('c')).status).toBe(200)
    const last = await as('d')
    expect(last.status).toBe(429)
    expect(last.headers['ratelimit']).toMatch(/^"client";r=0/)
  })
})

describe('rateLimit, counting by outcome', () => {
  const answer = (status: number) => ({ handler: new Reply(status) })

  it('failures: what succeeds is given back, what fails stays counted', async () => {
    const { edge } = edgeWith({ ...oneAMinute, limit: 2, count: 'failures' })
    for (let i = 0; i < 9; i++) expect((await inject(edge, answer(200))).status).toBe(200)
    await inject(edge, answer(401))
    await inject(edge, answer(500))
    expect((await inject(edge, answer(200))).status).toBe(429)
  })

  it('successes: what fails is given back', async () => {
    const { edge } = edgeWith({ ...oneAMinute, limit: 2, count: 'successes' })
    for (let i = 0; i < 9; i++) expect((await inject(edge, answer(404))).status).toBe(404)
    await inject(edge, answer(201))
    await inject(edge, answer(302))
    expect((await inject(edge, answer(404))).status).toBe(429)
  })

  it('isFailure decides what a failure is', async () => {
    const { edge } = edgeWith({
      ...oneAMinute,
      count: 'failures',
      isFailure: ({ status }) => status === 401,
    })
    for (let i = 0; i < 5; i++) expect((await inject(edge, answer(404))).status).toBe(404)
    await inject(edge, answer(401))
    expect((await inject(edge, answer(200))).status).toBe(429)
  })

  it.each(['failures', 'successes'] as const)('%s: an aborted request counts', async count => {
    const { edge } = edgeWith({ ...oneAMinute, count })
    await inject(edge, { abort: true })
    expect((await inject(edge)).status).toBe(429)
  })

  it('failures: many attempts at once are reserved before any has failed', async () => {
    const { edge } = edgeWith({ ...oneAMinute, limit: 3, count: 'failures' })
    const slow = { handler: () => new Promise<Reply>(resolve => setImmediate(resolve, new Reply(401))) }
    const answers = await Promise.all(Array.from({ length: 10 }, () => inject(edge, slow)))
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(3)
  })

  it('an error of the handler is a failure, and a refusal of a later middleware too', async () => {
    const refuse: Middleware = {
      name: 'refuse',
      onRequest: ctx => ctx.deny({ status: 401, code: 'UNAUTHORIZED', message: 'no' }),
    }
    const edge = pipeline({ clock: fakeClock(START) })
      .use(rateLimit({ ...oneAMinute, count: 'failures' }))
      .use(refuse)
    expect((await inject(edge)).status).toBe(401)
    expect((await inject(edge)).status).toBe(429)
  })

  it('all: the end of the response is not watched for nothing', () => {
    expect(rateLimit(oneAMinute).onResponse).toBe(undefined)
  })
})

describe('rateLimit with a leaky bucket that queues', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  const queue = { algorithm: 'leaky-bucket', limit: 10, window: '1s', burst: 3, queue: true } as const

  it('lets the requests of a burst through one by one at the rate, and refuses what does not fit', async () => {
    vi.useFakeTimers()
    const { edge } = edgeWith(queue)
    const done: number[] = []
    const all = [0, 1, 2, 3].map(async i => {
      const { status } = await inject(edge)
      done.push(i)
      return status
    })
    await vi.advanceTimersByTimeAsync(0)
    expect(new Set(done)).toEqual(new Set([0, 3]))
    await vi.advanceTimersByTimeAsync(99)
    expect(new Set(done)).toEqual(new Set([0, 3]))
    await vi.advanceTimersByTimeAsync(1)
    expect(new Set(done)).toEqual(new Set([0, 3, 1]))
    await vi.advanceTimersByTimeAsync(100)
    expect(await Promise.all(all)).toEqual([200, 200, 200, 429])
  })

  it('a server that stops keeps nobody waiting', async () => {
    vi.useFakeTimers()
    const { edge } = edgeWith(queue)
    await inject(edge)
    const waiting = inject(edge)
    await vi.advanceTimersByTimeAsync(0)
    await edge.dispose()
    expect((await waiting).status).toBe(200)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('given another pipeline with the limit, when that is disposed of, then nobody comes before the turn', async () => {
    vi.useFakeTimers()
    const limit = rateLimit(queue)
    const [edge, other] = [pipeline().use(limit), pipeline().use(limit)]
    other.compile()
    await inject(edge)
    let isServed = false
    const waiting = inject(edge).then(() => (isServed = true))
    await vi.advanceTimersByTimeAsync(0)
    await other.dispose()
    await vi.advanceTimersByTimeAsync(99)
    expect(isServed).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await waiting
  })

  it('a client that leaves while it waits does not reach the handler', async () => {
    vi.useFakeTimers()
    const handler = vi.fn(() => new Reply(200))
    let ctxOfSecond: { finish(status: number | undefined, aborted: boolean): void } | undefined
    const grab: Middleware = {
      name: 'grab',
      onRequest(ctx) {
        ctxOfSecond = ctx as HostContext
      },
    }
    const edge = pipeline({ clock: fakeClock(START) })
      .use(grab)
      .use(rateLimit(queue))
    await inject(edge)
    const second = inject(edge, { handler })
    await vi.advanceTimersByTimeAsync(0)
    ctxOfSecond?.finish(undefined, true)
    await second
    expect(handler).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })
})
