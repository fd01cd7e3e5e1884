import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  directPeer,
  EventBus,
  envelope,
  type Identity,
  type Middleware,
  type PipelineOptions,
  pipeline,
  problemDetails,
  provideIdentity,
  Reply,
  requestId,
} from '../../src/index.js'
import { inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

const identity: Identity = { subject: 'u1', method: 'test', scopes: new Set(), roles: new Set(), claims: {} }

function named(name: string, into: string[]): Middleware {
  return {
    name,
    onRequest() {
      into.push(name)
    },
  }
}

describe('a pipeline is an immutable list of middleware', () => {
  it('given three middlewares, when a request comes, then they see it in the order of use()', async () => {
    const seen: string[] = []
    await inject(pipeline().use(named('a', seen)).use(named('b', seen)).use(named('c', seen)))
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  it('given a shared start, when it is extended twice, then neither extension sees the other', async () => {
    const seen: string[] = []
    const shared = pipeline().use(named('shared', seen))
    const left = shared.use(named('left', seen))
    const right = shared.use(named('right', seen))
    await inject(left)
    await inject(right)
    await inject(shared)
    expect(seen).toEqual(['shared', 'left', 'shared', 'right', 'shared'])
  })

  it('given a pipeline, when it is compiled twice, then setup ran once', () => {
    let setups = 0
    const edge = pipeline().use({ name: 'counted', setup: () => void setups++ })
    expect(edge.compile()).toBe(edge.compile())
    edge.branch().compile()
    expect(setups).toBe(1)
  })

  it('given a time for bodies, when it is left out, then it is half a minute', () => {
    const timeOf = (options: PipelineOptions) => pipeline(options).compile().services.bodyTimeoutMs
    expect([timeOf({}), timeOf({ bodyTimeout: '2s' })]).toEqual([30_000, 2000])
  })

  it('given a middleware with setup, when it is compiled, then it is handed the services of the pipeline', () => {
    let services: unknown
    const edge = pipeline().use({
      name: 'curious',
      setup: given => {
        services = given
      },
    })
    expect(services).toBeUndefined()
    expect(edge.compile().services).toBe(services)
    expect(edge.events).toBe(edge.compile().services.events)
  })

  it('given what middlewares give, when a request begins, then the state has all names at once', async () => {
    let before: unknown
    const edge = pipeline()
      .use({
        name: 'first',
        onRequest(ctx) {
          before = { ...ctx.state }
        },
      })
      .use(requestId({ generator: () => 'id-1' }))
      .use(provideIdentity(() => identity))
    const { state } = await inject(edge)
    expect(before).toStrictEqual({ requestId: undefined, identity: undefined })
    expect(state).toEqual({ requestId: 'id-1', identity })
  })
})

describe('what is wrong is found when the pipeline is built', () => {
  // As plain JavaScript sees it: no types stand in the way.
  const use = (target: object, one: unknown) => (target as { use(one: unknown): unknown }).use(one)

  it('given a guard before an identity, when it is used, then the error names what is missing', () => {
    const guard = { name: 'guard', needs: ['identity'], onRequest() {} }
    expect(() => use(pipeline().use(requestId()), guard)).toThrow(
      'pipeline.use(guard): option "needs" is "identity"; allowed: what an earlier middleware gives (so far: requestId); mount one that gives "identity" in front of it',
    )
    expect(() => use(pipeline(), guard)).toThrow('so far: nothing')
    use(pipeline().use(provideIdentity(() => identity)), guard)
  })

  it('given a branch, when its parent gives what is needed, then it is accepted, and only then', () => {
    const guard = { name: 'guard', needs: ['identity'], onRequest() {} }
    use(
      pipeline()
        .use(provideIdentity(() => identity))
        .branch(),
      guard,
    )
    expect(() => use(pipeline().branch(), guard)).toThrow(ConfigError)
  })

  it('given one middleware, when it is used twice, then it is refused, behind a branch too', () => {
    const once = requestId()
    const edge = pipeline().use(once)
    expect(() => edge.use(once)).toThrow('each middleware once')
    expect(() => edge.branch().use(once)).toThrow('each middleware once')
    edge.use(requestId())
  })

  it.each([
    ['a factory that was not called', requestId, 'was the factory called?'],
    ['nothing', undefined, 'a middleware'],
    ['null', null, 'a middleware'],
    ['no name', { onRequest() {} }, 'a middleware'],
    ['no hook', { name: 'idle' }, 'a middleware'],
    ['a hook that is no function', { name: 'odd', onRequest: true }, 'a middleware'],
    ['a dispose that is no function', { name: 'odd', onRequest() {}, dispose: 1 }, 'a middleware'],
    ['an empty name', { name: '', onRequest() {} }, 'option "name" is ""'],
    ['a name of blanks', { name: '  ', onRequest() {} }, 'option "name" is "  "'],
    ['a name of two lines', { name: 'a\nb', onRequest() {} }, 'on one line'],
    ['a name without end', { name: 'x'.repeat(100_001), onRequest() {} }, 'option "name"'],
    [
      'needs that are one text',
      { name: 'guard', needs: 'identity', onRequest() {} },
      'pipeline.use(guard): option "needs" is "identity"; allowed: a list of names of state, ["identity"]',
    ],
    [
      'gives that are one text',
      { name: 'login', gives: 'identity', onRequest() {} },
      'pipeline.use(login): option "gives" is "identity"; allowed: a list of names of state, ["identity"]',
    ],
    ['needs that are no names', { name: 'odd', needs: [7], onRequest() {} }, 'option "needs[0]" is 7'],
    [
      'needs with a hole',
      { name: 'odd', needs: Object.assign([], { length: 1 }), onRequest() {} },
      'option "needs[0]" is missing',
    ],
    ['gives that are no names', { name: 'odd', gives: [''], onRequest() {} }, 'option "gives[0]" is ""'],
    [
      'gives that every object has',
      { name: 'odd', gives: ['__proto__'], onRequest() {} },
      'option "gives[0]"',
    ],
    [
      'what cannot be read',
      new Proxy(
        {},
        {
          get() {
            throw new Error('no')
          },
        },
      ),
      'a middleware',
    ],
  ])('given %s, when it is used, then it is refused', (_, value, says) => {
    expect(() => use(pipeline(), value)).toThrow(ConfigError)
    expect(() => use(pipeline(), value)).toThrow(says)
  })

  it.each([
    [{ trsut: {} }, 'did you mean "trust"?'],
    [{ trust: {} }, 'option "trust"'],
    [{ errors: 'envelope' }, 'option "errors"'],
    [{ logger: { error() {} } }, 'option "logger"'],
    [{ production: 'yes' }, 'option "production"'],
    [{ clock: { now: () => 0 } }, 'option "clock"'],
    [null, 'pipeline: the options are null'],
    [new Map(), 'pipeline: the options are a Map'],
    [{ errors: problemDetails }, 'option "errors" is a function; allowed: problemDetails(), called'],
    [{ errors: envelope }, 'option "errors" is a function; allowed: envelope(), called'],
    [{ trust: directPeer }, 'option "trust"'],
    [{ events: EventBus }, 'option "events"'],
  ])('given the options %o, when a pipeline is made, then the message has: %s', (options, says) => {
    expect(() => pipeline(options as object)).toThrow(says)
  })
})

describe('dispose closes what was opened', () => {
  const failing = () => {
    throw new Error('no port')
  }
  const settled = () => new Promise(resolve => setImmediate(resolve))
  const closing = (name: string, into: string[], fails = false): Middleware => ({
    name,
    onRequest() {},
    async dispose() {
      into.push(name)
      if (fails) throw new Error(`${name} is stuck`)
    },
  })

  it('given several, when disposed twice, then each closes once, the last one first', async () => {
    const closed: string[] = []
    const edge = pipeline().use(closing('a', closed)).use(closing('b', closed))
    edge.compile()
    await Promise.all([edge.dispose(), edge.dispose()])
    expect(closed).toEqual(['b', 'a'])
  })

  it('given one that fails, when disposed, then the others are closed all the same and the error is thrown', async () => {
    const closed: string[] = []
    const edge = pipeline()
      .use(closing('a', closed))
      .use(closing('b', closed, true))
    edge.compile()
    await expect(edge.dispose()).rejects.toThrow('b is stuck')
    expect(closed).toEqual(['b', 'a'])
    const both = pipeline()
      .use(closing('c', closed, true))
      .use(closing('d', closed, true))
    both.compile()
    await expect(both.dispose()).rejects.toBeInstanceOf(AggregateError)
  })

  it('given a pipeline that was never compiled, when disposed, then what its factories opened is closed, once', async () => {
    const closed: string[] = []
    const edge = pipeline().use(closing('a', closed)).use(closing('b', closed))
    await Promise.all([edge.dispose(), edge.dispose()])
    expect(closed).toEqual(['b', 'a'])
  })

  it('given a pipeline that was never compiled, when it was disposed, then it does not compile any more, nor does what was built on it', async () => {
    const edge = pipeline().use(closing('a', []))
    await edge.dispose()
    const says = 'pipeline.compile: option "middleware" is "a"; allowed: one that is not disposed of'
    for (const late of [edge, edge.use(requestId()), edge.branch(), edge.branch().use(requestId())])
      expect(() => late.compile()).toThrow(says)
  })

  it('given a longer pipeline that runs, when the shorter one it was built on is disposed, then what runs stays open', async () => {
    const closed: string[] = []
    const start = pipeline().use(closing('a', closed))
    const edge = start.use(closing('b', closed))
    edge.compile()
    await start.dispose()
    expect(closed).toEqual([])
    expect((await inject(edge)).status).toBe(200)
    await edge.dispose()
    expect(closed).toEqual(['b', 'a'])
  })

  it('given two pipelines of one start, when one is disposed, then what both have is open until the other is', async () => {
    const closed: string[] = []
    const start = pipeline().use(closing('a', closed))
    const [left, right] = [start.use(closing('l', closed)), start.use(closing('r', closed))]
    left.compile()
    right.compile()
    await left.dispose()
    expect(closed).toEqual(['l'])
    await right.dispose()
    expect(closed).toEqual(['l', 'r', 'a'])
  })

  it('given a setup that fails, when the pipeline is disposed, then what was set up before is closed', async () => {
    const closed: string[] = []
    const edge = pipeline()
      .use(closing('a', closed))
      .use({
        name: 'broken',
        setup() {
          throw new Error('no port')
        },
      })
    expect(() => edge.compile()).toThrow('no port')
    await edge.dispose()
    expect(closed).toEqual(['a'])
  })

  it('given a setup that fails, when it does, then what was begun is closed at once, the last one first, and the rest with the pipeline', async () => {
    const closed: string[] = []
    const edge = pipeline()
      .use(closing('a', closed))
      .use(closing('b', closed))
      .use({ ...closing('broken', closed), setup: failing })
      .use(closing('later', closed))
    expect(() => edge.compile()).toThrow('no port')
    await settled()
    expect(closed).toEqual(['broken', 'b', 'a'])
    await edge.dispose()
    expect(closed).toEqual(['broken', 'b', 'a', 'later'])
  })

  it('given a setup that fails, when it is compiled again, then that failure is told again, and nothing is set up', () => {
    let setups = 0
    const edge = pipeline()
      .use({ name: 'a', setup: () => void setups++ })
      .use({ name: 'broken', setup: failing })
    for (const late of [edge, edge, edge.branch()]) expect(() => late.compile()).toThrow('no port')
    expect(setups).toBe(1)
  })

  it('given a setup that fails, when what was begun fails to close too, then the first failure is thrown and the other is logged', async () => {
    const logger = memoryLogger()
    const edge = pipeline({ logger })
      .use(closing('a', [], true))
      .use({ name: 'broken', setup: failing })
    expect(() => edge.compile()).toThrow('no port')
    await settled()
    expect(logger.lines).toMatchObject([
      {
        level: 'error',
        fields: { err: { message: 'a is stuck' } },
        message: 'what a failed setup left could not be closed',
      },
    ])
  })

  it('given a setup that fails, when another pipeline on the same start runs, then what both have stays open', async () => {
    const closed: string[] = []
    const start = pipeline().use(closing('a', closed))
    const edge = start.use(closing('b', closed))
    edge.compile()
    expect(() => start.use({ name: 'broken', setup: failing }).compile()).toThrow('no port')
    await settled()
    expect(closed).toEqual([])
    expect((await inject(edge)).status).toBe(200)
  })
})

describe('behind dispose nothing passes unprotected', () => {
  const quiet = () => pipeline({ logger: memoryLogger() })
  const counting = (into: string[]): Middleware => ({
    name: 'counting',
    onRequest: () => void into.push('request'),
    onResponse: () => void into.push('response'),
    dispose() {},
  })

  it('given a pipeline that was disposed, when a request comes, then it is refused with 503 and no middleware sees it', async () => {
    const seen: string[] = []
    const edge = quiet().use(counting(seen))
    edge.compile()
    const denials: unknown[] = []
    edge.events.on('decision:refused', denial => denials.push(denial))
    const disposing = edge.dispose()
    for (const when of ['while it closes', 'afterwards']) {
      const { status, passed, json } = await inject(edge, { url: `/${when}` })
      expect([status, passed]).toEqual([503, false])
      expect(json()).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE' } })
      await disposing
    }
    expect(seen).toEqual([])
    expect(denials).toMatchObject([{ status: 503, reason: 'the pipeline was disposed of' }, { status: 503 }])
  })

  it('given a branch that was disposed, when requests come, then it refuses and its parent does not', async () => {
    const edge = quiet()
    const admin = edge.branch().use(counting([]))
    admin.compile()
    await admin.dispose()
    expect((await inject(admin)).status).toBe(503)
    expect((await inject(edge)).status).toBe(200)
  })

  it('given a parent that was disposed, when a request comes to the branch, then it is refused', async () => {
    const edge = quiet().use(counting([]))
    const admin = edge.branch().use(counting([]))
    admin.compile()
    await edge.dispose()
    expect((await inject(admin)).status).toBe(503)
  })

  it('given a request that waits, when the pipeline is disposed meanwhile, then it reaches no further middleware', async () => {
    const seen: string[] = []
    let go = () => {}
    const waiting: Middleware = {
      name: 'waiting',
      onRequest: () => new Promise<void>(resolve => (go = resolve)),
    }
    const edge = quiet().use(waiting).use(counting(seen))
    const response = inject(edge)
    await edge.dispose()
    go()
    expect((await response).status).toBe(503)
    expect(seen).toEqual([])
  })

  it('given a request that waits in the last middleware, when the pipeline is disposed meanwhile, then it has seen them all and passes', async () => {
    let go = () => {}
    const waiting: Middleware = {
      name: 'waiting',
      onRequest: () => new Promise<void>(resolve => (go = resolve)),
    }
    const edge = quiet().use(counting([])).use(waiting)
    const response = inject(edge)
    await edge.dispose()
    go()
    expect((await response).status).toBe(200)
  })
})

describe('what a hook promises and nobody waits for', () => {
  it('given a setup that is asynchronous, when compiled, then it is refused: requests would come before it is done', async () => {
    const edge = pipeline().use({
      name: 'late',
      setup: (async () => {
        throw new Error('no connection')
      }) as () => void,
    })
    expect(() => edge.compile()).toThrow(
      'pipeline.use(late): option "setup" is a Promise; allowed: a function that is done when it returns',
    )
  })
})

describe('a reply is immutable', () => {
  it('given a header of another case, when it is set again, then it is replaced', () => {
    const first = new Reply(200, { 'Content-Type': 'text/plain', ETag: '"1"' })
    const second = first.with({ 'content-type': 'text/html' })
    expect(second.headers).toEqual({ 'Content-Type': 'text/html', ETag: '"1"' })
    expect(first.headers['Content-Type']).toBe('text/plain')
  })

  it.each([0, 100, 199, 600, 200.5, Number.NaN])(
    'given the status %s, when it is made, then it is refused',
    status => {
      expect(() => new Reply(status)).toThrow(RangeError)
    },
  )
})

describe('in plain JavaScript', () => {
  it.each([
    [
      'use',
      () =>
        (pipeline().use as (...all: unknown[]) => unknown)(
          requestId(),
          provideIdentity(() => undefined),
        ),
    ],
    ['branch', () => (pipeline().branch as (...all: unknown[]) => unknown)({ trust: 1 })],
  ])(
    'given %s with more than it takes, when it is called, then nothing is dropped without a word',
    (name, call) => {
      expect(call).toThrow(new RegExp(`^pipeline.${name}: option "arguments" is`))
    },
  )
})
