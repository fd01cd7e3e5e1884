import fc from 'fast-check'
import { expect, test } from 'vitest'
import { foldCase, routingPath } from '../../src/middleware.js'

test.each([
  ['/', '/'],
  ['/orders', '/orders'],
  ['/orders/', '/orders/'],
  ['/Orders/7', '/Orders/7'],
  ['/a.b/..c/...', '/a.b/..c/...'],
  ['/a%20b', '/a b'],
  ['/caf%C3%A9', '/café'],
  ['/%40me', '/%40me'],
  ['/ada%40example.com', '/ada%40example.com'],
  ['/%24%26%2B%2C%3A%3D%3F%23', '/%24%26%2B%2C%3A%3D%3F%23'],
  ['/a;b=c,d', '/a;b=c,d'],
  ['/a%3Bb', '/a%3Bb'],
  ['/100%25', '/100%'],
  ['/100%25-off', '/100%-off'],
  ['/%5B%5D%5E%60%7B%7C%7D', '/[]^`{|}'],
])('%s names %s on every host', (path, named) => {
  expect(routingPath(path)).toBe(named)
})

test.each([
  '',
  '*',
  'orders',
  '//',
  '//admin',
  '/a//b',
  '/a//',
  '/.',
  '/..',
  '/a/./b',
  '/a/../b',
  '/a/..',
  '/a/.',
  '/%2e%2e/b',
  '/a/%2E',
  '/.%2e/',
  '/a%2fb',
  '/a%2Fb',
  '/a%5cb',
  '/a\\b',
  '/a%00',
  '/a%0a',
  '/a%1F',
  '/a%7f',
  '/a\u0001',
  '/a\u007f',
  '/%61dmin',
  '/%41dmin',
  '/x%7E',
  '/x%2D',
  '/x%5F',
  '/%30',
  '/%39',
  '/%7a',
  '/%5A',
  '/%2561dmin',
  '/a%',
  '/a%2',
  '/a%zz',
  '/%ff',
  '/%c0%af',
  '/%ed%a0%80',
  '/%e2%82',
])('%j is ambiguous', path => {
  expect(routingPath(path)).toBeUndefined()
})

test('what is left is decoded once and forever, and no URL parser changes it', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '//',
      '%',
      '%2f',
      '%2e',
      '%5c',
      '%25',
      '%00',
      '%61',
      '\\',
      '?',
      'a',
      'é',
      '%C3%A9',
      '%20',
      ';',
      '%40',
      '%3b',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
      const path = `/${pieces.join('')}`
      const named = routingPath(path)
      if (named === undefined) return
      expect(named.split('/').length).toBe(path.split('/').length)
      expect(decodeURI(path)).toBe(named)
      if (/[?# ]/.test(path)) return
      expect(decodeURI(new URL(path, 'http://host').pathname)).toBe(named)
    }),
    { numRuns: 2000 },
  )
})

test('two paths fold to the same exactly when a case-insensitive router takes them for the same', () => {
  const letters = fc.string({
    unit: fc.constantFrom(
      'a',
      'A',
      'k',
      'K',
      '\u212a',
      's',
      'ſ',
      'é',
      'É',
      'ß',
      'ẞ',
      'ı',
      'I',
      'ǆ',
      'ǅ',
      '/',
    ),
  })
  fc.assert(
    fc.property(letters, letters, (one, other) => {
      // Fastify folds by toLowerCase(), Express and Koa by a regular expression.
      const isSame = new RegExp(`^${one.toLowerCase()}$`, 'i').test(other.toLowerCase())
      expect(foldCase(one) === foldCase(other)).toBe(isSame)
    }),
    { numRuns: 2000 },
  )
})
