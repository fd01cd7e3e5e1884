import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bare, blockWith } from '../../../../test/support/documented-block.js'
import { type JwtOptions, jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { NOW, rsa, sign } from '../support/tokens.js'
import * as recipes from './recipes.js'

test('given the recipes of the README, when they are compiled here, then they are the same', () => {
  const block = blockWith('const keycloakMachines', new URL('../../README.md', import.meta.url))
  const code = readFileSync(new URL('./recipes.ts', import.meta.url), 'utf8')
  expect(bare(code)).toBe(bare(block))
})

const lives = { iat: NOW - 5, exp: NOW + 300 }
/** What a client of each issuer sends, in short. */
const SAMPLES: Readonly<Record<keyof typeof recipes, Record<string, unknown>>> = {
  keycloak: {
    aud: ['orders', 'account'],
    sub: 'f3c1',
    typ: 'Bearer',
    azp: 'web',
    realm_access: { roles: ['clerk'] },
  },
  keycloakMachines: { typ: 'Bearer', azp: 'batch', client_id: 'batch' },
  cognito: {
    sub: '8d9c',
    token_use: 'access',
    client_id: '1example23456789',
    'cognito:groups': ['clerk'],
  },
  firebase: { aud: 'shop-1234', sub: 'uid1', firebase: { sign_in_provider: 'password' } },
  supabase: { aud: 'authenticated', sub: 'a0a1', role: 'clerk', session_id: 's' },
  clerk: { sub: 'user_1', azp: 'https://shop.example', sid: 'sess_1', o: { id: 'org_1' } },
  auth0: { sub: 'auth0|64', aud: ['https://orders.example'], azp: 'cid', permissions: ['orders:read'] },
  entra: {
    iss: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
    aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
    sub: 's',
    tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
    scp: 'access_as_user',
  },
}

describe.each(Object.entries(recipes))('given the recipe for %s', (name, recipe) => {
  const header = { kid: 'k1', typ: 'JWT' }
  const jwks = { keys: [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'k1' }] }

  test('when it is built as it stands, then it is right', () => {
    expect(() => jwt(recipe)).not.toThrow()
  })

  test('when a token of that issuer comes, then it opens, and for another audience it does not', async () => {
    const options = { ...recipe, discovery: undefined, jwksUri: undefined, jwks } as unknown as JwtOptions
    const { send, failures } = edge({ strategies: [jwt(options)] })
    const { issuer } = recipe as { issuer: string }
    const claims = { ...lives, iss: issuer, ...SAMPLES[name as keyof typeof recipes] }
    const of = (more: object) => sign({ ...claims, ...more }, { alg: 'RS256', key: rsa.privateKey, header })
    expect((await send(bearer(await of({})))).status).toBe(200)
    await send(bearer(await of({ aud: 'other', azp: 'other', client_id: 'other' })))
    expect(failures.map(({ reason }) => reason)).toEqual(['claim aud'])
  })
})
