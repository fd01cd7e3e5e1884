import {
  type Identity,
  type Middleware,
  pipeline,
  provideIdentity,
  type RequestContext,
} from '@palisade/core'
import type { Guard } from '@palisade/core/middleware'
import { describe, expectTypeOf, it } from 'vitest'
import { metrics, metricsEndpoint } from '../src/index.js'

declare const identity: () => Identity
declare const isOperator: Guard<RequestContext<{ identity: Identity }>>
declare const guarded: Middleware<{ identity: Identity }>
const counted = metrics({ path: false })
const edge = pipeline().use(counted)

describe('the endpoint behind a login', () => {
  it('compiles behind what gives the identity that its guard reads, and not in front', () => {
    const known = edge.use(provideIdentity(identity))
    known.use(metricsEndpoint(counted, { authorize: isOperator }))
    known.use(metricsEndpoint(counted, { path: '/internal/metrics', authorize: isOperator }))
    // @ts-expect-error nothing gives the identity
    edge.use(metricsEndpoint(counted, { authorize: isOperator }))
  })

  it('compiles in a branch behind a guard', () => {
    edge
      .use(provideIdentity(identity))
      .branch()
      .use(guarded)
      .use(metricsEndpoint(counted, { authorize: () => true }))
  })

  it('needs nothing where its guard needs nothing', () => {
    const byKey = metricsEndpoint(counted, { authorize: ctx => ctx.header('x-key') === 'k' })
    expectTypeOf(byKey).toEqualTypeOf<Middleware<{}>>()
    edge.use(byKey)
  })

  it('has no default for who may read, and serves what metrics() returns', () => {
    // @ts-expect-error authorize is required
    metricsEndpoint(counted, {})
    // @ts-expect-error a middleware that is no metrics()
    metricsEndpoint({ name: 'other' }, { authorize: () => true })
    // @ts-expect-error metrics() itself stands where no caller is known yet
    metrics({ authorize: isOperator })
  })
})
