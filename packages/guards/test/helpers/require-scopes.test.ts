import type { Decision } from '@palisade/core/middleware'
import { isPromise } from '@palisade/core/middleware'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check, requireScopes } from '../../src/index.js'
import { identity } from '../support/callers.js'

const allows = (granted: readonly string[], ...required: string[]) =>
  (check(requireScopes(...required), { identity: identity({ scopes: [...granted] }) }) as Decision).allow

describe('given scopes when they are compared with what is required', () => {
  const vectors: readonly [granted: readonly string[], required: readonly string[], allow: boolean][] = [
    [['read'], ['read'], true],
    [[], ['read'], false],
    [['read'], ['read', 'write'], false],
    [['write', 'read'], ['read', 'write'], true],
    // Whole, never by parts.
    [['not-admin'], ['admin'], false],
    [['admin2'], ['admin'], false],
    [['Admin'], ['admin'], false],
    [['read write'], ['read'], false],
    // One whole segment.
    [['orders:*'], ['orders:write'], true],
    [['orders:*'], ['orders'], false],
    [['orders:*'], ['orders:write:all'], false],
    [['orders:*'], ['orders-old:write'], false],
    [['*:write'], ['orders:write'], true],
    [['*:write'], ['write'], false],
    [['*'], ['read'], true],
    [['*'], ['orders:read'], false],
    [['a:*:c'], ['a:b:c'], true],
    [['a:*:c'], ['a:b:b:c'], false],
    // A part of a segment is no wildcard.
    [['orders:w*'], ['orders:write'], false],
    [['ord*:write'], ['orders:write'], false],
    [['orders*'], ['orders'], false],
    // One or more segments, at the end only.
    [['orders:**'], ['orders:write'], true],
    [['orders:**'], ['orders:write:all'], true],
    [['orders:**'], ['orders'], false],
    [['**'], ['orders:write'], true],
    [['**'], ['read'], true],
    [['**:write'], ['orders:write'], false],
    [['a:**:c'], ['a:b:c'], false],
    [['*:**'], ['a:b:c'], true],
    [['*:**'], ['a'], false],
    [['***'], ['a'], false],
    [[''], ['a'], false],
    [[':'], ['a:b'], false],
    // Nothing of JavaScript's is special.
    [[], ['__proto__'], false],
    [[], ['constructor'], false],
    [['read'], ['toString'], false],
    [['__proto__'], ['__proto__'], true],
    [['__proto__:*'], ['__proto__:polluted'], true],
  ]
  test.each(vectors)('%j then %j is %s', (granted, required, allow) => {
    expect(allows(granted, ...required)).toBe(allow)
  })

  test('any of them then one is enough and none is not', () => {
    const guard = requireScopes('a', 'b', { any: true })
    const of = (...scopes: string[]) => (check(guard, { identity: identity({ scopes }) }) as Decision).allow
    expect([of('a'), of('b'), of('a', 'b'), of(), of('c')]).toEqual([true, true, true, false, false])
  })

  test('in an array then it is the same', () => {
    expect(check(requireScopes(['a', 'b']), { identity: identity({ scopes: ['a'] }) })).toMatchObject({
      missing: ['b'],
    })
    expect(
      check(requireScopes(['a', 'b'], { any: true }), { identity: identity({ scopes: ['b'] }) }),
    ).toEqual({
      allow: true,
    })
  })

  test('any sets then it agrees with a reading segment by segment', () => {
    const segment = fc.constantFrom('a', 'b', '*', '**', 'a*', '__proto__')
    const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map(parts => parts.join(':'))
    const plain = fc
      .array(fc.constantFrom('a', 'b', '__proto__'), { minLength: 1, maxLength: 4 })
      .map(parts => parts.join(':'))
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 5 }),
        fc.array(plain, { minLength: 1, maxLength: 3 }),
        (granted, required) => {
          expect(allows(granted, ...required)).toBe(
            required.every(scope =>
              granted.some(pattern => naivelyCovers(pattern.split(':'), scope.split(':'))),
            ),
          )
        },
      ),
      { numRuns: 2000 },
    )
  })
})

function naivelyCovers([head, ...tail]: readonly string[], [segment, ...rest]: readonly string[]): boolean {
  if (head === undefined || segment === undefined) return head === segment
  if (head === '**' && tail.length === 0) return true
  return (head === '*' || head === segment) && naivelyCovers(tail, rest)
}

describe('given a scope guard when it decides', () => {
  test('then a refusal is data that names what is missing', () => {
    expect(check(requireScopes('a', 'b', 'c'), { identity: identity({ scopes: ['b'] }) })).toEqual({
      allow: false,
      status: 403,
      code: 'FORBIDDEN',
      message: 'The credential lacks a required scope',
      reason: 'the scopes lack all of: a c',
      missing: ['a', 'c'],
      challenge: { error: 'insufficient_scope', scope: 'a b c' },
    })
  })

  test('then it makes no promise, and all allowing is one object', () => {
    const ask = () => check(requireScopes('a'), { identity: identity({ scopes: ['a'] }) })
    expect(isPromise(ask())).toBe(false)
    expect(ask()).toBe(ask())
  })
})
