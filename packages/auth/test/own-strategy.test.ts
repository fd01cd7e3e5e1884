import { ConfigError, pipeline } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { expect, test } from 'vitest'
import { authenticate, type Strategy } from '../src/index.js'
import { wordStrategy } from './support/token-strategy.js'

const make = (changes: object) => () =>
  authenticate({ strategies: [wordStrategy('one', changes) as unknown as Strategy] })

test.each([undefined, '', 7, null, 'two words', 'Word, realm="x"'])(
  'given a strategy with the scheme %j then it is rejected when it is built',
  scheme => {
    expect(make({ scheme })).toThrow(ConfigError)
    expect(make({ scheme })).toThrow(/option "strategies\[0\]\.scheme".*authentication scheme/)
  },
)

const odd = [undefined, null, true, 'authenticated', 7, {}, [], { outcome: 'ok' }, () => true]
const verifies = odd.flatMap(result => [
  ['at once', result, () => result] as const,
  ['later', result, () => Promise.resolve(result)] as const,
])

test.each(verifies)(
  'given verify that returns %s %j then it is a 500 whose error says what is allowed',
  async (_, _result, verify) => {
    const edge = pipeline().use(make({ verify })())
    const errors: unknown[] = []
    edge.events.on('request:error', ({ error }) => errors.push(error))
    const { status } = await inject(edge, { headers: { 'x-one': 'ada' } })
    expect(status).toBe(500)
    expect(errors).toEqual([expect.any(TypeError)])
    expect(String(errors[0])).toMatch(
      /verify of the strategy "one" returned .*; allowed: a VerifyResult: \{ outcome/,
    )
  },
)

const credentials: readonly (readonly [string, () => unknown])[] = [
  ['nothing', () => undefined],
  ['a text', () => 'a text'],
  ['true', () => true],
  ['a number', () => 7],
  ['a function', () => () => null],
]

test.each(credentials)(
  'given extract that returns %s then it is a 500, also where a credential is optional',
  async (_, extract) => {
    const strategies = [wordStrategy('one', { extract: extract as never })] as never
    const edge = pipeline().use(authenticate({ strategies, rules: [{ path: '/**', login: 'optional' }] }))
    const errors: unknown[] = []
    edge.events.on('request:error', ({ error }) => errors.push(error))
    expect((await inject(edge)).status).toBe(500)
    expect(String(errors[0])).toMatch(/extract of the strategy "one" returned .*; allowed: a credential/)
  },
)

test.each([
  ['a promise', async () => null],
  ['a rejection', () => Promise.reject(new Error('late'))],
])(
  'given extract that returns %s then it is a 503, also where a credential is optional',
  async (_, extract) => {
    const strategies = [wordStrategy('one', { extract: extract as never })] as never
    const edge = pipeline().use(authenticate({ strategies, rules: [{ path: '/**', login: 'optional' }] }))
    const { status, passed } = await inject(edge)
    expect([status, passed]).toEqual([503, false])
  },
)

const identities = [
  undefined,
  null,
  'ada',
  {},
  { subject: '', method: 'one', scopes: new Set(), roles: new Set(), claims: {} },
  { subject: 'ada', method: 'one', scopes: ['read'], roles: new Set(), claims: {} },
  { subject: 'ada', method: 'one', scopes: new Set(), roles: new Set(), claims: {}, tenant: 7 },
]

test.each(identities)('given verify that proves the identity %j then it is a 503', async identity => {
  const verify = () => ({ outcome: 'authenticated', identity }) as never
  const { status, passed } = await inject(pipeline().use(make({ verify })()), { headers: { 'x-one': 'ada' } })
  expect([status, passed]).toEqual([503, false])
})
