import { ConfigError, pipeline, RequestError } from '@palisade/core'
import type { LimitDecision, LimitReceipt } from '@palisade/core/middleware'
import { fakeClock, inject } from '@palisade/core/testing'
import { createLimiter, type QuotaOptions, rateLimit } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES } from '../src/algorithms/index.js'
import { historyClock } from './support/history-clock.js'

const START = 1_700_000_040_000

function limiterOf(policy: Partial<QuotaOptions<string>> = {}) {
  const clock = historyClock(START)
  return { clock, limiter: createLimiter({ limit: 10, window: 60_000, clock, ...policy }) }
}

function receiptOf({ receipt }: LimitDecision): LimitReceipt {
  if (receipt === undefined) throw new Error('the attempt was not counted')
  return receipt
}

describe.each(ALGORITHM_NAMES)('%s: settle', algorithm => {
  it('given a real cost below the estimate, when settled, then the difference is refunded', () => {
    const { limiter } = limiterOf({ algorithm })
    limiter.settle(receiptOf(limiter.consume('k', 5)), 2)
    expect(limiter.consume('k', 0)).toMatchObject({ remaining: 8 })
  })

  it('given a real cost above the estimate, when settled, then the difference is counted', () => {
    const { limiter } = limiterOf({ algorithm })
    limiter.settle(receiptOf(limiter.consume('k', 2)), 7)
    expect(limiter.consume('k', 0)).toMatchObject({ remaining: 3 })
  })

  it('given a real cost over the limit, then attempts wait for it, exactly as long as Retry-After says', () => {
    const { limiter, clock } = limiterOf({ algorithm })
    limiter.settle(receiptOf(limiter.consume('k')), 17)
    const refused = limiter.consume('k')
    expect(refused).toMatchObject({ allowed: false, remaining: 0 })
    expect(Number.isFinite(refused.retryAfterMs)).toBe(true)
    clock.set(START + refused.retryAfterMs - 1)
    expect(limiter.consume('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
    clock.set(START + refused.retryAfterMs)
    expect(limiter.consume('k')).toMatchObject({ allowed: true })
  })

  it('given more than any count can be, then the count stays exact and a reset frees the key', () => {
    const { limiter } = limiterOf({ algorithm })
    limiter.settle(receiptOf(limiter.consume('k')), Number.MAX_SAFE_INTEGER)
    const refused = limiter.consume('k')
    expect(refused.allowed).toBe(false)
    expect(Number.isSafeInteger(refused.retryAfterMs)).toBe(true)
    limiter.reset('k')
    expect(limiter.consume('k')).toMatchObject({ allowed: true, remaining: 9 })
  })

  it('given a state that has run out, when settled, then less does nothing and more counts from now on', () => {
    const { limiter, clock } = limiterOf({ algorithm })
    const less = receiptOf(limiter.consume('less', 5))
    const more = receiptOf(limiter.consume('more', 5))
    clock.set(START + 1_200_000)
    limiter.settle(less, 1)
    limiter.settle(more, 8)
    expect(limiter.consume('less', 0)).toMatchObject({ remaining: 10 })
    expect(limiter.consume('more', 0)).toMatchObject({ remaining: 7 })
  })

  it('given a receipt that was used or whose key was reset, when settled, then nothing changes', () => {
    const { limiter } = limiterOf({ algorithm })
    const used = receiptOf(limiter.consume('k', 4))
    limiter.settle(used, 4)
    limiter.settle(used, 9)
    limiter.refund(used)
    expect(limiter.consume('k', 0)).toMatchObject({ remaining: 6 })
    const reset = receiptOf(limiter.consume('k'))
    limiter.reset('k')
    limiter.settle(reset, 9)
    expect(limiter.consume('k', 0)).toMatchObject({ remaining: 10 })
  })
})

describe('settle of several policies', () => {
  const policies = [
    { name: 'requests', limit: 10, window: '1m' },
    { name: 'tokens', algorithm: 'token-bucket', limit: 1000, window: '1m', cost: 100 },
  ] as const

  it('given the names of policies, then only theirs are corrected', () => {
    const limiter = createLimiter({ policies, clock: fakeClock(START) })
    limiter.settle(receiptOf(limiter.consume('k')), { tokens: 640 })
    const left = (cost: number) => limiter.consume('k', cost)
    expect(left(0)).toMatchObject({ limit: 1000, remaining: 360 })
    limiter.setLimit('tokens', { limit: 1_000_000 })
    expect(left(0)).toMatchObject({ limit: 10, remaining: 9 })
  })

  it('given one number, then it is the cost for all of them', () => {
    const limiter = createLimiter({ policies, clock: fakeClock(START) })
    limiter.settle(receiptOf(limiter.consume('k')), 3)
    expect(limiter.consume('k', 0)).toMatchObject({ limit: 10, remaining: 7 })
  })

  it('given a wrong argument, then the error says what is allowed', () => {
    const limiter = createLimiter({ policies, clock: fakeClock(START) })
    const receipt = receiptOf(limiter.consume('k'))
    expect(() => limiter.settle(receipt, -1)).toThrow(RangeError)
    expect(() => limiter.settle(receipt, { tokens: 0.5 })).toThrow(/the cost of "tokens" is 0.5/)
    expect(() => limiter.settle(receipt, { token: 1 })).toThrow(/allowed: .*requests, tokens/)
    expect(() => limiter.settle({ key: 'k' }, 1)).toThrow(/the receipt is not of this limiter/)
    expect(limiter.consume('k', 0).remaining).toBe(9)
  })
})

describe('rateLimit: settle', () => {
  const limitBy = (settle: () => unknown, more: object = {}) =>
    rateLimit({
      limit: 10,
      window: '1m',
      cost: ctx => (ctx.method === 'HEAD' ? 0 : 4),
      settle: settle as () => number,
      ...more,
    })
  const remaining = async (limit: ReturnType<typeof limitBy>) => {
    const edge = pipeline({
      clock: fakeClock(START),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    }).use(limit)
    await inject(edge)
    const { headers } = await inject(edge, { method: 'HEAD' })
    return Number(headers['x-ratelimit-remaining'])
  }

  it('given a real cost, when the response has ended, then it takes the place of the estimate', async () => {
    expect(await remaining(limitBy(() => 1))).toBe(9)
    expect(await remaining(limitBy(() => 10))).toBe(0)
    expect(await remaining(limitBy(() => undefined))).toBe(6)
  })

  it.each([
    ['a promise', async () => 1],
    ['a text', () => '1'],
    ['a fraction', () => 0.5],
    [
      'a throw',
      () => {
        throw new RequestError(500, 'no')
      },
    ],
  ])('given %s, then the estimate stays counted', async (_, settle) => {
    expect(await remaining(limitBy(settle))).toBe(6)
  })

  it('given a cost of 0, which reserves nothing, then it is a ConfigError', () => {
    expect(() => rateLimit({ limit: 1, window: '1m', cost: 0, settle: () => 1 })).toThrow(ConfigError)
  })
})
