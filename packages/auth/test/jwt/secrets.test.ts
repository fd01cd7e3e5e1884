import { ConfigError } from '@palisade/core'
import { describe, expect, test } from 'vitest'
import { jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { AUDIENCE, claims, forge, ISSUER, rsa } from '../support/tokens.js'

const CURRENT = 'the current secret, of which tokens are made'
const PREVIOUS = 'the previous secret, of which tokens still live'
const base = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['HS256'] }
const by = (secret: unknown) => edge({ strategies: [jwt({ ...base, secret } as never)] })
const status = async (here: ReturnType<typeof edge>, secret: string | Buffer) =>
  (await here.send(bearer(forge({ alg: 'HS256' }, claims(), secret)))).status

describe('given a list of secrets', () => {
  test.each([
    ['texts', [CURRENT, PREVIOUS]],
    ['bytes', [Buffer.from(CURRENT), new TextEncoder().encode(PREVIOUS)]],
    ['one that is there twice', [CURRENT, PREVIOUS, PREVIOUS]],
  ])(
    'of %s, when a token is signed by one of them, then it opens, and by another it does not',
    async (_, list) => {
      const here = by(list)
      expect([await status(here, CURRENT), await status(here, PREVIOUS)]).toEqual([200, 200])
      expect(await status(here, `${PREVIOUS}!`)).toBe(401)
      expect(here.violations.length).toBe(1)
    },
  )

  test('when the previous one is taken out, then its tokens are refused', async () => {
    const here = by([CURRENT])
    expect([await status(here, CURRENT), await status(here, PREVIOUS)]).toEqual([200, 401])
  })

  test('when several algorithms are allowed, then each secret verifies each of them', async () => {
    const [one, two] = ['a'.repeat(64), 'b'.repeat(64)]
    const here = edge({
      strategies: [jwt({ ...base, algorithms: ['HS256', 'HS512'], secret: [one, two] })],
    })
    expect([await status(here, one), await status(here, two)]).toEqual([200, 200])
  })

  test.each<[string, unknown, string]>([
    ['is empty', [], 'secret'],
    ['has six', Array.from({ length: 6 }, () => CURRENT), 'secret'],
    ['has one that is not set', [CURRENT, undefined], 'secret[1]'],
    ['has a short one', [CURRENT, 'short'], 'secret[1]'],
    ['has a number', [7], 'secret[0]'],
    ['has a list', [[CURRENT]], 'secret[0]'],
    ['has a public key', [CURRENT, rsa.publicKey.export({ format: 'pem', type: 'spki' })], 'secret[1]'],
  ])('that %s, when it is built, then the option is named and no secret is', (_, secret, option) => {
    const build = () => by(secret)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(`jwt: option "${option}"`)
    expect(build).not.toThrow(CURRENT)
  })
})
