import { describe, expect, test } from 'vitest'
import { type JwtOptions, jwt } from '../../src/index.js'
import { bearer, edge } from '../support/edge.js'
import { forge, NOW, rsa, SECRET, sign } from '../support/tokens.js'

/** A token as the issuer makes it, but for its key. Names and ids are made up. */
interface Sample {
  readonly what: string
  readonly header: Record<string, unknown>
  readonly claims: Record<string, unknown>
  readonly verdict: 'accepted' | (string & {})
}

interface Field {
  readonly options: Partial<JwtOptions>
  readonly samples: readonly Sample[]
}

const KID = 'k1'
const RS = { alg: 'RS256', kid: KID }
const RS_JWT = { ...RS, typ: 'JWT' }
const lives = { iat: NOW - 5, exp: NOW + 300 }

const KEYCLOAK = 'https://sso.example/realms/shop'
const keycloak = {
  ...lives,
  jti: '4b1c0c4e-9d0f-4a5c-8a7d-3a0d6f1c2b11',
  iss: KEYCLOAK,
  sub: 'f3c1b1a0-2f55-4a5e-9a1b-0c5d8e9f7a10',
  azp: 'web',
  sid: '0e1d2c3b',
  acr: '1',
}
const COGNITO = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1B2c3D4e'
const cognito = {
  ...lives,
  sub: '8d9c7b6a-1111-4222-8333-944455556666',
  iss: COGNITO,
  event_id: 'e1',
  auth_time: NOW - 5,
  jti: 'j1',
  origin_jti: 'o1',
}
const FIREBASE = 'https://securetoken.google.com/shop-1234'
const SUPABASE = 'https://abcd.supabase.co/auth/v1'
const CLERK = 'https://clerk.shop.example'
const AUTH0 = 'https://shop.eu.auth0.com/'
const ENTRA = 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0'
const GOOGLE = 'https://accounts.google.com'
const OKTA = 'https://shop.okta.com/oauth2/default'
const B2C = 'https://shop.b2clogin.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0/'

