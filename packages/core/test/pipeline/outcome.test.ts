import { describe, expect, it } from 'vitest'
import { type Middleware, type Outcome, pipeline, Reply } from '../../src/index.js'
import { fakeClock, inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'
import { memoryLogger } from '../support/memory-logger.js'

const observing = (name: string, into: string[], answer?: () => unknown): Middleware =>
  ({
    name,
    onRequest: answer as (() => undefined) | undefined,
    onResponse: () => void into.push(name),
  }) as Middleware

const quiet = () => pipeline({ logger: memoryLogger() })

describe('onResponse runs once for every middleware that was reached, the last one first', () => {
  it('given all let the request through, when the response ends, then all see it in reverse', async () => {
    const seen: string[] = []
    await inject(quiet().use(observing('a', seen)).use(observing('b', seen)).use(observing('c', seen)))
    expect(seen).toEqual(['c', 'b', 'a'])
  })

  it('given a branch, when the response ends, then its middleware sees it before the parent’s', async () => {
    const seen: string[] = []
    await inject(quiet().use(observing('edge', seen)).branch().use(observing('admin', seen)))
    expect(seen).toEqual(['admin', 'edge'])
  })

  it.each([
    ['answers', () => new Reply(204)],
    ['answers later', async () => new Reply(204)],
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('boom')
      },
    ],
  ])(
    'given one that %s, when the response ends, then it and those in front see it, those behind do not',
    async (_, answer) => {
      const seen: string[] = []
      await inject(
        quiet()
          .use(observing('a', seen))
          .use(observing('b', seen, answer))
          .use(observing('c', seen, () => undefined)),
      )
      expect(seen).toEqual(['b', 'a'])
    },
  )

  it('given the handler throws, when the response ends, then the outcome has the 500 and the error', async () => {
    const outcomes: Outcome[] = []
    const edge = quiet().use({ name: 'watch', onResponse: (_, outcome) => void outcomes.push(outcome) })
    const { status, passed } = await inject(edge, {
      handler: () => {
        throw new Error('boom')
      },
    })
    expect([status, passed]).toEqual([500, true])
    expect(outcomes).toMatchObject([
      { status: 500, aborted: false, error: expect.objectContaining({ message: 'boom' }) },
    ])
  })

  it('given a client that leaves, when the response ends, then the outcome says so and the signal is aborted', async () => {
    const outcomes: Outcome[] = []
    const edge = quiet().use({ name: 'watch', onResponse: (_, outcome) => void outcomes.push(outcome) })
    let signal: AbortSignal | undefined
    const { ctx } = await inject(edge, {
      abort: true,
      handler: one => {
        signal = one.signal
        return new Reply(200)
      },
    })
    expect(outcomes).toMatchObject([{ status: undefined, aborted: true }])
    expect(signal?.aborted).toBe(true)
    expect(ctx.signal.aborted).toBe(true)
  })

  it('given a clock and a route, when the response ends, then the outcome has the route and the duration', async () => {
    const clock = fakeClock()
    const outcomes: Outcome[] = []
    const edge = pipeline({ clock }).use({
      name: 'watch',
      onResponse: (_, outcome) => void outcomes.push(outcome),
    })
    await inject(edge, {
      route: '/orders/:id',
      handler: () => {
        clock.advance(12.5)
        clock.set(0)
        return new Reply(201)
      },
    })
    expect(outcomes).toEqual([
      {
        status: 201,
        route: '/orders/:id',
        durationMs: 12.5,
        responseBytes: undefined,
        aborted: false,
        error: undefined,
      },
    ])
  })

  it('given a host that reports the end twice, when it does, then only the first counts', () => {
    const seen: string[] = []
    const compiled = quiet().use(observing('a', seen)).compile()
    const ctx = new BareContext(compiled)
    compiled.run(ctx)
    ctx.finish(200, false)
    ctx.finish(undefined, true)
    expect(seen).toEqual(['a'])
    expect(ctx.signal.aborted).toBe(false)
  })

  it('given one that throws, when the response ends, then it is logged and the others still see it', async () => {
    const seen: string[] = []
    const logger = memoryLogger()
    const bad: Middleware = {
      name: 'bad',
      onResponse() {
        throw new Error('boom')
      },
    }
    const { status } = await inject(
      pipeline({ logger }).use(observing('a', seen)).use(bad).use(observing('c', seen)),
    )
    expect(status).toBe(200)
    expect(seen).toEqual(['c', 'a'])
    expect(logger.lines).toMatchObject([
      { level: 'error', message: 'onResponse threw', fields: { middleware: 'bad' } },
    ])
  })
})

