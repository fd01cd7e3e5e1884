import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  type Identity,
  type Middleware,
  pipeline,
  provideIdentity,
  Reply,
  requestId,
} from '../src/index.js'
import { inject } from '../src/testing/index.js'

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
  ])('given the options %o, when a pipeline is made, then the message has: %s', (options, says) => {
    expect(() => pipeline(options as object)).toThrow(says)
  })
})

describe('dispose closes what was opened', () => {
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

  it('given a pipeline that was never compiled, when disposed, then nothing is closed: nothing was opened', async () => {
    const closed: string[] = []
    await pipeline().use(closing('a', closed)).dispose()
    expect(closed).toEqual([])
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
