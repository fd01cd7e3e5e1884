import { describe, expectTypeOf, it } from 'vitest'
import {
  type Identity,
  type Middleware,
  type Pipeline,
  pipeline,
  provideIdentity,
  requestId,
} from '../../src/index.js'

declare const identity: Identity
declare const guard: Middleware<{ identity: Identity }>
declare const plan: Middleware<{ identity: Identity }, { plan: 'free' | 'paid' }>

describe('the state of a pipeline is typed by its middleware', () => {
  it('accumulates what each middleware gives', () => {
    const edge = pipeline()
      .use(requestId())
      .use(provideIdentity(() => identity))
      .use(plan)
    expectTypeOf(edge).toEqualTypeOf<
      Pipeline<{ requestId: string; identity: Identity; plan: 'free' | 'paid' }>
    >()
  })

  it('refuses a guard before an identity', () => {
    // @ts-expect-error no earlier middleware gives an identity
    pipeline().use(guard)
    // @ts-expect-error a request id is no identity
    pipeline().use(requestId()).use(guard)
    pipeline()
      .use(provideIdentity(() => identity))
      .use(guard)
  })

  it('refuses an optional identity where one is needed', () => {
    const optional = pipeline().use(provideIdentity(() => undefined as Identity | undefined))
    expectTypeOf(optional).toEqualTypeOf<Pipeline<{ identity: Identity | undefined }>>()
    // @ts-expect-error the identity may be undefined
    optional.use(guard)
    const asynchronous = pipeline().use(provideIdentity(async () => null as Identity | null))
    // @ts-expect-error the identity may be undefined
    asynchronous.use(guard)
  })

  it('types a branch by its parent', () => {
    const edge = pipeline().use(provideIdentity(() => identity))
    const branch = edge.branch().use(guard).use(plan)
    expectTypeOf(branch).toEqualTypeOf<Pipeline<{ identity: Identity; plan: 'free' | 'paid' }>>()
    // @ts-expect-error the parent of this branch gives no identity
    pipeline().branch().use(guard)
  })

  it('types the context of a middleware written in place', () => {
    pipeline()
      .use(provideIdentity(() => identity))
      .use({
        name: 'tenant',
        gives: ['tenant'],
        onRequest(
          ctx: import('../../src/index.js').RequestContext<
            { identity: Identity } & Partial<{ tenant: string }>
          >,
        ) {
          expectTypeOf(ctx.state.identity).toEqualTypeOf<Identity>()
          ctx.state.tenant = ctx.state.identity.tenant ?? 'none'
        },
      } satisfies Middleware<{ identity: Identity }, { tenant: string }>)
  })
})
