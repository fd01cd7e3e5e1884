import { createPublicKey, type JsonWebKey, KeyObject } from 'node:crypto'
import { type OptionPath, refuse } from '@palisade/core/middleware'

const FORMS = 'a public key: PEM (SPKI or certificate), JWK, KeyObject, or CryptoKey'
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const EC_ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}
export const PUBLIC_ALGORITHMS: readonly string[] = [
  ...RSA_ALGORITHMS,
  ...Object.values(EC_ALGORITHMS).flat(),
  'EdDSA',
  'Ed25519',
]
const LEAST_RSA_BITS = 2048

export interface PublicKey {
  readonly key: KeyObject
  /** What the key can verify, so that a token cannot choose another use for it. */
  readonly algorithms: readonly string[]
}

/**
 * @throws ConfigError for what is no public key, a private key (it has no business here), a type
 * that signs nothing, and RSA below 2048 bits
 */
export function publicKey(value: unknown, at: OptionPath): PublicKey {
  const key = parse(value, at)
  const named = (value as { alg?: unknown } | null)?.alg
  const possible = algorithmsOf(key, at)
  if (typeof named !== 'string' || value instanceof KeyObject || !isJwk(value))
    return { key, algorithms: possible }
  const algorithms = possible.filter(algorithm => algorithm === named)
  if (algorithms.length === 0)
    refuse(at, value, `a JWK whose "alg" fits its type: one of ${possible.join(', ')}`)
  return { key, algorithms }
}

function parse(value: unknown, at: OptionPath): KeyObject {
  try {
    if (value instanceof KeyObject) return requirePublic(value, at)
    if (value instanceof CryptoKey) return requirePublic(KeyObject.from(value), at)
    if (typeof value === 'string' && !/PRIVATE KEY/.test(value)) return createPublicKey(value)
    if (isJwk(value) && !('d' in value) && value.kty !== 'oct')
      return createPublicKey({ key: value, format: 'jwk' })
  } catch {
    // The error of OpenSSL does not say which forms are allowed.
  }
  return refuse(at, value, FORMS)
}

function requirePublic(key: KeyObject, at: OptionPath): KeyObject {
  return key.type === 'public' ? key : refuse(at, key, FORMS)
}

function isJwk(value: unknown): value is JsonWebKey {
  return typeof value === 'object' && value !== null && typeof (value as JsonWebKey).kty === 'string'
}

function algorithmsOf(key: KeyObject, at: OptionPath): readonly string[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return modulusLength >= LEAST_RSA_BITS
        ? RSA_ALGORITHMS
        : refuse(at, key, `RSA with at least ${LEAST_RSA_BITS} bits`)
    case 'ec':
      return EC_ALGORITHMS[namedCurve] ?? refuse(at, key, 'an EC key on P-256, P-384 or P-521')
    case 'ed25519':
      return ['EdDSA', 'Ed25519']
    default:
      return refuse(at, key, 'an RSA, EC or Ed25519 key')
  }
}
