import { type Identity, type LimitDecision, type Limiter, type MaybePromise, pipeline } from '@palisade/core'
import { createLimiter, type LimitStore, rateLimit } from '@palisade/ratelimit'
import { expectTypeOf, it } from 'vitest'

it('a limit that reads the state needs what gives it', () => {
  const perPlan = rateLimit<{ identity: Identity }>({
    limit: ctx => (ctx.state.identity.roles.has('gold') ? 100 : 10),
    window: '1m',
  })
  // @ts-expect-error nothing in front of it gives an identity
  pipeline().use(perPlan)
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
