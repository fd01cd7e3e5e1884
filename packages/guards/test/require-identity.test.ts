import { type Identity, type Pipeline, pipeline, provideIdentity } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { guard, requireIdentity, requireRole } from '../src/index.js'

const ada: Identity = Object.freeze({
  subject: 'ada',
  method: 'jwt',
  scopes: new Set<string>(),
  roles: new Set(['admin']),
  claims: {},
})

const behind = (found: Identity | undefined) =>
  pipeline()
    .use(provideIdentity((): Identity | undefined => found))
    .branch()
    .use(requireIdentity({ realm: 'orders' }))

describe('given a login that may find nobody', () => {
  test('when somebody is known then the request goes on, and guards behind it compile', async () => {
    const edge = behind(ada).use(guard(requireRole('admin')))
    expectTypeOf(edge).toEqualTypeOf<Pipeline<{ identity: Identity }>>()
    const { status, state } = await inject(edge)
    expect([status, state.identity]).toEqual([200, ada])
  })

  test('when nobody is known then it is 401 with a challenge, and the handler does not run', async () => {
    const { status, headers, passed, ctx } = await inject(behind(undefined))
    expect([status, headers['www-authenticate'], passed]).toEqual([401, 'Bearer realm="orders"', false])
    expect(ctx.denial).toMatchObject({ code: 'UNAUTHORIZED', by: 'requireIdentity' })
  })

  test('when no earlier middleware gives an identity then it does not mount', () => {
    // @ts-expect-error no earlier middleware gives an identity
    expect(() => pipeline().use(requireIdentity())).toThrow(/mount one that gives "identity"/)
  })

  test.each([[{ realm: '' }], [{ realm: 'a\r\nb' }], [{ realms: 'a' } as object]])(
    'when the options are %j then it is a ConfigError',
    options => {
      expect(() => requireIdentity(options)).toThrow(/^requireIdentity: option "realms?"/)
    },
  )
})
