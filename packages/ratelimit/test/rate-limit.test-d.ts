import { type Identity, type MaybePromise, pipeline, type RequestContext } from '@palisade/core'
import type { LimitDecision, Limiter } from '@palisade/core/middleware'
import {
  byIdentity,
  createLimiter,
  type LimitStore,
  type RateLimitMiddleware,
  rateLimit,
} from '@palisade/ratelimit'
import { expectTypeOf, it } from 'vitest'

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
