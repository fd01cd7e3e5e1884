import { type Identity, type MaybePromise, pipeline, type RequestContext } from '@palisade/core'
import type { LimitDecision, Limiter } from '@palisade/core/middleware'
import {
  type AlgorithmName,
  byIdentity,
  createLimiter,
  type LimitStore,
  type RateLimitMiddleware,
  rateLimit,
} from '@palisade/ratelimit'
import { expectTypeOf, it } from 'vitest'
import type { Algorithm } from '../src/algorithms/algorithm.js'
import { ALGORITHMS } from '../src/algorithms/index.js'

it('a limit that reads the state needs what gives it', () => {
  const perPlan = rateLimit<{ identity: Identity }>({
    limit: ctx => (ctx.state.identity.roles.has('gold') ? 100 : 10),
    window: '1m',
  })
  // @ts-expect-error nothing in front of it gives an identity
  pipeline().use(perPlan)
})

it('a limit whose context is annotated needs what it names, also with a key that needs less', () => {
  const perPlan = rateLimit({
    limit: (ctx: RequestContext<{ identity: Identity }>) => (ctx.state.identity.roles.has('gold') ? 100 : 10),
    window: '1m',
    key: byIdentity(),
  })
  // @ts-expect-error nothing in front of it gives an identity
  pipeline().use(perPlan)
  expectTypeOf(perPlan).toEqualTypeOf<RateLimitMiddleware<{ identity: Identity }>>()
})

it('with the memory store an answer needs no await, with another it may', () => {
  expectTypeOf(createLimiter({ limit: 1, window: '1s' }).consume('k')).toEqualTypeOf<LimitDecision>()
  const store = {} as LimitStore
  const some = () => createLimiter({ limit: 1, window: '1s', store })
  expectTypeOf<ReturnType<ReturnType<typeof some>['consume']>>().toEqualTypeOf<MaybePromise<LimitDecision>>()
  expectTypeOf(createLimiter({ limit: 1, window: '1s' })).toExtend<Limiter>()
})

it('a flat policy and a list of them do not mix, and neither lacks its parts', () => {
  // @ts-expect-error no window
  const noWindow = () => rateLimit({ limit: 1 })
  // @ts-expect-error misspelt
  const misspelt = () => rateLimit({ limit: 1, window: '1m', algoritm: 'gcra' })
  expectTypeOf(noWindow).toBeFunction()
  expectTypeOf(misspelt).toBeFunction()
})

it('an algorithm lacks neither half, and no part of its entry', () => {
  const { redis: _, ...onlyMemory } = ALGORITHMS['fixed-window']
  const { memory: __, ...onlyRedis } = ALGORITHMS['fixed-window']
  const { maxLimit: ___, ...unbounded } = ALGORITHMS['fixed-window']
  // @ts-expect-error Redis does not know it
  const inMemory = { ...ALGORITHMS, mine: onlyMemory } satisfies Record<string, Algorithm>
  // @ts-expect-error memory does not know it
  const inRedis = { ...ALGORITHMS, mine: onlyRedis } satisfies Record<string, Algorithm>
  // @ts-expect-error its limit is not bounded
  const withoutLimit = { ...ALGORITHMS, mine: unbounded } satisfies Record<string, Algorithm>
  expectTypeOf<keyof typeof ALGORITHMS>().toEqualTypeOf<AlgorithmName>()
  expectTypeOf([inMemory, inRedis, withoutLimit]).toBeArray()
})
