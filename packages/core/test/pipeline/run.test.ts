import { describe, expect, it } from 'vitest'
import { type Denial, type Middleware, pipeline, Reply, RequestError } from '../../src/index.js'
import { inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'
import { memoryLogger } from '../support/memory-logger.js'

const answering = (onRequest: () => unknown): Middleware => ({
  name: 'answering',
  onRequest: onRequest as () => undefined,
})
const quiet = (production = false) => pipeline({ logger: memoryLogger(), production })

describe('the runner', () => {
  it.each([
    ['at once', () => {}],
    ['after a wait', async () => {}],
  ])(
    'given a middleware that denies %s and forgets to return it, when it runs, then it is a 500 and not let through',
    async (_when, wait) => {
      const edge = quiet().use({
        name: 'forgetful',
        onRequest(ctx) {
          ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no' })
          return wait() as undefined
        },
      })
      const { status, passed } = await inject(edge)
      expect([status, passed]).toEqual([500, false])
    },
  )

  it('given an error whose properties cannot be read, and a logger that throws, when it runs, then it is a 500', async () => {
    const fail = () => {
      throw new Error('broken')
    }
    const logger = { debug: fail, info: fail, warn: fail, error: fail }
    const hostile = Object.defineProperty({}, 'status', { get: fail })
    const edge = pipeline({ logger }).use(
      answering(() => {
        throw hostile
      }),
    )
    expect((await inject(edge)).status).toBe(500)
  })

  it('given synchronous middleware, when it runs, then no promise is made: it returns undefined', () => {
    const compiled = quiet()
      .use(answering(() => undefined))
      .use(answering(() => {}))
      .compile()
    expect(compiled.run(new BareContext(compiled))).toBeUndefined()
  })

  it('given a synchronous answer, when it runs, then it returns that very Reply and the rest is not reached', () => {
    let reached = false
    const reply = new Reply(204)
    const compiled = quiet()
      .use(answering(() => reply))
      .use(
        answering(() => {
          reached = true
        }),
      )
      .compile()
    expect(compiled.run(new BareContext(compiled))).toBe(reply)
    expect(reached).toBe(false)
  })

  it('given synchronous failures and refusals, when they run, then the answer is there at once', () => {
    const failing = quiet()
      .use(
        answering(() => {
          throw new Error('boom')
        }),
      )
      .compile()
    expect(failing.run(new BareContext(failing))).toMatchObject({ status: 500 })
    const denying = quiet()
      .use({ name: 'deny', onRequest: ctx => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'No' }) })
      .compile()
    expect(denying.run(new BareContext(denying))).toMatchObject({ status: 403 })
  })

  it('given one that waits, when it runs, then the rest waits for it, in order', async () => {
    const seen: string[] = []
    const step = (name: string, wait: boolean) =>
      answering(() => {
        seen.push(name)
        return wait ? Promise.resolve() : undefined
      })
    const compiled = quiet().use(step('a', false)).use(step('b', true)).use(step('c', false)).compile()
    const running = compiled.run(new BareContext(compiled))
    expect(running).toBeInstanceOf(Promise)
    expect(seen).toEqual(['a', 'b'])
    expect(await running).toBeUndefined()
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  it('given an asynchronous answer, when it comes, then the rest is not reached', async () => {
    let reached = false
    const { status, passed } = await inject(
      quiet()
        .use(answering(async () => new Reply(202)))
        .use(
          answering(() => {
            reached = true
          }),
        ),
    )
    expect([status, passed, reached]).toEqual([202, false, false])
  })

  it.each([
    ['false', false],
    ['true', true],
    ['null', null],
    ['0', 0],
    ['an empty string', ''],
    ['a string', 'ok'],
    ['a function', () => {}],
    ['an object', { status: 200 }],
    ['a host’s own response', new Response('ok')],
  ])(
    'given a middleware that returns %s, when it runs, then it refuses with 500, now or later',
    async (_, value) => {
      for (const onRequest of [() => value, async () => value]) {
        let reached = false
        const { status, passed } = await inject(
          quiet()
            .use(answering(onRequest))
            .use(
              answering(() => {
                reached = true
              }),
            ),
        )
        expect([status, passed, reached]).toEqual([500, false, false])
      }
    },
  )

  it('given a reply of another copy of this package, when it is returned, then it is an answer', async () => {
    const foreign = { status: 418, headers: {}, body: null, [Symbol.for('@palisade/core.reply')]: true }
    const { status } = await inject(quiet().use(answering(() => foreign)))
    expect(status).toBe(418)
  })

  it.each([
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
    [
      'returns a thenable that rejects',
      () => ({
        then: (_: unknown, reject: (error: Error) => void) => reject(new Error('boom')),
      }),
    ],
  ])(
    'given a middleware that %s, when it runs, then it is a 500, logged with its cause and emitted',
    async (_, onRequest) => {
      const logger = memoryLogger()
      const edge = pipeline({ logger, production: true }).use(answering(onRequest))
      const emitted: unknown[] = []
      edge.events.on('request:error', event => emitted.push(event))
      const { status, body, ctx } = await inject(edge, { url: '/orders?token=secret' })
      expect(status).toBe(500)
      expect(body).not.toContain('boom')
      const error = expect.objectContaining({ message: 'boom' })
      expect(logger.lines).toEqual([
        {
          level: 'error',
          fields: { err: error, request_id: ctx.requestId, method: 'GET', path: '/orders' },
          message: 'middleware "answering" failed',
        },
      ])
      expect(emitted).toEqual([
        { requestId: ctx.requestId, method: 'GET', path: '/orders', error, by: 'answering' },
      ])
    },
  )

  it('given a RequestError, when it is thrown, then it is a refusal and no error: nothing is logged', async () => {
    const logger = memoryLogger()
    const edge = pipeline({ logger }).use(
      answering(() => {
        throw new RequestError(409, 'Taken', { headers: { 'X-Why': 'twice' } })
      }),
    )
    const denied: unknown[] = []
    edge.events.on('decision:refused', event => denied.push(event))
    const { status, headers } = await inject(edge)
    expect([status, headers['x-why']]).toEqual([409, 'twice'])
    expect(denied).toMatchObject([{ status: 409, code: 'CONFLICT', by: 'answering', ip: '203.0.113.9' }])
    expect(logger.lines).toEqual([])
  })

  it('given somebody listens, when a request starts, then request:start says so once, branches or not', async () => {
    const edge = quiet()
    const started: unknown[] = []
    edge.events.on('request:start', event => started.push(event))
    const { ctx } = await inject(edge.branch(), { method: 'POST', url: '/a?b=c' })
    expect(started).toEqual([{ requestId: ctx.requestId, method: 'POST', path: '/a', ip: '203.0.113.9' }])
  })
})

describe('a refusal that is none is a mistake of its author, and refuses', () => {
  const denying = (denial: unknown, after: (deny: () => Reply) => unknown = deny => deny()) => {
    const logger = memoryLogger()
    const edge = pipeline({ logger, production: true }).use({
      name: 'odd',
      onRequest: ctx => after(() => ctx.deny(denial as Denial)) as Reply,
    })
    const denied: unknown[] = []
    edge.events.on('decision:refused', event => denied.push(event))
    return { edge, logger, denied }
  }

  it.each<[string, unknown]>([
    ['status 200', { status: 200, code: 'OK', message: 'fine' }],
    ['status 302', { status: 302, code: 'FOUND', message: 'over there' }],
    ['status 399', { status: 399, code: 'ODD', message: 'odd' }],
    ['status 600', { status: 600, code: 'ODD', message: 'odd' }],
    ['status 403.5', { status: 403.5, code: 'ODD', message: 'odd' }],
    ['a status that is text', { status: '403', code: 'FORBIDDEN', message: 'no' }],
    ['no status', { code: 'FORBIDDEN', message: 'no' }],
    ['no code', { status: 403, message: 'no' }],
    ['an empty code', { status: 403, code: '', message: 'no' }],
    ['no message', { status: 403, code: 'FORBIDDEN' }],
    ['no time to wait', { status: 429, code: 'RATE_LIMITED', message: 'no', retryAfterSeconds: Number.NaN }],
    ['time without end', { status: 429, code: 'RATE_LIMITED', message: 'no', retryAfterSeconds: Infinity }],
    ['time gone by', { status: 429, code: 'RATE_LIMITED', message: 'no', retryAfterSeconds: -1 }],
    ['part of a second', { status: 429, code: 'RATE_LIMITED', message: 'no', retryAfterSeconds: 0.5 }],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'no'],
  ])(
    'given deny() with %s, when it runs, then it is a 500 with the cause in the log, and no refusal is told',
    async (_, denial) => {
      const { edge, logger, denied } = denying(denial)
      const { status, passed, body } = await inject(edge)
      expect([status, passed]).toEqual([500, false])
      expect(body).toContain('INTERNAL_ERROR')
      expect(logger.lines).toMatchObject([
        {
          level: 'error',
          message: 'middleware "odd" failed',
          fields: { err: { message: expect.stringContaining('ctx.deny') } },
        },
      ])
      expect(denied).toEqual([])
    },
  )

  it('given an author who catches that, when it goes on, then the request does not', async () => {
    for (const denial of [{ status: 200, code: 'OK', message: 'fine' }, undefined]) {
      const { edge } = denying(denial, deny => {
        try {
          deny()
        } catch {
          return undefined
        }
      })
      const { status, passed } = await inject(edge)
      expect([status, passed]).toEqual([500, false])
    }
  })

  it.each([400, 404, 451, 500, 503, 599])(
    'given deny() with status %d, then it is a refusal',
    async status => {
      const { edge, denied } = denying({ status, code: 'SOME', message: 'no', retryAfterSeconds: 0 })
      expect((await inject(edge)).status).toBe(status)
      expect(denied).toHaveLength(1)
    },
  )
})

