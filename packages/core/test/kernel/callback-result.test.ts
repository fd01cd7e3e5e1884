import { booleanResult, ignoreRejection, wrongResult } from '@palisade/core/middleware'
import { describe, expect, test } from 'vitest'

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('booleanResult', () => {
  test.each([true, false])('given %s when it is returned then it is the decision', value => {
    expect(booleanResult('skip', value)).toBe(value)
  })

  test.each([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a truthy number', 1, 'number'],
    ['a truthy string', 'false', 'string'],
    ['NaN', Number.NaN, 'NaN'],
    ['an array', [], 'an array'],
    ['a promise of false', Promise.resolve(false), 'a promise'],
    ['a Boolean object', Object(false), 'object'],
    ['a function', () => true, 'function'],
    ['a revoked proxy', revoked(), 'an object that cannot be inspected'],
  ])('given %s when it is returned then a TypeError names the callback and the type', (_, value, kind) => {
    expect(() => booleanResult('skip', value)).toThrow(
      new TypeError(`skip returned ${kind}; allowed: true or false`),
    )
  })
})

describe('wrongResult', () => {
  // vitest fails the run on an unhandled rejection.
  test('given a promise that is rejected when it is the wrong type then the rejection is handled', async () => {
    expect(wrongResult('key', Promise.reject(new Error('late')), 'a string')).toBeInstanceOf(TypeError)
    await new Promise(resolve => setImmediate(resolve))
  })

  test('given a secret when it is the wrong type then the message does not contain it', () => {
    expect(wrongResult('limit', 'hunter2', 'a number').message).toBe(
      'limit returned string; allowed: a number',
    )
  })
})

describe('ignoreRejection', () => {
  test.each<[string, () => unknown]>([
    ['a rejected promise', () => Promise.reject(new Error('late'))],
    ['nothing', () => undefined],
    ['a revoked proxy', revoked],
    ['a `then` that throws', () => Object.defineProperty({}, 'then', { value: brokenThen })],
  ])('given %s when it is ignored then nothing is thrown', (_, make) => {
    expect(() => ignoreRejection(make())).not.toThrow()
  })
})

function brokenThen() {
  throw new Error('broken')
}
