import { type Logger, pipeline, Reply } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { concurrencyLimit, createLimiter, rateLimit } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import {
  BOOLEANS,
  NOTHING,
  NUMBERS,
  watchRejections,
  wrongResults,
} from '../../../test/support/wrong-results.js'

watchRejections()

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
    { name: 'rateLimit skip', use: (f: never) => rateLimit({ ...options, skip: f }), fine: BOOLEANS },
    {
      name: 'concurrencyLimit skip',
      use: (f: never) => concurrencyLimit({ limit: 1, skip: f }),
      fine: BOOLEANS,
    },
    {
      name: 'rateLimit key',
      use: (f: never) => rateLimit({ ...options, key: f }),
      fine: [...NOTHING, 'false', 'a text'] as const,
    },
    {
      name: 'concurrencyLimit key',
      use: (f: never) => concurrencyLimit({ limit: 1, key: f }),
      fine: [...NOTHING, 'false', 'a text'] as const,
    },
    {
      name: 'rateLimit limit',
      use: (f: never) => rateLimit({ ...options, limit: f }),
      fine: NUMBERS,
    },
    {
      name: 'rateLimit cost',
      use: (f: never) => rateLimit({ ...options, cost: f }),
      fine: NUMBERS,
    },
    {
      name: 'rateLimit burst',
      use: (f: never) => rateLimit({ ...bucket, burst: f }),
      fine: ['a number'] as const,
    },
    {
      name: 'limit of one policy of several',
      use: (f: never) => rateLimit({ policies: [{ ...options }, { ...options, name: 'b', limit: f }] }),
      fine: NUMBERS,
    },
    {
      name: 'key of one policy of several',
      use: (f: never) => rateLimit({ policies: [{ ...options }, { ...options, name: 'b', key: f }] }),
      fine: [...NOTHING, 'false', 'a text'] as const,
    },
  ]
  for (const { name, use, fine } of places) {
    it.each(wrongResults(fine))(`${name}: %s is a 500, and is logged`, async (_, value) => {
      const { edge, logged } = watched()
      const protectedEdge = edge.use(use(value as never))
      for (let i = 0; i < 3; i++) {
        const { status, passed } = await inject(protectedEdge)
        expect({ status, passed }).toEqual({ status: 500, passed: false })
      }
      expect(logged.length).toBe(3)
    })
  }

  it.each(wrongResults([...NOTHING, 'false', 'a text']))(
    'whenKeyMissing: skip does not accept %s as a missing key',
    async (_, value) => {
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
    it.each(wrongResults(BOOLEANS))(
      `count: ${count}, %s: the request stays counted, and the fault is logged`,
      async (_, value) => {
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
  it.each(wrongResults())(
    'returns %s the second time: the request is refused all the same',
    async (_, value) => {
      let calls = 0
      const key = () => (++calls <= 2 ? 'k' : (value() as string))
      const { edge } = watched()
      const limited = edge.use(rateLimit({ ...options, key }))
      await inject(limited)
      const { status, passed } = await inject(limited)
      expect(passed).toBe(false)
      expect([429, 500]).toContain(status)
    },
  )
})

describe('createLimiter', () => {
  it.each(wrongResults(NUMBERS))('limit, cost and burst: %s refuses the attempt', (_, value) => {
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
