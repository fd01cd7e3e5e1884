import { describe, expect, test } from 'vitest'
import { headerLines } from '../src/node-http/header-lines.js'

describe('given the header lines that Node received', () => {
  test('when nothing is changed then they are listed in their order', () => {
    const raw = ['Host', 'a', 'Set-Cookie', 'a=1', 'X-A', '1', 'Set-Cookie', 'b=2']
    const fields = { host: 'a', 'set-cookie': ['a=1', 'b=2'], 'x-a': '1' }
    expect(headerLines(raw, fields)).toEqual([
      ['host', 'a'],
      ['set-cookie', 'a=1'],
      ['x-a', '1'],
      ['set-cookie', 'b=2'],
    ])
  })

  test('when a field is deleted then none of its lines is listed', () => {
    expect(headerLines(['X-A', '1', 'X-B', '2', 'x-a', '3'], { 'x-b': '2' })).toEqual([['x-b', '2']])
    expect(headerLines(['X-A', '1'], { 'x-a': undefined })).toEqual([])
  })

  test('when a field of several lines is cut to the first then only that is listed, in its place', () => {
    expect(headerLines(['X-A', '1', 'X-B', '2', 'X-A', '3'], { 'x-a': '1', 'x-b': '2' })).toEqual([
      ['x-a', '1'],
      ['x-b', '2'],
    ])
  })

  test('when a field is replaced by several values then each has a line', () => {
    expect(headerLines(['X-A', '1', 'X-B', '2'], { 'x-a': ['3', '4'], 'x-b': '2' })).toEqual([
      ['x-a', '3'],
      ['x-b', '2'],
      ['x-a', '4'],
    ])
  })

  test('when a value is a number or null then it is text or is not listed', () => {
    const fields = { 'X-Count': 3, 'x-none': null } as never
    expect(headerLines([], fields)).toEqual([['x-count', '3']])
  })

  test('when they came over HTTP/2 then the pseudo-headers are not listed', () => {
    const fields = { ':path': '/', ':authority': 'a', accept: '*/*' } as never
    expect(headerLines([':path', '/', ':authority', 'a', 'accept', '*/*'], fields)).toEqual([
      ['accept', '*/*'],
    ])
  })
})