const FIELDS: Readonly<Record<string, Field>> = {
  Keycloak: {
    options: { issuer: KEYCLOAK, audience: 'orders', roles: ['realm_access', 'roles'] },
    samples: [
      {
        what: 'an access token',
        header: RS_JWT,
        claims: {
          ...keycloak,
          aud: ['orders', 'account'],
          typ: 'Bearer',
          scope: 'openid email',
          realm_access: { roles: ['clerk'] },
        },
        verdict: 'accepted',
      },
      {
        what: 'an access token of an old version, with the nonce of the login',
        header: RS_JWT,
        claims: { ...keycloak, aud: 'orders', typ: 'Bearer', nonce: 'n', session_state: 's' },
        verdict: 'accepted',
      },
      {
        what: 'an access token of a client without an audience mapper',
        header: RS_JWT,
        claims: { ...keycloak, aud: 'account', typ: 'Bearer' },
        verdict: 'claim aud',
      },
      {
        what: 'an id token',
        header: RS_JWT,
        claims: { ...keycloak, aud: 'orders', typ: 'ID', at_hash: 'h' },
        verdict: 'claim typ',
      },
      {
        what: 'a refresh token',
        header: RS_JWT,
        claims: { ...keycloak, aud: 'orders', typ: 'Refresh' },
        verdict: 'claim typ',
      },
      {
        what: 'an offline token',
        header: RS_JWT,
        claims: { ...keycloak, aud: 'orders', typ: 'Offline' },
        verdict: 'claim typ',
      },
      {
        what: 'a logout token',
        header: { ...RS, typ: 'JWT' },
        claims: {
          ...keycloak,
          aud: 'orders',
          typ: 'Logout',
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        },
        verdict: 'claim typ',
      },
      {
        what: 'a logout token that its header names',
        header: { ...RS, typ: 'logout+jwt' },
        claims: { ...keycloak, aud: 'orders' },
        verdict: 'header typ',
      },
      {
        what: 'the link of a mail to set a new password',
        header: RS_JWT,
        claims: { ...keycloak, aud: 'orders', typ: 'reset-credentials' },
        verdict: 'claim typ',
      },
      {
        what: 'a token that is bound to a key (DPoP)',
        header: RS_JWT,
        claims: { ...keycloak, aud: 'orders', typ: 'DPoP', cnf: { jkt: 'x' } },
        verdict: 'claim typ',
      },
    ],
  },
  'Keycloak, machines': {
    options: { issuer: KEYCLOAK, audience: { claim: 'azp', values: 'batch' }, subject: 'client_id' },
    samples: [
      {
        what: 'an access token of a service account without sub and aud',
        header: RS_JWT,
        claims: { ...lives, iss: KEYCLOAK, jti: 'j', typ: 'Bearer', azp: 'batch', client_id: 'batch' },
        verdict: 'accepted',
      },
      {
        what: 'an access token of a client that may not call',
        header: RS_JWT,
        claims: { ...lives, iss: KEYCLOAK, typ: 'Bearer', azp: 'web', client_id: 'web' },
        verdict: 'claim aud',
      },
      {
        what: 'an access token without the claim of the subject',
        header: RS_JWT,
        claims: { ...lives, iss: KEYCLOAK, typ: 'Bearer', azp: 'batch', sub: 'x' },
        verdict: 'claim sub',
      },
    ],
  },
  Cognito: {
    options: {
      issuer: COGNITO,
      audience: { claim: 'client_id', values: ['1example23456789'] },
      roles: 'cognito:groups',
    },
    samples: [
      {
        what: 'an access token',
        header: RS,
        claims: {
          ...cognito,
          token_use: 'access',
          client_id: '1example23456789',
          scope: 'aws.cognito.signin.user.admin',
          username: 'ada',
          'cognito:groups': ['clerks'],
        },
        verdict: 'accepted',
      },
      {
        what: 'an access token of a machine',
        header: RS,
        claims: { ...cognito, token_use: 'access', client_id: '1example23456789', scope: 'orders/read' },
        verdict: 'accepted',
      },
      {
        what: 'an access token of another client',
        header: RS,
        claims: { ...cognito, token_use: 'access', client_id: 'other' },
        verdict: 'claim aud',
      },
      {
        what: 'an id token',
        header: RS,
        claims: { ...cognito, token_use: 'id', aud: '1example23456789', at_hash: 'h', email: 'a@b.example' },
        verdict: 'claim aud',
      },
      {
        what: 'an id token with the client in both claims',
        header: RS,
        claims: { ...cognito, token_use: 'id', client_id: '1example23456789', 'cognito:username': 'ada' },
        verdict: 'claim token_use',
      },
    ],
  },
  Firebase: {
    options: { issuer: FIREBASE, audience: 'shop-1234' },
    samples: [
      {
        what: 'the token that clients call APIs with',
        header: RS_JWT,
        claims: {
          ...lives,
          iss: FIREBASE,
          aud: 'shop-1234',
          auth_time: NOW - 5,
          user_id: 'uid1',
          sub: 'uid1',
          email: 'ada@example.com',
          email_verified: true,
          firebase: { identities: { email: ['ada@example.com'] }, sign_in_provider: 'password' },
        },
        verdict: 'accepted',
      },
      {
        what: 'a token of another project',
        header: RS_JWT,
        claims: { ...lives, iss: 'https://securetoken.google.com/other', aud: 'other', sub: 'uid1' },
        verdict: 'issuer',
      },
    ],
  },
  Supabase: {
    options: { issuer: SUPABASE, audience: 'authenticated', roles: 'role' },
    samples: [
      {
        what: 'an access token',
        header: RS_JWT,
        claims: {
          ...lives,
          iss: SUPABASE,
          aud: 'authenticated',
          sub: 'a0a1',
          role: 'authenticated',
          session_id: 's',
          aal: 'aal1',
          amr: [{ method: 'password', timestamp: NOW }],
          app_metadata: { provider: 'email', providers: ['email'] },
          user_metadata: {},
          is_anonymous: false,
          phone: '',
        },
        verdict: 'accepted',
      },
      {
        what: 'the public key of the project, which is a token of no user',
        header: RS_JWT,
        claims: { ...lives, iss: SUPABASE, ref: 'abcd', role: 'anon' },
        verdict: 'claim aud',
      },
    ],
  },
  Clerk: {
    options: { issuer: CLERK, audience: { claim: 'azp', values: 'https://shop.example' } },
    samples: [
      {
        what: 'a session token',
        header: { ...RS_JWT, cat: 'cl_B7d4PD111AAA' },
        claims: {
          ...lives,
          azp: 'https://shop.example',
          fva: [3, -1],
          iss: CLERK,
          nbf: NOW - 10,
          sid: 'sess_1',
          sts: 'active',
          sub: 'user_1',
          v: 2,
          o: { id: 'org_1', rol: 'admin', per: 'read', fpm: '3' },
        },
        verdict: 'accepted',
      },
      {
        what: 'a session token of another origin',
        header: RS_JWT,
        claims: { ...lives, azp: 'https://evil.example', iss: CLERK, sid: 's', sub: 'user_1' },
        verdict: 'claim aud',
      },
    ],
  },
  Auth0: {
    options: { issuer: AUTH0, audience: 'https://orders.example' },
    samples: [
      {
        what: 'an access token',
        header: RS_JWT,
        claims: {
          ...lives,
          iss: AUTH0,
          sub: 'auth0|64',
          aud: ['https://orders.example', `${AUTH0}userinfo`],
          scope: 'openid profile',
          azp: 'cid',
          permissions: ['orders:read'],
        },
        verdict: 'accepted',
      },
      {
        what: 'an access token of the profile of RFC 9068',
        header: { ...RS, typ: 'at+jwt' },
        claims: {
          ...lives,
          iss: AUTH0,
          sub: 'auth0|64',
          aud: 'https://orders.example',
          jti: 'j',
          client_id: 'cid',
        },
        verdict: 'accepted',
      },
      {
        what: 'an access token of a machine',
        header: RS_JWT,
        claims: {
          ...lives,
          iss: AUTH0,
          sub: 'cid@clients',
          aud: 'https://orders.example',
          gty: 'client-credentials',
        },
        verdict: 'accepted',
      },
      {
        what: 'an id token',
        header: RS_JWT,
        claims: { ...lives, iss: AUTH0, sub: 'auth0|64', aud: 'cid', nonce: 'n', sid: 's', nickname: 'ada' },
        verdict: 'claim aud',
      },
      {
        what: 'an id token for a client whose id is the audience',
        header: RS_JWT,
        claims: { ...lives, iss: AUTH0, sub: 'auth0|64', aud: 'https://orders.example', nonce: 'n' },
        verdict: 'id token',
      },
    ],
  },
  Entra: {
    options: {
      issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
      tenants: ['9188040d-6c67-4c5b-b112-36a304b66dad'],
      audience: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
    },
    samples: [
      {
        what: 'an access token of a user',
        header: RS_JWT,
        claims: {
          ...lives,
          aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
          iss: ENTRA,
          nbf: NOW - 5,
          aio: 'x',
          azp: 'cid',
          azpacr: '0',
          oid: 'o',
          rh: 'r',
          scp: 'access_as_user',
          sub: 's',
          tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
          uti: 'u',
          ver: '2.0',
        },
        verdict: 'accepted',
      },
      {
        what: 'an access token of an application',
        header: RS_JWT,
        claims: {
          ...lives,
          aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
          iss: ENTRA,
          azp: 'cid',
          idtyp: 'app',
          roles: ['Orders.Read.All'],
          sub: 's',
          tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
          ver: '2.0',
        },
        verdict: 'accepted',
      },
      {
        what: 'an id token',
        header: RS_JWT,
        claims: {
          ...lives,
          aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
          iss: ENTRA,
          nonce: 'n',
          sub: 's',
          tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
          ver: '2.0',
        },
        verdict: 'id token',
      },
    ],
  },
  'Azure AD B2C': {
    options: { issuer: B2C, audience: 'api' },
    samples: [
      {
        what: 'an access token, which has the nonce of the login',
        header: RS_JWT,
        claims: {
          ...lives,
          iss: B2C,
          aud: 'api',
          sub: 's',
          tfp: 'B2C_1_in',
          nonce: 'n',
          scp: 'read',
          ver: '1.0',
        },
        verdict: 'accepted',
      },
    ],
  },
  Google: {
    options: { issuer: GOOGLE, audience: 'https://orders.example' },
    samples: [
      {
        what: 'the token of a service account, which services call each other with',
        header: RS_JWT,
        claims: {
          ...lives,
          iss: GOOGLE,
          aud: 'https://orders.example',
          azp: '1153',
          email: 'batch@shop.iam.gserviceaccount.com',
          email_verified: true,
          sub: '1153',
        },
        verdict: 'accepted',
      },
      {
        what: 'an id token of a login',
        header: RS_JWT,
        claims: {
          ...lives,
          iss: GOOGLE,
          aud: 'https://orders.example',
          sub: '1',
          at_hash: 'h',
          hd: 'x.example',
        },
        verdict: 'id token',
      },
    ],
  },
  Okta: {
    options: { issuer: OKTA, audience: 'api://default' },
    samples: [
      {
        what: 'an access token',
        header: RS,
        claims: {
          ...lives,
          ver: 1,
          jti: 'AT.x',
          iss: OKTA,
          aud: 'api://default',
          cid: 'c',
          uid: 'u',
          scp: ['openid', 'orders'],
          sub: 'ada@example.com',
        },
        verdict: 'accepted',
      },
      {
        what: 'an id token',
        header: RS,
        claims: {
          ...lives,
          ver: 1,
          jti: 'ID.x',
          iss: OKTA,
          aud: 'api://default',
          sub: '00u',
          amr: ['pwd'],
          at_hash: 'h',
        },
        verdict: 'id token',
      },
    ],
  },
}

