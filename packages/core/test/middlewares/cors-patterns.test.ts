import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError, cors } from '../../src/index.js'

const APP = 'https://app.example.com'

const build = (origin: RegExp | RegExp[], option: 'credentials' | 'privateNetwork' = 'credentials') =>
  cors({ origin, [option]: true })

/** With the flag v, which is younger than the target of the compiler. */
const inSets = (source: string, flags = 'v') => new RegExp(source, flags)

/** The origin that the message shows. */
function shown(origin: RegExp): string | undefined {
  try {
    build(origin)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return /lets in "([^"]+)"/.exec((error as Error).message)?.[1]
  }
  throw new Error(`${origin} was accepted`)
}

describe('a pattern that leaves a registered domain open', () => {
  it.each([
    /^https:\/\/example\.[a-z]{2,3}$/,
    /^https:\/\/example\.(com|[a-z]+)$/,
    /^https:\/\/example\.\w+$/,
    /^https:\/\/(www\.)?example\.[^.]+$/,
    /^https:\/\/example\.co(m|\.[a-z]{2})$/,
    /^https:\/\/example[.]com.*$/,
    /^https:\/\/(app|www)?example\.com$/,
    /^https:\/\/example\.com[a-z]?$/,
    /^https:\/\/exampl[a-z]\.com$/i,
    /^https:\/\/app-[a-z0-9]+\.vercel\.app$/,
    /^https:\/\/(.+[.-])?example\.com$/,
    /^https:\/\/examples?\.com$/,
    /^https:\/\/(?:foo)+\.com$/,
    /^https:\/\/(example|[a-z]{7})\.co\.uk$/,
    /^https:\/\/[a-z]+\.(?:example\.com|github\.io|herokuapp\.com)$/,
    /^https:\/\/[^.]+\.s3\.amazonaws\.com$/,
    /^https:\/\/[a-z]+\.blogspot\.co\.uk$/,
    /^https:\/\/example\.com(?:\.[a-z]+)?$/,
    /^https:\/\/(?!evil)[a-z]+\.com$/,
    /^https:\/\/\w+\.\p{Ll}{2,}$/u,
    inSets(String.raw`^https:\/\/[[a-z]--[q]]+\.com$`),
    /^http:\/\/(?:\d+\.){3}\d+$/,
    /^http:\/\/172\.\d+\.\d+\.\d+$/,
    /^https:\/\/[a-z]+$/,
  ])('given %s, when credentials are sent along, then it is refused with an origin that matches', pattern => {
    const origin = shown(pattern) ?? ''
    expect(origin).toMatch(pattern)
    expect(`${new URL(origin).protocol}//${new URL(origin).host}`).toBe(origin)
    expect(() => build(pattern, 'privateNetwork')).toThrow(ConfigError)
    expect(() => build([/^https:\/\/a\.example\.com$/, pattern])).toThrow('option "origin[1]"')
  })

  it.each([
    /^https:\/\/(?=.*\.example\.com$).*$/,
    /^https:\/\/(a|b)-\1\.com$/,
    new RegExp(`^https:\\/\\/(?:${'(?:a?b?c?)*'.repeat(60)}[a-z])\\.com$`),
    // More ways to end than are looked at.
    new RegExp(`^https:\\/\\/a[.]example[.]com${'(?::1|:2)?'.repeat(24)}$`),
  ])('given a pattern that cannot be read, when credentials are sent along, then it is refused', pattern => {
    expect(() => build(pattern)).toThrow('a list, or a function')
  })

  it.each([
    /^https:\/\/exampleXcom$|^https:\/\/a\.com$/,
    /^https:\/\/example.com$/,
    /^https:\/\/a\.com|https:\/\/b\.com$/,
    /https:\/\/example\.com$/,
    /^https:\/\/example\.com/,
    /^https:\/\/example\.com$/m,
    /^https:\/\/example\.com$/g,
    /^https:\/\/example\.com$/y,
  ])('given %s, when it is built, then it is refused in any case', pattern => {
    expect(() => build(pattern)).toThrow(ConfigError)
    expect(() => cors({ origin: pattern })).toThrow(ConfigError)
  })

  it.each(['https://*.com', 'https://*.vercel.app', 'https://*'])(
    'given the text %s, when it is built, then it is refused in any case',
    origin => {
      expect(() => cors({ origin })).toThrow(ConfigError)
      expect(() => cors({ origin: [APP, origin], credentials: true })).toThrow(ConfigError)
    },
  )

  it('given a public suffix by name, when credentials are sent along, then only that origin is meant', () => {
    expect(() => cors({ origin: ['https://acme.github.io'], credentials: true })).not.toThrow()
  })
})

