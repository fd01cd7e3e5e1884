import { ConfigError, pipeline } from '@palisade/core'
import {
  byApiKey,
  byHeader,
  compose,
  concurrencyLimit,
  createLimiter,
  memoryStore,
  rateLimit,
  redisStore,
} from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'

const ok = { limit: 5, window: '1m' }

/** What is given, the option that must be named, and a part of the message. */
type Row = readonly [given: unknown, option: string, message: RegExp]

const quota: readonly Row[] = [
  [undefined, 'limit', /missing/],
  [null, '', /the options are null/],
  ['100', '', /an object/],
  [{ window: '1m' }, 'limit', /missing/],
  [{ limit: 5 }, 'window', /missing/],
  [{ ...ok, limit: -1 }, 'limit', /-1/],
  [{ ...ok, limit: 1.5 }, 'limit', /1\.5/],
  [{ ...ok, limit: '5' }, 'limit', /"5"/],
  [{ ...ok, limit: Number.NaN }, 'limit', /NaN/],
  [{ ...ok, limit: Number.POSITIVE_INFINITY }, 'limit', /Infinity/],
  [{ ...ok, window: 0 }, 'window', /0/],
  [{ ...ok, window: '1 minute' }, 'window', /duration/],
  [{ ...ok, window: '4000d' }, 'window', /3650d/],
  [{ ...ok, algorithm: 'slidingwindow' }, 'algorithm', /did you mean "sliding-window"/],
  [{ ...ok, algorithm: 'sliding-log', limit: 10_001 }, 'limit', /10000/],
  [{ ...ok, burst: 5 }, 'burst', /only with token-bucket/],
  [{ ...ok, algorithm: 'token-bucket', burst: 0 }, 'burst', /0/],
  [{ ...ok, queue: true }, 'queue', /only with leaky-bucket/],
  [{ ...ok, cost: -1 }, 'cost', /-1/],
  [{ ...ok, cost: 6 }, 'cost', /at most/],
  [{ ...ok, limit: () => 5, cost: 2 ** 40, window: '365d' }, 'cost', /at most/],
  [
    { ...ok, limit: () => 5, algorithm: 'gcra', burst: 1, cost: 5 },
    'cost',
    /at most what can be taken at once, 1/,
  ],
  [{ ...ok, limit: () => 5, algorithm: 'gcra', burst: 2 ** 27, window: '365d' }, 'burst', /exact/],
  [{ ...ok, name: 'a"b' }, 'name', /letters/],
  [{ ...ok, name: '' }, 'name', /letters/],
  [{ ...ok, limit: 2 ** 27, window: '365d' }, 'limit', /exact/],
  [{ ...ok, algorithm: 'gcra', burst: 2 ** 27, window: '365d' }, 'burst', /exact/],
  [{ ...ok, max: 5 }, 'max', /it is called "limit" here/],
  [{ ...ok, windows: '1m' }, 'windows', /did you mean "window"/],
  [{ ...ok, polices: [] }, 'polices', /did you mean "policies"/],
  [{ ...ok, policies: [ok] }, 'limit', /not both/],
  [{ policies: [] }, 'policies', /1 to 16/],
  [{ policies: ok }, 'policies', /array/],
  [{ policies: [{ limit: 5 }] }, 'policies[0].window', /missing/],
  [{ policies: [ok, { ...ok, name: 'b', brust: 1 }] }, 'policies[1].brust', /did you mean "burst"/],
  [{ policies: [ok, ok] }, 'policies[1].name', /no other policy/],
  [{ policies: [{ ...ok, burst: 5 }] }, 'policies[0].burst', /only with/],
  [{ ...ok, store: {} }, 'store', /a store/],
  [{ ...ok, onStoreFailure: 'close' }, 'onStoreFailure', /did you mean "closed"/],
]

const http: readonly Row[] = [
  [{ ...ok, key: 'ip' }, 'key', /byClient/],
  [{ ...ok, count: 'failure' }, 'count', /did you mean "failures"/],
  [{ ...ok, isFailure: () => true }, 'isFailure', /with count/],
  [{ ...ok, isFailure: 500 }, 'isFailure', /function/],
  [{ ...ok, headers: true }, 'headers', /legacy, draft/],
  [{ ...ok, headers: { legacy: 'yes' } }, 'headers.legacy', /true, false/],
  [{ ...ok, headers: { drafts: true } }, 'headers.drafts', /did you mean "draft"/],
  [{ ...ok, whenKeyMissing: 'deny' }, 'whenKeyMissing', /"refuse", "skip"/],
  [{ ...ok, mode: 'dry' }, 'mode', /"enforce", "shadow"/],
  [{ ...ok, skip: true }, 'skip', /function/],
]

