import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { fakeClock } from '@palisade/core/testing'
import { type JWTPayload, SignJWT } from 'jose'

export const SECRET = 'a secret of thirty-two characters'
export const ISSUER = 'https://issuer.test'
export const AUDIENCE = 'orders'
/** The moment at which fake clocks begin, in seconds. */
export const NOW = fakeClock().now() / 1000

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const ed = generateKeyPairSync('ed25519')

/** Claims that are right; `undefined` leaves one out. */
export function claims(changes: Record<string, unknown> = {}): JWTPayload {
  const all = { iss: ISSUER, aud: AUDIENCE, sub: 'ada', iat: NOW, exp: NOW + 600, ...changes }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

export interface Signing {
  alg?: string
  key?: KeyObject
  header?: Record<string, unknown>
}

export function sign(
  payload: JWTPayload = claims(),
  { alg = 'HS256', key, header = {} }: Signing = {},
): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg, ...header })
    .sign(key ?? createSecretKey(Buffer.from(SECRET)))
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token as no library would make it: any header, any text, signed by HMAC with any bytes. */
export function forge(header: unknown, payload: unknown, key: string | Buffer = SECRET): string {
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}