describe('what is promised where nobody waits ends no process', () => {
  /** Lets promises that have settled be handled; an unhandled rejection fails the run. */
  const settled = () => new Promise(resolve => setImmediate(resolve))
  const boom = async () => {
    throw new Error('boom')
  }

  it('given an onResponse that rejects, when the response has ended, then it is logged', async () => {
    const logger = memoryLogger()
    await inject(pipeline({ logger }).use({ name: 'bad', onResponse: boom as () => void }))
    await settled()
    expect(logger.lines).toMatchObject([
      {
        level: 'error',
        message: 'onResponse threw',
        fields: { middleware: 'bad', err: { message: 'boom' } },
      },
    ])
  })

  it('given a renderer that is asynchronous, when a request is refused, then it is refused in the plain form', async () => {
    const logger = memoryLogger()
    const edge = pipeline({ logger, errors: boom as never }).use({
      name: 'deny',
      onRequest: ctx => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'No' }),
    })
    expect((await inject(edge)).status).toBe(403)
    await settled()
    expect(logger.lines).toMatchObject([
      {
        message: 'the error renderer failed',
        fields: { err: { message: expect.stringContaining('a promise') } },
      },
    ])
  })

  it('given a log that rejects, when something is logged, then nobody is harmed', async () => {
    const edge = pipeline({ logger: { debug: boom, info: boom, warn: boom, error: boom } }).use({
      name: 'bad',
      onRequest() {
        throw new Error('boom')
      },
    })
    expect((await inject(edge)).status).toBe(500)
    await settled()
  })
})

describe('the end of a response is only watched when it matters', () => {
  it('given nobody wants to know, when a request runs, then the host is not asked', () => {
    const compiled = quiet()
      .use({ name: 'plain', onRequest() {} })
      .compile()
    const ctx = new BareContext(compiled)
    compiled.run(ctx)
    expect(ctx.watches).toBe(0)
  })

  it.each(['a hook', 'a listener', 'a signal'])(
    'given %s wants to know, when a request runs, then the host is asked once',
    what => {
      const edge = quiet().use({
        name: 'plain',
        ...(what === 'a hook' ? { onResponse() {} } : { onRequest() {} }),
      })
      if (what === 'a listener') edge.events.on('request:*', () => {})
      const compiled = edge.compile()
      const ctx = new BareContext(compiled)
      compiled.run(ctx)
      if (what === 'a signal') expect(ctx.signal).toBe(ctx.signal)
      ctx.watch()
      expect(ctx.watches).toBe(1)
    },
  )

  it('given a listener, when the response ends, then request:end comes once, after the hooks', async () => {
    const seen: string[] = []
    const edge = quiet().use(observing('a', seen))
    const ends: unknown[] = []
    edge.events.on('request:end', event => {
      seen.push('event')
      ends.push(event)
    })
    const { ctx } = await inject(edge.branch().use(observing('b', seen)), { url: '/x?secret=1', route: '/x' })
    expect(seen).toEqual(['b', 'a', 'event'])
    expect(ends).toMatchObject([
      {
        requestId: ctx.requestId,
        method: 'GET',
        path: '/x',
        ip: '203.0.113.9',
        status: 200,
        route: '/x',
        aborted: false,
      },
    ])
  })
})

describe('a host that cannot tell its route', () => {
  it('given a throw, when the response ends, then the outcome is told without one and the log says so', () => {
    const seen: (string | undefined)[] = []
    const logger = memoryLogger()
    const compiled = pipeline({ logger })
      .use({ name: 'seen', onResponse: (_ctx, { route }) => void seen.push(route) })
      .compile()
    const ctx = new BareContext(compiled)
    Object.defineProperty(ctx, 'route', {
      get() {
        throw new Error('boom')
      },
    })
    compiled.run(ctx)
    ctx.finish(200, false)
    expect(seen).toEqual([undefined])
  })
})