function expectRefused(build: () => unknown, owner: string, [, option, message]: Row): void {
  let caught: unknown
  try {
    build()
  } catch (error) {
    caught = error
  }
  expect(caught).toBeInstanceOf(ConfigError)
  expect(caught).toMatchObject({ owner, option })
  expect((caught as ConfigError).message).toMatch(message)
}

describe('a wrong option is refused at construction, and named', () => {
  it.each([...quota, ...http])('rateLimit(%o) names "%s"', (...row) => {
    expectRefused(() => rateLimit(row[0] as never), 'rateLimit', row)
  })

  it.each(quota)('createLimiter(%o) names "%s"', (...row) => {
    expectRefused(() => createLimiter(row[0] as never), 'createLimiter', row)
  })

  it.each<Row>([
    [{ ...ok, key: () => 'k' }, 'key', /no such option|did you mean/],
    [{ ...ok, clock: Date }, 'clock', /a clock/],
  ])('createLimiter(%o) names "%s"', (...row) => {
    expectRefused(() => createLimiter(row[0] as never), 'createLimiter', row)
  })

  it.each<Row>([
    [{}, 'limit', /missing/],
    [{ limit: -1 }, 'limit', /-1/],
    [{ limit: 1, queue: { size: 1 } }, 'queue.timeout', /missing/],
    [{ limit: 1, queue: { size: 0, timeout: '1s' } }, 'queue.size', /0/],
    [{ limit: 1, queue: { size: 1, timeout: '25d' } }, 'queue.timeout', /1h/],
    [{ limit: 1, queue: 5 }, 'queue', /size, timeout/],
    [{ limit: 1, key: 'ip' }, 'key', /byClient/],
    [{ limit: 1, name: 'a b' }, 'name', /letters/],
    [{ limit: 1, whenKeyMissing: true }, 'whenKeyMissing', /refuse/],
    [{ limit: 1, mode: 'off' }, 'mode', /shadow/],
    [{ limit: 1, skip: {} }, 'skip', /function/],
    [{ limit: 1, window: '1m' }, 'window', /no such option|did you mean/],
  ])('concurrencyLimit(%o) names "%s"', (...row) => {
    expectRefused(() => concurrencyLimit(row[0] as never), 'concurrencyLimit', row)
  })

  it.each<Row>([
    [{ maxKeys: 0 }, 'maxKeys', /0/],
    [{ maxKeys: 1e9 }, 'maxKeys', /16000000/],
    [{ maxkeys: 5 }, 'maxkeys', /did you mean "maxKeys"/],
  ])('memoryStore(%o) names "%s"', (...row) => {
    expectRefused(() => memoryStore(row[0] as never), 'memoryStore', row)
  })

  it.each<Row>([
    [{}, 'namespace', /missing/],
    [{ namespace: '' }, 'namespace', /1 to 64/],
    [{ namespace: 'a', deadline: 0 }, 'deadline', /1ms to 1m/],
    [{ namespace: 'a', cacheRefusals: true }, 'cacheRefusals', /duration/],
    [{ namespace: 'a', cacheRefusals: '2m' }, 'cacheRefusals', /1m/],
    [{ namespace: 'a', ttl: 5 }, 'ttl', /no such option|did you mean/],
  ])('redisStore(client, %o) names "%s"', (...row) => {
    const client = { send: async () => null, subscribe: () => ({ ready: Promise.resolve(), close() {} }) }
    expectRefused(() => redisStore(client, row[0] as never), 'redisStore', row)
  })

  it('redisStore: a bare client, a namespace that would break the hash tag, a wrong breaker', () => {
    const client = { send: async () => null, subscribe: () => ({ ready: Promise.resolve(), close() {} }) }
    const build = (options: object) => () => redisStore(client, { namespace: 'a', ...options })
    expect(() => redisStore({} as never, { namespace: 'a' })).toThrow(/fromIoredis/)
    expect(build({ namespace: 'a}b' })).toThrow(ConfigError)
    expect(build({ breaker: { failure: 1 } })).toThrow(/did you mean "failures"/)
  })

  it('keys: a field name that is none, nothing to compose, something that is no function', () => {
    const row = (option: string, message: RegExp) => [undefined, option, message] as const
    expectRefused(() => byHeader('x y'), 'byHeader', row('name', /field name/))
    expectRefused(() => byApiKey(''), 'byApiKey', row('header', /field name/))
    expectRefused(() => compose(), 'compose', row('keys[0]', /key function/))
    expectRefused(() => compose(byApiKey(), 'ip' as never), 'compose', row('keys[1]', /key function/))
  })

  it('setLimit: an unknown policy, a wrong limit, a burst where there is none; nothing has changed then', () => {
    const limiter = createLimiter({ policies: [{ ...ok, name: 'daily' }] })
    const owner = 'createLimiter.setLimit'
    const row = (option: string, message: RegExp) => [undefined, option, message] as const
    expectRefused(() => limiter.setLimit('dayly', { limit: 1 }), owner, row('name', /"daily"/))
    expectRefused(() => limiter.setLimit('daily', { limit: -1 }), owner, row('limit', /-1/))
    expectRefused(() => limiter.setLimit('daily', { burst: 3 }), owner, row('burst', /only with/))
    expectRefused(() => limiter.setLimit('daily', { limit: 2 ** 50 }), owner, row('limit', /exact/))
    expectRefused(() => limiter.setLimit('daily', { lim: 1 } as never), owner, row('lim', /limit/))
    expect(limiter.consume('k')).toMatchObject({ limit: 5 })
  })

  it('limit 0, and a cost of the whole limit, are right', () => {
    expect(() => rateLimit({ limit: 0, window: '1m' })).not.toThrow()
    expect(() => rateLimit({ limit: 5, window: '1m', cost: 5 })).not.toThrow()
    expect(() => rateLimit({ algorithm: 'gcra', limit: 5, window: '1m', burst: 9, cost: 9 })).not.toThrow()
  })

  it('the largest exact limit is accepted, and one more is not', () => {
    // 2 * limit * 86,400,000 < 2 ** 53
    const most = Math.ceil(2 ** 52 / 86_400_000) - 1
    expect(() => createLimiter({ limit: most, window: '1d' })).not.toThrow()
    expect(() => createLimiter({ limit: most + 1, window: '1d' })).toThrow(ConfigError)
  })
})

