import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { safeReturnTo } from '../../src/index.js'
import { prefersHtml } from '../../src/login/accept.js'
import { edge } from '../support/edge.js'
import { wordStrategy } from '../support/token-strategy.js'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'
const here = edge({ strategies: [wordStrategy('a')], login: { path: '/auth/login' } })

describe('a person with a browser', () => {
  test.each([
    ['/', '/auth/login'],
    ['/orders', '/auth/login?returnTo=%2Forders'],
    ['/orders?page=2&q=a%20b', '/auth/login?returnTo=%2Forders%3Fpage%3D2%26q%3Da%2520b'],
    ['/orders?flag', '/auth/login?returnTo=%2Forders%3Fflag'],
    ['/orders?a&b=&c=1', '/auth/login?returnTo=%2Forders%3Fa%26b%3D%26c%3D1'],
    ['/orders?q=a+b%2Bc', '/auth/login?returnTo=%2Forders%3Fq%3Da%2Bb%252Bc'],
    ['/orders?back=//evil.test', '/auth/login?returnTo=%2Forders%3Fback%3D%2F%2Fevil.test'],
    ['/orders?', '/auth/login?returnTo=%2Forders'],
    ['//evil.test?flag', '/auth/login'],
    ['//evil.test/x', '/auth/login'],
    ['/\\evil.test', '/auth/login'],
    [`/${'x'.repeat(3000)}`, '/auth/login'],
  ])('who wants %s is sent to %s', async (url, location) => {
    const { status, headers } = await here.send({
      url,
      headers: { accept: BROWSER, 'sec-fetch-mode': 'navigate' },
    })
    expect([status, headers['location'], headers['vary'], headers['cache-control']]).toEqual([
      303,
      location,
      'Accept',
      'no-store',
    ])
  })

  test('on an old browser, with HEAD, and with a credential that is no good any more is sent there too', async () => {
    expect((await here.send({ headers: { accept: BROWSER } })).status).toBe(303)
    expect((await here.send({ method: 'HEAD', headers: { accept: BROWSER } })).status).toBe(303)
    expect((await here.send({ headers: { accept: BROWSER, 'x-a': 'expired' } })).status).toBe(303)
  })
})

test.each([
  ['a POST', { method: 'POST', headers: { accept: BROWSER } }],
  ['a script', { headers: { accept: BROWSER, 'sec-fetch-mode': 'cors' } }],
  ['an image', { headers: { accept: BROWSER, 'sec-fetch-mode': 'no-cors' } }],
  ['a program', { headers: { accept: '*/*' } }],
  ['no Accept', {}],
  ['JSON', { headers: { accept: 'application/json, text/html;q=0.9' } }],
  ['the login page itself', { url: '/auth/login', headers: { accept: BROWSER } }],
])('%s gets its 401, and caches keep the two apart', async (_, request) => {
  const { status, headers } = await here.send(request)
  expect([status, headers['www-authenticate'], headers['vary'], headers['content-type']]).toEqual([
    401,
    'Word realm="a"',
    'Accept',
    'application/json; charset=utf-8',
  ])
})

test.each([
  ['malformed', 400],
  ['forbidden', 403],
  ['exhausted', 429],
  ['down', 503],
])('what is %s is no question of logging in', async (word, status) => {
  expect((await here.send({ headers: { accept: BROWSER, 'x-a': word } })).status).toBe(status)
})

test.each<[accept: string | undefined, html: boolean]>([
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['text/*', true],
  ['text/html', true],
  ['TEXT/HTML', true],
  ['text/html;q=0', false],
  ['text/html;q=0.5, application/json;q=0.5', false],
  ['text/html;q=0.5, application/json;q=0.4', true],
  ['text/html;q=0.5, */*', false],
  ['text/html, */*;q=0.1', true],
  ['text/*;q=0.9, text/html;q=0.1, application/json;q=0.5', false],
  ['application/*, text/html', false],
  ['text/html;q=2', false],
  ['text/html;q=0.1234', false],
  ['text/html;q=', false],
  ['text/html;level=1;q=0.8', true],
  [`${'a/b,'.repeat(100)}text/html`, false],
])('Accept %j ranks HTML over JSON: %s', (accept, html) => {
  expect(prefersHtml(accept)).toBe(html)
})

describe('returnTo', () => {
  test.each([
    ['/', '/'],
    ['/orders?a=1&b=/x#top', '/orders?a=1&b=/x#top'],
    ['/a/../b', '/b'],
    ['/caf\u00e9', '/caf%C3%A9'],
    ['//evil.test', '/'],
    ['/\\evil.test', '/'],
    ['/\t/evil.test', '/'],
    ['/\n/evil.test', '/'],
    ['\t//evil.test', '/'],
    ['\\\\evil.test', '/'],
    ['https://evil.test', '/'],
    ['javascript:alert(1)', '/'],
    ['evil.test', '/'],
    ['', '/'],
    ['/..//evil.test', '/'],
    ['/.//evil.test', '/'],
    ['/x/..//evil.test', '/'],
    ['/%2e%2e//evil.test', '/'],
    ['/@evil.test', '/@evil.test'],
    [['/a'], '/'],
    [undefined, '/'],
    [null, '/'],
  ])('%j becomes %j', (value, path) => {
    expect(safeReturnTo(value)).toBe(path)
  })

  test('whatever it is given, a browser stays on the origin', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '..',
      '.',
      '%2e',
      '\t',
      '\n',
      '\r',
      ' ',
      '@',
      ':',
      'evil.test',
      'http:',
      'https://',
      '?',
      '#',
      '%2f',
      '%5c',
      'a',
      '\u0000',
      '\u3002',
      '\ufeff',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
        const path = safeReturnTo(pieces.join(''))
        const seen = new URL(path, 'https://shop.test/auth/callback')
        expect(seen.origin).toBe('https://shop.test')
        expect(`${seen.pathname}${seen.search}${seen.hash}`).toBe(path)
      }),
      { numRuns: 5000 },
    )
  })
})