describe('a pattern that spells out its registered domains', () => {
  it.each([
    /^https:\/\/([a-z0-9-]+\.)?example\.com$/,
    /^https:\/\/(app|www)\.example\.com$/,
    /^https:\/\/[a-z]+\.example\.(com|org)$/,
    /^https?:\/\/localhost:\d+$/,
    /^https:\/\/example\.com(:\d+)?$/,
    /^https:\/\/pr-\d+\.staging\.example\.co\.uk$/,
    /^https:\/\/(?:[^.]+\.)*example\.com$/,
    /^https:\/\/(?:example|sample)\.com$/,
    /^https:\/\/(?!www\.)[a-z]+\.example\.com$/,
    /^https:\/\/([a-z]+)-\1\.example\.com$/,
    /^https:\/\/(?<sub>[a-z]+\.)?example[.]com$/u,
    inSets(String.raw`^https:\/\/[[a-z]--[q]]+\.example\.com$`),
    /^http:\/\/\[::1\](?::\d{1,5})?$/,
    /^http:\/\/10\.\d+\.\d+\.\d+$/,
    /^http:\/\/172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+$/,
    /^https:\/\/[a-z]+\.acme\.github\.io$/,
    /^https:\/\/(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,3}example\.com$/i,
  ])('given %s, when credentials are sent along, then it is accepted', pattern => {
    expect(() => build(pattern)).not.toThrow()
    expect(() => build(pattern, 'privateNetwork')).not.toThrow()
  })
})

const escaped = (text: string) => text.replaceAll('.', String.raw`\.`)
const word = fc.stringMatching(/^[a-z]{3,8}$/)
const suffix = fc.constantFrom('com', 'org', 'de', 'co.uk', 'com.au', 'vercel.app', 'github.io')
const varying = fc.constantFrom(
  '[a-z]+',
  '[a-z0-9-]{2,9}',
  String.raw`\w+`,
  '[^.]+',
  '.+',
  'x.*',
  '(?:a|b)c',
  'ab?',
)
const label = fc.oneof(word, varying)
const inFront = fc
  .array(label, { maxLength: 3 })
  .chain(labels => fc.constantFrom(`${labels.join(String.raw`\.`)}`, ''))
  .map(labels => (labels === '' ? '' : String.raw`${labels}\.`))
const subdomains = fc.oneof(
  inFront,
  inFront.map(text => `(?:${text})?`),
  inFront.map(text => `(${text})*`),
)
const port = fc.constantFrom('', ':8443', String.raw`(?::\d+)?`, String.raw`(:\d{1,5}|)`)
const flags = fc.constantFrom('', 'i', 'u')

/** A registered domain that another owner can have too. */
const open = fc.oneof(
  fc.tuple(varying, suffix).map(([name, end]) => `${name}\\.${escaped(end)}`),
  fc.tuple(word, varying, suffix).map(([name, more, end]) => `${name}${more}\\.${escaped(end)}`),
  fc.tuple(word, varying, suffix).map(([name, more, end]) => `${more}${name}\\.${escaped(end)}`),
  fc
    .tuple(word, fc.constantFrom('[a-z]+', '[a-z]{2,3}', '(?:com|[a-z]+)'))
    .map(([name, end]) => `${name}\\.${end}`),
  fc.tuple(word, word, suffix).map(([maybe, name, end]) => `(?:${maybe})?${name}\\.${escaped(end)}`),
)
const closed = fc.tuple(word, suffix).map(([name, end]) => `${name}\\.${escaped(end)}`)

const patternOf = (domain: fc.Arbitrary<string>) =>
  fc
    .tuple(subdomains, domain, port, flags)
    .map(([front, name, end, flag]) => new RegExp(String.raw`^https?:\/\/${front}${name}${end}$`, flag))

describe('any pattern', () => {
  it('given a registered domain that varies, when credentials are sent along, then it is refused', () => {
    fc.assert(
      fc.property(patternOf(open), pattern => {
        expect(() => build(pattern)).toThrow(ConfigError)
      }),
    )
  })

  it('given fixed registered domains and any subdomains, when credentials are sent along, then it is accepted', () => {
    const several = fc
      .uniqueArray(closed, { minLength: 1, maxLength: 4 })
      .map(names => (names.length === 1 ? (names[0] as string) : `(?:${names.join('|')})`))
    fc.assert(
      fc.property(patternOf(several), pattern => {
        expect(() => build(pattern)).not.toThrow()
      }),
    )
  })
})