describe('a wrong argument at run time', () => {
  it('consume refuses what is no key and what is no cost', () => {
    const limiter = createLimiter(ok)
    for (const key of ['', undefined, null, 5]) expect(() => limiter.consume(key as never)).toThrow(TypeError)
    for (const cost of [-1, 1.5, Number.NaN, '1'])
      expect(() => limiter.consume('k', cost as never)).toThrow(RangeError)
  })

  it('a function that returns what no limit, burst or cost can be throws, and nothing is consumed', () => {
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 52, undefined, '5']) {
      const wrong = () => bad as number
      expect(() => createLimiter({ ...ok, limit: wrong }).consume('k')).toThrow(/limit of policy "default"/)
      expect(() => createLimiter({ ...ok, algorithm: 'gcra', burst: wrong }).consume('k')).toThrow(/burst/)
    }
    for (const bad of [-1, 1.5, undefined])
      expect(() => createLimiter({ ...ok, cost: () => bad as number }).consume('k')).toThrow(/cost of policy/)
  })

  it('refund refuses the receipt of another limiter', () => {
    const { receipt } = createLimiter(ok).consume('k')
    expect(() => createLimiter(ok).refund(receipt as never)).toThrow(TypeError)
    expect(() => createLimiter(ok).refund({ key: 'k' })).toThrow(TypeError)
  })
})

describe('two limiters of one pipeline in one store', () => {
  const store = () => memoryStore()
  const limiter = (kept: ReturnType<typeof memoryStore>, name?: string) =>
    rateLimit({ limit: 3, window: '1m', store: kept, ...(name !== undefined && { name }) })

  it('given one name for both, then the pipeline is refused: a header would use up what is counted by address', () => {
    const kept = store()
    const edge = pipeline().use(limiter(kept)).use(limiter(kept))
    expect(() => edge.compile()).toThrow(
      /rateLimit: option "name" is "default"; allowed: a name that no other/,
    )
    const branch = pipeline().use(limiter(kept, 'x'))
    expect(() => branch.branch().use(limiter(kept, 'x')).compile()).toThrow(/option "name"/)
  })

  it('given names of their own, or one limiter in two branches, then they are accepted', () => {
    const kept = store()
    expect(() => pipeline().use(limiter(kept, 'a')).use(limiter(kept, 'b')).compile()).not.toThrow()
    expect(() => pipeline().use(limiter(store(), 'a')).use(limiter(store(), 'b')).compile()).not.toThrow()
    const both = limiter(kept, 'both')
    const edge = pipeline()
    expect(() => [edge.branch().use(both).compile(), edge.branch().use(both).compile()]).not.toThrow()
  })
})
