import { type Identity, pipeline, provideIdentity, type RequestContext } from '@palisade/core'
import type { Guard } from '@palisade/core/middleware'
import { expectTypeOf, test } from 'vitest'
import { type Ban, banAdmin, type Failban, failban } from '../src/index.js'

declare const identity: () => Identity
declare const isAdmin: Guard<RequestContext<{ identity: Identity }>>
const bans = failban()
const path = '/admin/security'

test('an admin API whose guard needs an identity compiles behind what gives one, and not in front', () => {
  const edge = pipeline().use(bans)
  edge.use(provideIdentity(identity)).use(banAdmin(bans, { path, authorize: isAdmin }))
  edge.use(banAdmin(bans, { path, authorize: ctx => ctx.header('x-admin') === 'yes' }))
  // @ts-expect-error nothing gives the identity
  edge.use(banAdmin(bans, { path, authorize: isAdmin }))
})

test('the two forms of options exclude each other, and authorize is required', () => {
  const jail = { name: 'a', threshold: 1, window: '1m', ban: '1m' }
  failban({ jails: [jail], escalate: { factor: 2 } })
  // @ts-expect-error the short form is one jail already
  failban({ jails: [jail], maxViolations: 3 })
  // @ts-expect-error there is no default for who may use it
  banAdmin(bans, { path })
})

test('a ban is what the admin API shows', () => {
  expectTypeOf<ReturnType<Failban['find']>>().toEqualTypeOf<Ban | undefined>()
  expectTypeOf<Ban['expiresAt']>().toEqualTypeOf<number | null>()
})