describe('a pipeline runs at most once on a request', () => {
  it('given a second run on the same context, when it runs, then nothing happens', () => {
    let runs = 0
    const compiled = quiet()
      .use(answering(() => void runs++))
      .compile()
    const ctx = new BareContext(compiled)
    compiled.run(ctx)
    expect(compiled.run(ctx)).toBeUndefined()
    expect(runs).toBe(1)
  })

  it.each<[string, () => unknown]>([
    ['refused', () => new Reply(403)],
    ['waits still', () => new Promise(() => {})],
  ])(
    'given a run that %s, when the request comes by again, then it is not let through by that',
    (_, onRequest) => {
      const logger = memoryLogger()
      const compiled = pipeline({ logger }).use(answering(onRequest)).compile()
      const ctx = new BareContext(compiled)
      compiled.run(ctx)
      expect(compiled.run(ctx)).toMatchObject({ status: 500 })
      expect(logger.lines).toMatchObject([{ level: 'error', message: 'a pipeline was reached again' }])
    },
  )

  it('given two requests, when they run, then each has its own run and its own state', () => {
    let runs = 0
    const compiled = quiet()
      .use(answering(() => void runs++))
      .compile()
    const [one, two] = [new BareContext(compiled), new BareContext(compiled)]
    compiled.run(one)
    compiled.run(two)
    expect(runs).toBe(2)
    expect(one.state).not.toBe(two.state)
  })

  it('given unrelated pipelines on one host request, when their contexts are attached, then each finds its own', () => {
    const [left, right, third] = [quiet().compile(), quiet().compile(), quiet().compile()]
    const request = {}
    const contexts = [new BareContext(left), new BareContext(right)] as const
    left.attach(request, contexts[0])
    right.attach(request, contexts[1])
    expect(left.contextOf(request)).toBe(contexts[0])
    expect(right.contextOf(request)).toBe(contexts[1])
    expect(third.contextOf(request)).toBeUndefined()
    expect(Object.keys(request)).toEqual([])
  })

  it('given a branch, when its context is looked for, then it is that of its root', () => {
    const edge = quiet()
    const branch = edge.branch().branch().compile()
    const request = {}
    const ctx = new BareContext(edge.compile())
    edge.compile().attach(request, ctx)
    expect(branch.contextOf(request)).toBe(ctx)
  })
})

