import {
  type Clock,
  type Identity,
  type MaybePromise,
  type Middleware,
  type Pipeline,
  pipeline,
  provideIdentity,
  type RequestContext,
} from '@palisade/core'
import type { Decision } from '@palisade/core/middleware'
import { describe, expectTypeOf, it } from 'vitest'
import {
  allOf,
  allowIp,
  anyOf,
  type Bare,
  type Caller,
  check,
  defineGuard,
  during,
  ensure,
  type Filter,
  guard,
  type NamedGuard,
  not,
  permissions,
  type RowFilter,
  recordGuard,
  requireFreshLogin,
  requireOwnership,
  requireRole,
  requireScopes,
  requireTenant,
  scopeTo,
  when,
} from '../src/index.js'

declare const identity: Identity
declare const clock: Clock
interface Post {
  readonly author: string
}

describe('a guard as a middleware demands what it needs', () => {
  const edge = pipeline().use(provideIdentity(() => identity))

  it('refuses a pipeline without an identity, or with one that is optional', () => {
    // @ts-expect-error no earlier middleware gives an identity
    pipeline().use(guard(requireScopes('a')))
    // @ts-expect-error a plain function is asked only when the caller is identified
    pipeline().use(guard(() => true))
    // @ts-expect-error one of the guards needs an identity
    pipeline().use(guard(anyOf(allowIp(['loopback']), requireRole('admin'))))
    const optional = pipeline().use(provideIdentity(() => undefined as Identity | undefined))
    // @ts-expect-error the identity may be undefined
    optional.use(guard(requireRole('admin')))
    edge.use(guard(requireScopes('a'))).use(guard(not(requireRole('b'))))
  })

  it('needs none where the guard needs none', () => {
    pipeline().use(guard(allowIp(['loopback'])))
    pipeline().use(guard(allOf(allowIp(['loopback']), not(during('09:00-17:00', 'UTC')))))
    pipeline().use(guard(defineGuard('get', (ctx: RequestContext) => ctx.method === 'GET', { needs: [] })))
    expectTypeOf(guard(allowIp(['loopback']))).toEqualTypeOf<Middleware<{}>>()
  })

  it('unites what a combination needs', () => {
    const paid = defineGuard(
      'paid',
      (ctx: { state: { plan: 'free' | 'paid' } }) => ctx.state.plan === 'paid',
      { needs: ['plan'] },
    )
    const both = guard(allOf(paid, requireRole('admin')))
    expectTypeOf(both).toEqualTypeOf<Middleware<{ plan: 'free' | 'paid'; identity: Identity }>>()
    // @ts-expect-error no middleware gives a plan
    edge.use(both)
    // @ts-expect-error the state has no such name
    defineGuard('paid', (ctx: { state: { plan: string } }) => ctx.state.plan === 'paid', { needs: ['plans'] })
  })

  it('refuses what no request has', () => {
    const odd = defineGuard('odd', (ctx: { weather: string }) => ctx.weather === 'fine', { needs: [] })
    // @ts-expect-error no request context has the weather
    guard(odd)
  })

  it('types the context of a function written in place, and the record it loads', () => {
    guard(ctx => {
      expectTypeOf(ctx).toEqualTypeOf<RequestContext<{ identity: Identity }>>()
      return ctx.method === 'GET'
    })
    guard(requireOwnership(), { load: ctx => ({ ownerId: ctx.path }) })
    // @ts-expect-error the record has no ownerId
    guard(requireOwnership(), { load: () => ({ owner: 'ada' }) })
    guard(requireOwnership({ load: ctx => ({ by: ctx.path }), owner: post => post.by }))
  })

  it('does not change the state of the pipeline', () => {
    expectTypeOf(edge.use(guard(requireRole('a')))).toEqualTypeOf<Pipeline<{ identity: Identity }>>()
  })

  it('gives a filter in which nothing is absent', () => {
    const scoped = edge.use(scopeTo(ctx => ({ tenantId: ctx.state.identity.tenant })))
    expectTypeOf(scoped).toEqualTypeOf<
      Pipeline<{ identity: Identity; filter: { readonly tenantId: string } }>
    >()
    // @ts-expect-error no earlier middleware gives an identity
    pipeline().use(scopeTo(() => ({ a: 1 })))
    expectTypeOf<Filter<{ tenantId: string | undefined; ids: readonly bigint[] }>>().toExtend<RowFilter>()
    // @ts-expect-error an operator is no value of a row
    const filter: RowFilter = { tenantId: { $ne: null } }
    expectTypeOf(filter).toEqualTypeOf<RowFilter>()
    // @ts-expect-error an object may be read as an operator
    scopeTo(() => ({ tenantId: { $ne: null } }))
  })
})

describe('a guard that is checked demands what it needs', () => {
  it('takes a bare identity', () => {
    expectTypeOf(check(requireScopes('a'), { identity })).toEqualTypeOf<MaybePromise<Decision>>()
    check(permissions({ resource: 'users', action: 'read' }), { identity })
    check(requireOwnership({ conceal: true }), { identity }, { ownerId: 'a' })
    check(
      when((ctx: Caller) => ctx.state.identity.method === 'jwt', requireTenant()),
      { identity },
    )
    // @ts-expect-error no identity
    check(requireScopes('a'), {})
    // @ts-expect-error the action is that of a method, and the context has no method
    check(permissions({ resource: 'users' }), { identity })
    // @ts-expect-error no clock
    check(requireFreshLogin('5m'), { identity })
    check(requireFreshLogin('5m'), { identity, services: { clock } })
  })

  it('types the record', () => {
    const isAuthor = recordGuard('author', (ctx, post: Post) => post.author === ctx.state.identity.subject)
    expectTypeOf(isAuthor).toExtend<NamedGuard<Caller, Post>>()
    check(isAuthor, { identity }, { author: 'ada' })
    check(isAuthor, { identity }, undefined)
    // @ts-expect-error a post has an author
    check(isAuthor, { identity }, { title: 'ada' })
    // @ts-expect-error the record has no ownerId
    ensure(requireOwnership(), { identity }, { userId: 'ada' })
    ensure(requireOwnership('userId'), { identity }, { userId: 'ada' })
  })

  it('unites records', () => {
    const both = anyOf(requireOwnership(), requireTenant(), requireScopes('a'))
    check(both, { identity }, { ownerId: 'a', tenantId: 'b' })
    // @ts-expect-error one of the guards reads a tenant
    check(both, { identity }, { ownerId: 'a' })
  })

  it('takes the context of a request', () => {
    const ctx = {} as RequestContext<{ identity: Identity; requestId: string }>
    check(requireScopes('a'), ctx)
    check(allOf(requireFreshLogin('5m'), allowIp(['loopback']), permissions({ resource: 'a' })), ctx)
  })

  it('takes a context apart', () => {
    expectTypeOf<Bare<Caller & { method: string }>['identity']>().toEqualTypeOf<Identity>()
    expectTypeOf<Bare<Caller & { method: string }>['method']>().toEqualTypeOf<string>()
  })
})
