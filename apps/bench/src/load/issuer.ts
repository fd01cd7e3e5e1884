import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { epochMs } from '../clock.js'
import { AUDIENCE, ISSUER, SCOPE } from '../hosts/host.js'

/** Longer than any run. */
const LIVES_SECONDS = 6 * 3600
const USERS = 16

/**
 * Tokens as an OAuth server gives them (RS256, 2048 bits), under a key of this run, and the key
 * that tells them from others.
 */
export interface Credentials {
  /** PEM (SPKI). */
  readonly publicKey: string
  /** One of each user. */
  readonly tokens: readonly string[]
  /** Right, but without the scope that the route wants. */
  readonly unscoped: string
  /** Different ones with signatures that do not belong to them. */
  readonly forged: readonly string[]
}

export function issueCredentials(): Credentials {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const token = (subject: string, scope: string) => {
    const iat = Math.floor(epochMs() / 1000)
    const claims = {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: subject,
      scope,
      roles: ['customer'],
      tenant: 'acme',
      client_id: 'shop-web',
      jti: randomUUID(),
      iat,
      exp: iat + LIVES_SECONDS,
    }
    const signed = `${encoded({ alg: 'RS256', typ: 'JWT', kid: '2026-01' })}.${encoded(claims)}`
    return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
  }
  const tokens = Array.from({ length: USERS }, (_, i) => token(`user-${i}`, `${SCOPE} profile email`))
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    tokens,
    unscoped: token('user-0', 'profile email'),
    forged: tokens.map((one, i) => withSignatureOf(one, tokens[(i + 1) % tokens.length] as string)),
  }
}

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

const withSignatureOf = (token: string, other: string) =>
  token.slice(0, token.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'))
