import { replyInteger, replyList, replyText } from '@palisade/core/redis'
import { describe, expect, it } from 'vitest'

describe('replies are checked, as a script or a proxy may answer anything', () => {
  it.each([
    [7, 7],
    ['7', 7],
    ['-3', -3],
    ['9007199254740991', 9007199254740991],
  ])('%j is the number %d', (reply, number) => {
    expect(replyInteger(reply)).toBe(number)
  })

  it.each([null, '', ' 7', '7.5', 7.5, '1e3', '9007199254740993', Number.NaN, [7], 7n])(
    '%s is no whole number',
    reply => {
      expect(() => replyInteger(reply)).toThrow(TypeError)
    },
  )

  it('a list has the length that was asked for', () => {
    expect(replyList([1, 2], 2)).toEqual([1, 2])
    expect(replyList([])).toEqual([])
    expect(() => replyList([1], 2)).toThrow('expected a list of 2')
    expect(() => replyList('ab', 2)).toThrow(TypeError)
  })

  it('a text is a string', () => {
    expect(replyText('OK')).toBe('OK')
    expect(() => replyText(1)).toThrow(TypeError)
  })
})
