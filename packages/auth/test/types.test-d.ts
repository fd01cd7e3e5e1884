import { type Identity, type Middleware, type Pipeline, pipeline } from '@palisade/core'
import { expectTypeOf, test } from 'vitest'
import { type AuthRule, authenticate, bearer, cookie, jwt } from '../src/index.js'

const strategies = [jwt({ issuer: 'i', audience: 'a', secret: 'x'.repeat(32), algorithms: ['HS256'] })]
const needsIdentity: Middleware<{ identity: Identity }> = {
  name: 'guard',
  needs: ['identity'],
  onRequest: () => undefined,
}

test('without rules, and with rules that all require it, there is an identity', () => {
  expectTypeOf(pipeline().use(authenticate({ strategies }))).toEqualTypeOf<Pipeline<{ identity: Identity }>>()
  const some = authenticate({
    strategies,
    rules: [{ path: '/**' }, { path: '/a/**', login: 'required', use: ['jwt'] }],
    mode: 'enforce',
  })
  expectTypeOf(pipeline().use(some)).toEqualTypeOf<Pipeline<{ identity: Identity }>>()
  pipeline().use(some).use(needsIdentity)
})

test('with a rule that is optional or public, and in shadow mode, there may be none, and a guard does not compile', () => {
  const optional = authenticate({ strategies, rules: [{ path: '/**' }, { path: '/a', login: 'optional' }] })
  const open = authenticate({ strategies, rules: [{ path: '/**' }, { path: '/a', login: 'public' }] })
  const shadow = authenticate({ strategies, mode: 'shadow' })
  const rules: AuthRule[] = [{ path: '/**' }]
  const unknown = authenticate({ strategies, rules })
  for (const one of [optional, open, shadow, unknown]) {
    expectTypeOf(pipeline().use(one)).toEqualTypeOf<Pipeline<{ identity: Identity | undefined }>>()
    // @ts-expect-error an optional identity does not satisfy a guard that needs one
    pipeline().use(one).use(needsIdentity)
  }
})

test('what is misspelt does not compile', () => {
  // @ts-expect-error an unknown value
  authenticate({ strategies, rules: [{ path: '/**', login: 'require' }] })
  // @ts-expect-error an unknown option
  authenticate({ strategies, role: 'x' })
  // @ts-expect-error a secret needs an issuer and an audience
  jwt({ secret: 'x'.repeat(32), algorithms: ['HS256'] })
})

test('issuers are found by a function, tokens in several places, and claims are looked at by functions', () => {
  const keys = { audience: 'a', secret: ['x'.repeat(32), 'y'.repeat(32)], algorithms: ['HS256'] }
  jwt({ issuers: async iss => (iss === 'i' ? keys : undefined), from: [bearer(), cookie('token')] })
  jwt({ issuer: 'i', ...keys, validate: ({ email_verified }) => email_verified === true })
  jwt({
    issuer: 'i',
    ...keys,
    identity: ({ azp }) => ({ subject: `client:${String(azp)}`, roles: new Set(['a']) }),
  })
  jwt({ issuer: 'i', ...keys, audience: { claim: 'client_id', values: ['a'] }, subject: ['user', 'id'] })
  const rules: AuthRule[] = [{ path: '/**', methods: ['GET'], login: 'public' }]
  authenticate({ strategies, rules })
  // @ts-expect-error a misspelt part of an identity
  jwt({ issuer: 'i', ...keys, identity: () => ({ role: ['admin'] }) })
  // @ts-expect-error a place is made by bearer(), cookie(), query() or subprotocol()
  jwt({ issuer: 'i', ...keys, from: ['cookie'] })
  // @ts-expect-error an audience claim has values
  jwt({ issuer: 'i', ...keys, audience: { claim: 'client_id' } })
})
