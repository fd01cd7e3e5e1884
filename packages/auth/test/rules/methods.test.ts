import { ConfigError } from '@palisade/core'
import { describe, expect, test } from 'vitest'
import { type AuthRule, authenticate } from '../../src/index.js'
import { edge } from '../support/edge.js'
import { wordStrategy } from '../support/token-strategy.js'

const strategies = [wordStrategy('a'), wordStrategy('b')]
const COMMON = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const UNKNOWN = ['PROPFIND', 'QUERY', 'FOO', 'post', 'get', 'Post', 'LINK', 'TRACE', 'M-SEARCH']

/** What a rule says of an anonymous request: the challenge it gets, `open`, or another status. */
function ruled(rules: readonly AuthRule[]) {
  const { send } = edge({ strategies, rules })
  return async (method: string, url: string) => {
    const { status, headers } = await send({ method, url })
    if (status === 200) return 'open'
    return /"(\w)"/.exec(headers['www-authenticate'] ?? '')?.[1] ?? status
  }
}

describe('given a rule with methods', () => {
  test('when a path has two rules, then the one with methods holds for them, and the other for the rest', async () => {
    const by = ruled([
      { path: '/**', use: ['a'] },
      { path: '/posts/**', methods: ['GET'], login: 'public' },
      { path: '/posts/**', methods: ['POST', 'DELETE'], use: ['b'] },
    ])
    const verdicts = await Promise.all(COMMON.map(method => by(method, '/posts/1')))
    expect(verdicts).toEqual(['open', 'open', 'b', 'a', 'a', 'b', 'a'])
    for (const method of UNKNOWN) expect(await by(method, '/posts/1')).toBe('a')
    expect(await by('GET', '/other')).toBe('a')
  })

  test('when a more specific path has a rule without methods, then that one wins', async () => {
    const by = ruled([
      { path: '/**', methods: ['GET'], login: 'public' },
      { path: '/**', use: ['a'] },
      { path: '/admin/**', use: ['b'] },
    ])
    expect([await by('GET', '/admin/x'), await by('GET', '/x'), await by('POST', '/x')]).toEqual([
      'b',
      'open',
      'a',
    ])
  })

  test('when GET is closed or open, then HEAD is as well', async () => {
    const closed = ruled([
      { path: '/**', login: 'public' },
      { path: '/x', methods: ['GET'], use: ['a'] },
    ])
    expect([await closed('HEAD', '/x'), await closed('HEAD', '/y')]).toEqual(['a', 'open'])
    const open = ruled([
      { path: '/**', use: ['a'] },
      { path: '/x', methods: ['GET', 'HEAD'], login: 'public' },
    ])
    expect([await open('HEAD', '/x'), await open('GET', '/x')]).toEqual(['open', 'open'])
  })

  test.each(UNKNOWN)(
    'when the method is %s, which no rule names, then it never opens what a rule closes',
    async method => {
      const writes = ruled([
        { path: '/**', login: 'public' },
        { path: '/**', methods: ['POST', 'PUT', 'PATCH', 'DELETE'], use: ['a'] },
      ])
      expect(await writes(method, '/x')).toBe('a')
      const nested = ruled([
        { path: '/**', login: 'public' },
        { path: '/shop/**', methods: ['POST'], use: ['b'] },
        { path: '/shop/cart', methods: ['GET'], login: 'public' },
      ])
      expect(await nested(method, '/shop/cart')).toBe('b')
      expect(await nested(method, '/elsewhere')).toBe('open')
      const reads = ruled([
        { path: '/**', use: ['a'] },
        { path: '/**', methods: ['GET'], login: 'public' },
      ])
      expect(await reads(method, '/x')).toBe('a')
      const only = ruled([{ path: '/x', methods: ['GET'], login: 'public' }])
      expect(await only(method, '/x')).toBe(403)
      const optional = ruled([
        { path: '/**', login: 'public' },
        { path: '/**', methods: ['POST'], login: 'optional' },
      ])
      expect(await optional(method, '/x')).toBe('open')
    },
  )

  test('when a rule without methods is public and no other rule names methods, then all methods are', async () => {
    const by = ruled([
      { path: '/**', use: ['a'] },
      { path: '/dav/**', login: 'public' },
    ])
    for (const method of [...COMMON, ...UNKNOWN]) expect(await by(method, '/dav/x')).toBe('open')
  })

  test('when a method is named that is no common one, then it is known', async () => {
    const by = ruled([
      { path: '/**', use: ['a'] },
      { path: '/dav/**', methods: ['PROPFIND'], login: 'public' },
      { path: '/dav/**', methods: ['POST'], use: ['b'] },
    ])
    expect([await by('PROPFIND', '/dav/x'), await by('REPORT', '/dav/x')]).toEqual(['open', 'a'])
  })

  test('when no rule holds for the method, then it is refused as a path without a rule is', async () => {
    const by = ruled([{ path: '/**', methods: ['GET'], login: 'public' }])
    for (const method of ['POST', 'OPTIONS', 'FOO', 'get']) expect(await by(method, '/x')).toBe(403)
  })
})

