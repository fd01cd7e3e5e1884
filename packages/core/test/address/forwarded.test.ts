import { describe, expect, it } from 'vitest'
import { forwarded, LONGEST_ELEMENT, xForwardedFor } from '../../src/address/forwarded.js'

describe('the beginning of the last element', () => {
  it.each([
    ['one element', 'for=192.0.2.1', 0],
    ['two elements', 'for=192.0.2.1,for=192.0.2.2', 14],
    ['a comma in a string', 'for=192.0.2.1;host="a,b"', 0],
    ['an escaped quote in a string', 'a,host="b\\",c"', 2],
    ['an escaped backslash before the closing quote', 'a,host="b,\\\\"', 2],
    ['a string that is not closed', 'a,host="b', -1],
    ['a string that an escaped quote leaves open', 'x", a="b;proto=https\\"', -1],
    ['more than is read', `a,${'b'.repeat(LONGEST_ELEMENT)}`, -1],
    ['as much as is read', `a,${'b'.repeat(LONGEST_ELEMENT - 1)}`, 2],
  ])('given %s in Forwarded, then its position, or -1', (_what, header, start) => {
    expect(forwarded.start(header, header.length)).toBe(start)
  })

  it('given quotes in X-Forwarded-For, then they are characters as any other', () => {
    expect(xForwardedFor.start('"a,b"', 5)).toBe(3)
  })
})
