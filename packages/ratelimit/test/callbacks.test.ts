import { type Logger, pipeline, Reply } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { concurrencyLimit, createLimiter, rateLimit } from '@palisade/ratelimit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** What a team's callback may return by mistake, where a boolean is expected. */
const WRONG: readonly { name: string; value: () => unknown }[] = [
  { name: 'a promise of false', value: () => Promise.resolve(false) },
  { name: 'a promise of true', value: () => Promise.resolve(true) },
  { name: 'a rejected promise', value: () => Promise.reject(new Error('the database is gone')) },
  { name: 'a thenable', value: () => ({ then: () => {} }) },
  { name: 'a number', value: () => 1 },
  { name: 'zero', value: () => 0 },
  { name: 'a text', value: () => 'false' },
  { name: 'an object', value: () => ({}) },
  { name: 'undefined', value: () => undefined },
  { name: 'null', value: () => null },
  { name: 'NaN', value: () => Number.NaN },
  { name: 'a revoked proxy', value: revoked },
  {
    name: 'a throw',
    value: () => {
      throw new Error('a fault of the team')
    },
  },
]
/** Nothing and zero have a meaning for some callbacks. */
const except = (...names: string[]) => WRONG.filter(({ name }) => !names.includes(name))

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown) => unhandled.push(reason)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  // An unhandled rejection is reported when the microtasks have run.
  await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

function watched() {
  const logged: object[] = []
  const error = (fields: object) => void logged.push(fields)
  const logger: Logger = { debug() {}, info() {}, warn() {}, error }
  return { logged, edge: pipeline({ clock: fakeClock(), logger }) }
}

const options = { limit: 1, window: '1m' } as const
const bucket = { ...options, algorithm: 'gcra' } as const

describe('a callback that decides before the handler', () => {
  const places = [
    { name: 'rateLimit skip', use: (f: never) => rateLimit({ ...options, skip: f }), wrong: WRONG },
    {
      name: 'concurrencyLimit skip',
      use: (f: never) => concurrencyLimit({ limit: 1, skip: f }),
      wrong: WRONG,
    },
    {
      name: 'rateLimit key',
      use: (f: never) => rateLimit({ ...options, key: f }),
      wrong: except('undefined', 'null', 'a text'),
    },
    {
      name: 'concurrencyLimit key',
      use: (f: never) => concurrencyLimit({ limit: 1, key: f }),
      wrong: except('undefined', 'null', 'a text'),
    },
    {
      name: 'rateLimit limit',
      use: (f: never) => rateLimit({ ...options, limit: f }),
      wrong: except('a number', 'zero'),
    },
    {
      name: 'rateLimit cost',
      use: (f: never) => rateLimit({ ...options, cost: f }),
      wrong: except('a number', 'zero'),
    },
    {
      name: 'rateLimit burst',
      use: (f: never) => rateLimit({ ...bucket, burst: f }),
      wrong: except('a number'),
    },
    {
      name: 'limit of one policy of several',
      use: (f: never) => rateLimit({ policies: [{ ...options }, { ...options, name: 'b', limit: f }] }),
      wrong: except('a number', 'zero'),
    },
    {
      name: 'key of one policy of several',
      use: (f: never) => rateLimit({ policies: [{ ...options }, { ...options, name: 'b', key: f }] }),
      wrong: except('undefined', 'null', 'a text'),
    },
  ]
  for (const { name, use, wrong } of places) {
    it.each(wrong)(`${name}: $name is a 500, and is logged`, async ({ value }) => {
      const { edge, logged } = watched()
      const protectedEdge = edge.use(use(value as never))
      for (let i = 0; i < 3; i++) {
        const { status, passed } = await inject(protectedEdge)
        expect({ status, passed }).toEqual({ status: 500, passed: false })
      }
      expect(logged.length).toBe(3)
    })
  }

  it.each(except('undefined', 'null'))(
    'whenKeyMissing: skip does not accept $name as a missing key',
    async ({ name, value }) => {
      if (name === 'a text') return
      for (const middleware of [
        rateLimit({ ...options, whenKeyMissing: 'skip', key: value as never }),
        concurrencyLimit({ limit: 1, whenKeyMissing: 'skip', key: value as never }),
      ])
        expect((await inject(watched().edge.use(middleware))).status).toBe(500)
    },
  )

  it('true skips, and false does not', async () => {
    for (const skip of [true, false]) {
      const edge = watched().edge.use(rateLimit({ ...options, skip: () => skip }))
      await inject(edge)
      expect((await inject(edge)).status).toBe(skip ? 200 : 429)
    }
  })
})

describe('isFailure', () => {
  for (const count of ['failures', 'successes'] as const) {
    it.each(WRONG)(
      `count: ${count}, $name: the request stays counted, and the fault is logged`,
      async ({ value }) => {
        const { edge, logged } = watched()
        const limited = edge.use(rateLimit({ ...options, count, isFailure: value as never }))
        const handler = new Reply(count === 'failures' ? 401 : 200)
        expect((await inject(limited, { handler })).status).toBe(handler.status)
        expect(logged.length).toBe(1)
        expect((await inject(limited, { handler })).status).toBe(429)
      },
    )
  }
})

describe('a key function that is called again to see whose key it is', () => {
  it.each(WRONG)('returns $name the second time: the request is refused all the same', async ({ value }) => {
    let calls = 0
    const key = () => (++calls <= 2 ? 'k' : (value() as string))
    const { edge } = watched()
    const limited = edge.use(rateLimit({ ...options, key }))
    await inject(limited)
    const { status, passed } = await inject(limited)
    expect(passed).toBe(false)
    expect([429, 500]).toContain(status)
  })
})

describe('createLimiter', () => {
  it.each(WRONG)('limit, cost and burst: $name refuses the attempt', ({ name, value }) => {
    const isNumber = name === 'a number' || name === 'zero'
    if (isNumber) return
    for (const policy of [
      { ...options, limit: value as never },
      { ...options, cost: value as never },
      { ...bucket, burst: value as never },
    ])
      expect(caught(() => createLimiter({ ...policy, clock: fakeClock() }).consume('k'))).toBe(true)
  })
})

function caught(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch {
    return true
  }
}