describe.each(Object.entries(FIELDS))('given tokens of %s', (_, { options, samples }) => {
  const jwks = { keys: [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'RS256' }] }

  test.each(samples.map(sample => [sample.what, sample] as const))(
    'when it is %s, then it is judged as what it is, and never held against the client',
    async (_, { header, claims, verdict }) => {
      const here = edge({ strategies: [jwt({ jwks, ...options } as JwtOptions)] })
      const token = await sign(claims, { alg: 'RS256', key: rsa.privateKey, header })
      const { status, state } = await here.send(bearer(token))
      expect(here.failures[0]?.reason ?? 'accepted').toBe(verdict)
      expect([status, state.identity !== undefined]).toEqual(
        verdict === 'accepted' ? [200, true] : [401, false],
      )
      // Only for a token of another issuer is it unknown whether it is forged.
      if (verdict !== 'issuer') expect(here.violations).toEqual([])
    },
  )
})

describe('given issuers that sign refresh tokens with the key of their access tokens', () => {
  const options = { issuer: 'shop', audience: 'shop', secret: SECRET, algorithms: ['HS256'] }
  const claims = { ...lives, iss: 'shop', aud: 'shop', sub: 'ada' }
  const reasonOf = async (more: object) => {
    const here = edge({ strategies: [jwt(options)] })
    await here.send(bearer(forge({ alg: 'HS256', typ: 'JWT' }, { ...claims, ...more })))
    return here.failures[0]?.reason ?? 'accepted'
  }

  test.each([
    [{ token_type: 'access' }, 'accepted'],
    [{ type: 'access' }, 'accepted'],
    [{ token_type: 'Bearer' }, 'accepted'],
    [{ type: 'service' }, 'accepted'],
    [{ type: 7 }, 'accepted'],
    [{ typ: 'access_token' }, 'accepted'],
    [{ token_type: 'refresh' }, 'refresh token'],
    [{ type: 'refresh' }, 'refresh token'],
    [{ type: 'REFRESH_TOKEN' }, 'refresh token'],
    [{ tokenType: 'refresh-token' }, 'refresh token'],
    [{ token_type: 'id' }, 'id token'],
    [{ typ: 'refresh' }, 'claim typ'],
    [{ c_hash: 'x', scope: 'openid' }, 'id token'],
    [{ at_hash: 'x', scp: 'read' }, 'id token'],
  ])('when the claims have %j, then it is %s', async (more, verdict) => {
    expect(await reasonOf(more)).toBe(verdict)
  })
})