describe('a branch runs only its own middleware, behind its parent', () => {
  it('given parent and branch, when both run, then each middleware runs once on one context', async () => {
    const seen: string[] = []
    const note = (name: string): Middleware => ({ name, onRequest: () => void seen.push(name) })
    const edge = quiet().use(note('edge'))
    const { status, passed } = await inject(edge.branch().use(note('admin')).branch().use(note('owner')))
    expect(seen).toEqual(['edge', 'admin', 'owner'])
    expect([status, passed]).toEqual([200, true])
  })

  it('given a parent that never ran, when the branch is reached, then it refuses with 500 and says so in the log', () => {
    const logger = memoryLogger()
    let reached = false
    const edge = pipeline({ logger })
    const branch = edge
      .branch()
      .use(
        answering(() => {
          reached = true
        }),
      )
      .compile()
    expect(branch.run(new BareContext(edge.compile()))).toMatchObject({ status: 500 })
    expect(reached).toBe(false)
    expect(logger.lines).toMatchObject([
      {
        level: 'error',
        message: 'a branch ran without its parent',
        fields: { err: { message: expect.stringContaining('mount the parent') } },
      },
    ])
  })

  it('given a parent that refused, when the branch is reached all the same, then it refuses', () => {
    const edge = quiet().use(answering(() => new Reply(403)))
    const branch = edge.branch().compile()
    const ctx = new BareContext(edge.compile())
    edge.compile().run(ctx)
    expect(branch.run(ctx)).toMatchObject({ status: 500 })
  })

  it('given a parent that still waits, when the branch is reached, then it refuses: nothing has been decided', async () => {
    const edge = quiet().use(answering(async () => undefined))
    const branch = edge.branch().compile()
    const ctx = new BareContext(edge.compile())
    const waiting = edge.compile().run(ctx)
    expect(branch.run(ctx)).toMatchObject({ status: 500 })
    await waiting
    expect(branch.run(ctx)).toBeUndefined()
  })

  it('given the grandparent ran but the parent did not, when the branch is reached, then it refuses', () => {
    const edge = quiet()
    const branch = edge.branch().branch().compile()
    const ctx = new BareContext(edge.compile())
    edge.compile().run(ctx)
    expect(branch.run(ctx)).toMatchObject({ status: 500 })
  })
})
