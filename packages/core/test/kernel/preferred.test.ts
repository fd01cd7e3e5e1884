import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { preferred } from '../../src/middleware.js'

const TYPES = ['application/json', 'text/html', 'text/plain'] as const

describe('preferred()', () => {
  it.each<[accept: string | undefined, type: string | undefined]>([
    [undefined, 'application/json'],
    ['', 'application/json'],
    [' ', 'application/json'],
    ['*/*', 'application/json'],
    ['text/*', 'text/html'],
    ['text/plain', 'text/plain'],
    ['TEXT/Plain', 'text/plain'],
    ['image/png', undefined],
    ['*/*;q=0', undefined],
    ['application/json;q=0, */*', 'text/html'],
    // RFC 9110 section 12.5.1: the most specific range decides.
    ['text/*;q=0.9, text/html;q=0.1, application/json;q=0.5', 'text/plain'],
    ['*/*;q=0.9, application/json;q=0.1', 'text/html'],
    ['text/html;level=1;q=0.1, text/html;q=0.7, application/json;q=0.5', 'text/html'],
    ['text/html;q=0.1, text/html;level=1, application/json;q=0.5', 'application/json'],
    // A tie goes to the first type.
    ['text/plain, text/html, application/json', 'application/json'],
    ['text/plain;q=0.5, text/html;q=0.5', 'text/html'],
    // RFC 9110 section 12.4.2: the form of a weight.
    ['text/html;q=5, application/json;q=0.1', 'application/json'],
    ['text/html;q=.5, application/json;q=0.1', 'application/json'],
    ['text/html;q=1.5, application/json;q=0.1', 'application/json'],
    ['text/html;q=-1, application/json;q=0.1', 'application/json'],
    ['text/html;q=0.1234, application/json;q=0.1', 'application/json'],
    ['text/html;q=1.001, application/json;q=0.1', 'application/json'],
    ['text/html;q=, application/json;q=0.1', 'application/json'],
    ['text/html;q=1e0, application/json;q=0.1', 'application/json'],
    ['text/html;Q=1.000, application/json;q=0.999', 'text/html'],
    ['text/html;q=0., application/json;q=0.001', 'application/json'],
    ['text/html ; q=0.5 , application/json ; q=0.4', 'text/html'],
    // Separators inside a quoted text.
    ['text/html;a="x,application/json;q=1";q=0.1, text/plain;q=0.5', 'text/plain'],
    ['text/html;a="\\",;q=0", text/plain;q=0.5', 'text/html'],
    ['text/html;a="never closed', 'text/html'],
    [',,;;=,text/plain', 'text/plain'],
    [`text/plain${',a/b'.repeat(400)}`, 'application/json'],
    [`${'a/b,'.repeat(100)}text/plain`, undefined],
  ])('given Accept: %j, then it is %s', (accept, type) => {
    expect(preferred(accept, TYPES)).toBe(type)
  })

  it.each([
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/health+json', 'application/health+json'],
    ['application/health+json, application/json', 'application/health+json'],
    ['application/health+json;q=0.4, application/json', 'application/json'],
  ])('given a type that must be named and Accept: %s, then it is %s', (accept, type) => {
    const types = ['application/health+json', 'application/json'] as const
    expect(preferred(accept, types, { onlyNamed: ['application/health+json'] })).toBe(type)
  })

  it('given any text, then it is one of the types or nothing', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 1100, unit: 'binary' }), accept => {
        expect([...TYPES, undefined]).toContain(preferred(accept, TYPES))
      }),
    )
  })
})
