import { cors, type Identity, provideIdentity, Reply, requestId } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { failban, ipFilter } from '@palisade/failban'
import { guard, when } from '@palisade/guards'
import { eventLoop, health } from '@palisade/health'
import { metrics, metricsEndpoint } from '@palisade/metrics'
import { byClient, compose, concurrencyLimit, createLimiter, rateLimit } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { watched } from './support/watched.js'
import {
  BOOLEANS,
  NOTHING,
  NUMBERS,
  PROMISED_BOOLEANS,
  resultsOf,
  type WrongResult,
  watchRejections,
  wrongResults,
} from './support/wrong-results.js'

interface Place {
  readonly name: string
  /** A pipeline whose callback returns the value. */
  readonly edge: (value: never, base: ReturnType<typeof watched>['base']) => never
  readonly request?: Parameters<typeof inject>[1]
  /** Results that mean something to this callback. */
  readonly fine?: readonly WrongResult[]
}

const policy = { limit: 1, window: '1m' } as const
const identity: Identity = {
  subject: 'ada',
  method: 'test',
  scopes: new Set(),
  roles: new Set(),
  claims: {},
}
const as = (edge: unknown) => edge as never

/** Callbacks that decide over a request: a wrong result is a 500, and the handler does not run. */
const DECIDING: readonly Place[] = [
  {
    name: 'rateLimit skip',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, skip: f }))),
    fine: BOOLEANS,
  },
  {
    name: 'rateLimit key',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, key: f }))),
    fine: [...NOTHING, 'false', 'a text'],
  },
  {
    name: 'a part of compose',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, key: compose(byClient(), f) }))),
    fine: [...NOTHING, 'false', 'a text'],
  },
  {
    name: 'rateLimit limit',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, limit: f }))),
    fine: NUMBERS,
  },
  {
    name: 'rateLimit cost',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, cost: f }))),
    fine: NUMBERS,
  },
  {
    name: 'rateLimit burst',
    edge: (f, base) => as(base.use(rateLimit({ ...policy, algorithm: 'gcra', burst: f }))),
    fine: ['a number'],
  },
  {
    name: 'concurrencyLimit skip',
    edge: (f, base) => as(base.use(concurrencyLimit({ limit: 1, skip: f }))),
    fine: BOOLEANS,
  },
  {
    name: 'concurrencyLimit key',
    edge: (f, base) => as(base.use(concurrencyLimit({ limit: 1, key: f }))),
    fine: [...NOTHING, 'false', 'a text'],
  },
  {
    name: 'ipFilter key',
    edge: (f, base) => as(base.use(ipFilter({ allow: ['203.0.113.0/24'], key: f }))),
    // No address, or none that is on the list: refused with 403.
    fine: ['undefined', 'a text'],
  },
  {
    name: 'provideIdentity',
    edge: (f, base) => as(base.use(provideIdentity(f))),
    fine: NOTHING,
  },
  {
    name: 'guard',
    edge: (f, base) => as(base.use(provideIdentity(() => identity)).use(guard(f))),
    fine: [...BOOLEANS, ...PROMISED_BOOLEANS],
  },
  {
    name: 'the condition of when',
    edge: (f, base) =>
      as(base.use(provideIdentity(() => identity)).use(guard(when(f as () => boolean, () => true)))),
    fine: [...BOOLEANS, ...PROMISED_BOOLEANS],
  },
  {
    name: 'metricsEndpoint authorize',
    edge: (f, base) => {
      const counted = metrics({ path: false })
      return as(base.use(counted).use(metricsEndpoint(counted, { authorize: f })))
    },
    request: { url: '/metrics' },
    fine: [...BOOLEANS, ...PROMISED_BOOLEANS],
  },
  {
    name: 'cors origin',
    edge: (f, base) => as(base.use(cors({ origin: (_origin: string) => (f as () => boolean)() }))),
    request: { headers: { origin: 'https://app.example.com' } },
    fine: [...BOOLEANS, ...PROMISED_BOOLEANS],
  },
  {
    name: 'requestId generator',
    edge: (f, base) => as(base.use(requestId({ generator: f }))),
    fine: ['a text'],
  },
]

watchRejections()

describe.each(DECIDING)('$name', ({ edge, request, fine = [] }) => {
  it.each(wrongResults(fine))(
    '%s: the request is a 500 that is logged, and the handler does not run',
    async (_, value) => {
      const { base, logged } = watched()
      const { status, passed } = await inject(edge(value as never, base), request)
      expect({ status, passed }).toEqual({ status: 500, passed: false })
      expect(logged.length).toBeGreaterThan(0)
    },
  )

  it.each(resultsOf(fine))('%s: no unhandled rejection', async (_, value) => {
    const { base } = watched()
    const { status } = await inject(edge(value as never, base), request)
    expect(status).toBeLessThan(500)
  })
})

const everything = wrongResults()

describe('callbacks whose result decides only what is shown', () => {
  it.each(everything)(
    'health authorize, %s: the probe answers, without details unless it is true',
    async (name, value) => {
      const answer = async (authorize: never) => {
        const edge = watched().base.use(health({ authorize, checks: [eventLoop()] }))
        const { status, body } = await inject(edge, { url: '/health' })
        return { status, body }
      }
      const withheld = await answer((() => false) as never)
      const given = await answer(value as never)
      expect(given.status).toBe(200)
      expect(given.body === withheld.body).toBe(name !== 'true' && name !== 'a promise of true')
    },
  )
})

describe('isFailure', () => {
  it.each(wrongResults(BOOLEANS))(
    '%s: the request stays counted, and the fault is logged',
    async (_, value) => {
      const { base, logged } = watched()
      const edge = base.use(rateLimit({ ...policy, count: 'failures', isFailure: value as never }))
      expect((await inject(edge)).status).toBe(200)
      expect((await inject(edge)).status).toBe(429)
      expect(logged.length).toBe(1)
    },
  )
})

describe('rateLimit settle', () => {
  it.each(wrongResults([...NUMBERS, ...NOTHING.filter(name => name === 'undefined')]))(
    '%s: the estimate stays counted, and the fault is logged',
    async (_, value) => {
      const { base, logged } = watched()
      const edge = base.use(rateLimit({ ...policy, settle: value as never }))
      expect((await inject(edge)).status).toBe(200)
      expect((await inject(edge)).status).toBe(429)
      expect(logged.length).toBe(1)
    },
  )
})

describe('failban escalation', () => {
  it.each(wrongResults(['a throw']))('random, %s: the ban is in force', async (_, value) => {
    const { base } = watched()
    const bans = failban({ maxViolations: 1, escalate: { jitter: '1m', random: value as never } })
    const edge = base.use(bans)
    edge.compile()
    await inject(edge, { url: '/wp-login.php', handler: new Reply(404) })
    expect((await inject(edge)).status).toBe(403)
    await edge.dispose()
  })
})

describe('createLimiter onStoreError and logger', () => {
  it.each(everything)('%s: the attempt is decided all the same', async (_, value) => {
    const failing = { open: () => failingEngine }
    const limiter = createLimiter({ ...policy, store: failing as never, onStoreError: value as never })
    expect((await limiter.consume('k')).allowed).toBe(true)
    expect((await limiter.consume('k')).allowed).toBe(false)
  })

  const failingEngine = {
    immediate: false,
    available: true,
    now: () => 0,
    decide: () => Promise.reject(new Error('the store is gone')),
    refund: () => undefined,
    reset: () => undefined,
  }
})
