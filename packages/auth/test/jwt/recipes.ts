import type { JwtOptions } from '../../src/index.js'

/** An audience mapper of the client scope puts `orders` into the tokens. */
export const keycloak: JwtOptions = {
  issuer: 'https://sso.example/realms/shop',
  audience: 'orders',
  discovery: true,
  roles: ['realm_access', 'roles'],
}

/** Tokens of service accounts may have neither `sub` nor `aud`. */
export const keycloakMachines: JwtOptions = {
  issuer: 'https://sso.example/realms/shop',
  audience: { claim: 'azp', values: ['batch'] },
  subject: 'client_id',
  discovery: true,
}

/** The client id of the app stands in `client_id`. */
export const cognito: JwtOptions = {
  issuer: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1B2c3D4e',
  audience: { claim: 'client_id', values: ['1example23456789'] },
  discovery: true,
  roles: 'cognito:groups',
}

/** Clients call APIs with the id token of Firebase. Its audience is the project. */
export const firebase: JwtOptions = {
  issuer: 'https://securetoken.google.com/shop-1234',
  audience: 'shop-1234',
  jwksUri: 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com',
}

/** With a legacy secret: `secret` and `algorithms: ['HS256']` instead of `jwksUri`. */
export const supabase: JwtOptions = {
  issuer: 'https://abcd.supabase.co/auth/v1',
  audience: 'authenticated',
  jwksUri: 'https://abcd.supabase.co/auth/v1/.well-known/jwks.json',
  roles: 'role',
}

/** Session tokens have no `aud`; `azp` is the origin of the page. */
export const clerk: JwtOptions = {
  issuer: 'https://clerk.shop.example',
  audience: { claim: 'azp', values: ['https://shop.example'] },
  jwksUri: 'https://clerk.shop.example/.well-known/jwks.json',
  identity: ({ o }) => ({ tenant: (o as { id?: string } | undefined)?.id }),
}

/** The issuer ends with a slash. */
export const auth0: JwtOptions = {
  issuer: 'https://shop.eu.auth0.com/',
  audience: 'https://orders.example',
  discovery: true,
}

/** Version 2 tokens of listed tenants. The audience is the client id of the API. */
export const entra: JwtOptions = {
  issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
  tenants: ['9188040d-6c67-4c5b-b112-36a304b66dad'],
  audience: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
  discovery: 'https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration',
}