describe('given rules that tie', () => {
  const build = (...rules: AuthRule[]) => authenticate({ strategies, rules })

  test.each<[string, AuthRule[]]>([
    [
      'one path and a common method',
      [
        { path: '/x', methods: ['GET', 'POST'] },
        { path: '/x', methods: ['POST'] },
      ],
    ],
    [
      'one path and HEAD beside GET',
      [
        { path: '/x', methods: ['GET', 'HEAD'] },
        { path: '/X/', methods: ['GET'] },
      ],
    ],
    ['one path and no methods', [{ path: '/x' }, { path: '/x' }]],
    [
      'paths that overlap and a common method',
      [
        { path: '/a/*', methods: ['GET'] },
        { path: '/*/b', methods: ['GET'] },
      ],
    ],
    ['paths that overlap, one for all methods', [{ path: '/a/*' }, { path: '/*/b', methods: ['GET'] }]],
    [
      'a rule between them for other methods only',
      [{ path: '/a/*' }, { path: '/*/b', methods: ['GET'] }, { path: '/a/b', methods: ['POST'] }],
    ],
    [
      'a rule between them for one of two common methods',
      [
        { path: '/a/*', methods: ['GET', 'POST'] },
        { path: '/*/b', methods: ['GET', 'POST'] },
        { path: '/a/b', methods: ['POST'] },
      ],
    ],
  ])('by %s, when it is built, then it is a ConfigError that names the rule', (_, rules) => {
    expect(() => build(...rules)).toThrow(ConfigError)
    expect(() => build(...rules)).toThrow(/option "rules\[\d\]\.path"/)
  })

  test.each<[string, AuthRule[]]>([
    [
      'one path for different methods',
      [
        { path: '/x', methods: ['GET'] },
        { path: '/x', methods: ['POST'] },
      ],
    ],
    ['one path with methods and without', [{ path: '/x', methods: ['GET'] }, { path: '/x' }]],
    [
      'paths that overlap for different methods',
      [
        { path: '/a/*', methods: ['GET'] },
        { path: '/*/b', methods: ['POST'] },
      ],
    ],
    [
      'two rules between them that cover both methods',
      [
        { path: '/a/*', methods: ['GET', 'POST'] },
        { path: '/*/b', methods: ['GET', 'POST'] },
        { path: '/a/b', methods: ['POST'] },
        { path: '/a/b', methods: ['GET'] },
      ],
    ],
    ['a path that is part of another', [{ path: '/a/**', methods: ['GET'] }, { path: '/a/b' }]],
  ])('not, by %s, when it is built, then it is right', (_, rules) => {
    expect(() => build(...rules)).not.toThrow()
  })

  test.each<[string, unknown]>([
    ['methods', []],
    ['methods', 'GET'],
    ['methods[0]', ['get']],
    ['methods[1]', ['GET', '']],
    ['methods[0]', ['GET POST']],
    ['methods[0]', ['*']],
    ['methods', ['HEAD']],
    ['methods', ['POST', 'HEAD']],
  ])('and "%s" is %j, when it is built, then the option is named', (option, methods) => {
    expect(() => build({ path: '/**', methods: methods as string[] })).toThrow(`option "rules[0].${option}"`)
  })
})
