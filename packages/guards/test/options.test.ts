import { ConfigError } from '@palisade/core'
import { describe, expect, test } from 'vitest'
import * as guards from '../src/index.js'

/** As plain JavaScript calls it. */
const js = guards as unknown as Record<string, (...given: readonly unknown[]) => unknown>
const yes = () => true

const wrong: readonly [factory: string, given: readonly unknown[], option: string][] = [
  ['guard', [], 'guard'],
  ['guard', [true], 'guard'],
  ['guard', ['admin'], 'guard'],
  ['guard', [yes, { name: '' }], 'name'],
  ['guard', [yes, { load: {} }], 'load'],
  ['guard', [yes, { realm: 'a\nb' }], 'realm'],
  ['guard', [yes, { realm: '' }], 'realm'],
  ['guard', [yes, { bearerMethods: 'jwt' }], 'bearerMethods'],
  ['guard', [yes, { bearerMethods: [1] }], 'bearerMethods[0]'],
  ['guard', [yes, { mode: 'off' }], 'mode'],
  ['guard', [yes, { mod: 'shadow' }], 'mod'],
  ['check', [undefined, {}], 'guard'],
  ['ensure', [null, {}], 'guard'],
  ['defineGuard', ['', yes], 'name'],
  ['defineGuard', [yes], 'name'],
  ['defineGuard', ['a', true], 'decide'],
  ['defineGuard', ['a', yes, { needs: 'identity' }], 'needs'],
  ['defineGuard', ['a', yes, { need: [] }], 'need'],
  ['recordGuard', ['', yes], 'name'],
  ['recordGuard', ['a'], 'decide'],
  ['recordGuard', ['a', yes, { load: 1 }], 'load'],
  ['recordGuard', ['a', yes, { conceal: 'yes' }], 'conceal'],
  ['recordGuard', ['a', yes, { hide: true }], 'hide'],
  ['anyOf', [], 'guards'],
  ['anyOf', [yes, 1], 'guards[1]'],
  ['anyOf', [[yes]], 'guards[0]'],
  ['allOf', [], 'guards'],
  ['allOf', [undefined], 'guards[0]'],
  ['not', [], 'guards[0]'],
  ['not', [false], 'guards[0]'],
  ['when', [true, yes], 'condition'],
  ['when', [yes], 'guards[0]'],
  ['requireScopes', [], 'scopes'],
  ['requireScopes', [[]], 'scopes'],
  ['requireScopes', [{ any: true }], 'scopes'],
  ['requireScopes', [''], 'scopes[0]'],
  ['requireScopes', ['a', 1], 'scopes[1]'],
  ['requireScopes', ['a b'], 'scopes[0]'],
  ['requireScopes', ['a"b'], 'scopes[0]'],
  ['requireScopes', ['a\\b'], 'scopes[0]'],
  ['requireScopes', ['käse'], 'scopes[0]'],
  ['requireScopes', ['orders:*'], 'scopes[0]'],
  ['requireScopes', ['orders:**'], 'scopes[0]'],
  ['requireScopes', ['orders::write'], 'scopes[0]'],
  ['requireScopes', ['a:b:c:d:e:f:g'], 'scopes[0]'],
  ['requireScopes', ['a'.repeat(257)], 'scopes[0]'],
  ['requireScopes', ['a', { all: true }], 'all'],
  ['requireScopes', ['a', { any: 1 }], 'any'],
  ['requireIdentity', [{ realm: 'a\nb' }], 'realm'],
  ['requireIdentity', [{ relam: 'api' }], 'relam'],
  ['requireRole', [], 'roles'],
  ['requireRole', [''], 'roles[0]'],
  ['requireRole', [['a', null]], 'roles[1]'],
  ['requireRole', ['a', { any: true }], 'any'],
  ['requireMethod', [], 'methods'],
  ['requireMethod', [['jwt']], 'methods[0]'],
  ['requireFreshLogin', [], 'maxAge'],
  ['requireFreshLogin', ['soon'], 'maxAge'],
  ['requireFreshLogin', [0], 'maxAge'],
  ['requireFreshLogin', [999], 'maxAge'],
  ['requireOwnership', [''], 'owner'],
  ['requireOwnership', [{ owner: 1 }], 'owner'],
  ['requireOwnership', [{ load: 'orders' }], 'load'],
  ['requireOwnership', [{ conceal: 404 }], 'conceal'],
  ['requireOwnership', [{ field: 'userId' }], 'field'],
  ['requireTenant', [''], 'tenant'],
  ['requireTenant', [{ tenant: [] }], 'tenant'],
  ['requireTenant', [{ load: null }], 'load'],
  ['requireTenant', [{ owner: 'x' }], 'owner'],
  ['allowIp', [], 'ranges'],
  ['allowIp', [[]], 'ranges'],
  ['allowIp', ['10.0.0.0/8'], 'ranges'],
  ['allowIp', [['10.0.0.1/8']], 'ranges[0]'],
  ['allowIp', [['10.0.0.0/8', 'nowhere']], 'ranges[1]'],
  ['allowIp', [['10.0.0.0/8'], { unverified: 'yes' }], 'unverified'],
  ['allowIp', [['10.0.0.0/8'], { trusted: true }], 'trusted'],
  ['during', [], 'windows'],
  ['during', [[], 'UTC'], 'windows'],
  ['during', ['9:00-17:00', 'UTC'], 'windows'],
  ['during', ['09:00-09:00', 'UTC'], 'windows'],
  ['during', ['00:00-00:00', 'UTC'], 'windows'],
  ['during', ['24:00-06:00', 'UTC'], 'windows'],
  ['during', ['09:00-24:01', 'UTC'], 'windows'],
  ['during', ['09:60-10:00', 'UTC'], 'windows'],
  ['during', ['25:00-26:00', 'UTC'], 'windows'],
  ['during', ['Mon-Foo 09:00-17:00', 'UTC'], 'windows'],
  ['during', ['Mon-Tue-Wed 09:00-17:00', 'UTC'], 'windows'],
  ['during', ['Mon, Tue 09:00-17:00', 'UTC'], 'windows'],
  ['during', ['Mon-Fri  09:00-17:00', 'UTC'], 'windows'],
  ['during', ['09:00-17:00 ', 'UTC'], 'windows'],
  ['during', [['09:00-17:00', 'always'], 'UTC'], 'windows[1]'],
  ['during', ['09:00-17:00'], 'zone'],
  ['during', ['09:00-17:00', 'Berlin'], 'zone'],
  ['permissions', [], 'resource'],
  ['permissions', [{ grants: [] }], 'resource'],
  ['permissions', [{ resource: '' }], 'resource'],
  ['permissions', [{ resource: 'users:*' }], 'resource'],
  ['permissions', [{ resource: 'users', action: 'write' }], 'action'],
  ['permissions', [{ resource: 'users', conceal: 1 }], 'conceal'],
  ['permissions', [{ resource: 'users', grant: [] }], 'grant'],
  ['permissions', [{ resource: 'users', grants: 'users:read' }], 'grants'],
  ['permissions', [{ resource: 'users', grants: ['users'] }], 'grants[0]'],
  ['permissions', [{ resource: 'users', grants: ['users:write'] }], 'grants[0]'],
  ['permissions', [{ resource: 'users', grants: [{ read: true }] }], 'grants[0].resource'],
  ['permissions', [{ resource: 'users', grants: [{ resource: 'users', read: 1 }] }], 'grants[0].read'],
  ['permissions', [{ resource: 'users', grants: [{ resource: 'users', write: true }] }], 'grants[0].write'],
  ['compileGrants', [], 'grants'],
  ['compileGrants', [['a:read', 'us*rs:read']], 'grants[1]'],
  ['compileGrants', [['**:users:read']], 'grants[0]'],
  ['compileGrants', [[':read']], 'grants[0]'],
  ['compileGrants', [['*']], 'grants[0]'],
  ['compileGrants', [['!!a:read']], 'grants[0]'],
  ['compileGrants', [['a:b:c:d:e:f:g:read']], 'grants[0]'],
  ['compileGrants', [['a:b:c:d:e:f:**']], 'grants[0]'],
  ['compileGrants', [[{ resource: '!users' }]], 'grants[0].resource'],
  ['scopeTo', [], 'filterOf'],
  ['scopeTo', [{ tenantId: 1 }], 'filterOf'],
  ['scopeTo', [yes, { as: 'identity' }], 'as'],
  ['scopeTo', [yes, { as: '__proto__' }], 'as'],
  ['scopeTo', [yes, { name: 'rows' }], 'name'],
]

describe('given a wrong option when a guard is built then it is a ConfigError that names it', () => {
  test.each(wrong)('%s(%j) %s', (factory, given, option) => {
    const build = js[factory] as (...given: readonly unknown[]) => unknown
    const thrown = (() => {
      try {
        return build(...given)
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toBeInstanceOf(ConfigError)
    expect(thrown).toMatchObject({ owner: factory, option })
  })

  test('every factory of the public face is in the table', () => {
    const factories = Object.keys(js).filter(name => name !== 'Grants')
    expect(new Set(wrong.map(([factory]) => factory))).toEqual(new Set(factories))
  })
})
