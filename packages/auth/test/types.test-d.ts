import { type Identity, type Middleware, type Pipeline, pipeline } from '@palisade/core'
import { expectTypeOf, test } from 'vitest'
import { type AuthRule, authenticate, jwt } from '../src/index.js'

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
    rules: [{ path: '/**' }, { path: '/a/**', mode: 'required', use: ['jwt'] }],
    mode: 'enforce',
  })
  expectTypeOf(pipeline().use(some)).toEqualTypeOf<Pipeline<{ identity: Identity }>>()
  pipeline().use(some).use(needsIdentity)
})

test('with a rule that is optional or public, and in shadow mode, there may be none, and a guard does not compile', () => {
  const optional = authenticate({ strategies, rules: [{ path: '/**' }, { path: '/a', mode: 'optional' }] })
  const open = authenticate({ strategies, rules: [{ path: '/**' }, { path: '/a', mode: 'public' }] })
  const shadow = authenticate({ strategies, mode: 'shadow' })
  const rules: AuthRule[] = [{ path: '/**' }]
  const unknown = authenticate({ strategies, rules })
  for (const one of [optional, open, shadow, unknown]) {
    expectTypeOf(pipeline().use(one)).toEqualTypeOf<Pipeline<{ identity: Identity | undefined }>>()
    // @ts-expect-error an optional identity is none that a guard may count on
    pipeline().use(one).use(needsIdentity)
  }
})

test('what is misspelt does not compile', () => {
  // @ts-expect-error an unknown mode
  authenticate({ strategies, rules: [{ path: '/**', mode: 'require' }] })
  // @ts-expect-error an unknown option
  authenticate({ strategies, role: 'x' })
  // @ts-expect-error a secret needs an issuer and an audience
  jwt({ secret: 'x'.repeat(32), algorithms: ['HS256'] })
})
