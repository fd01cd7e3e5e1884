import { createPublicKey, X509Certificate } from 'node:crypto'
import { type OptionPath, refuse, within } from '@palisade/core/middleware'

/** RFC 7518 section 3.2: a key at least as long as the hash. */
const LEAST_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }
export const HMAC_ALGORITHMS = Object.keys(LEAST_BYTES)

/** So many secrets may be accepted at a time: each costs a wrong token one more hash. */
const MOST_SECRETS = 5

/**
 * The bytes of a secret, or of several while it is changed.
 *
 * @throws ConfigError for a list that is empty or too long, and for a secret that is wrong
 */
export function secretList(
  secrets: unknown,
  algorithms: readonly string[],
  at: OptionPath,
): readonly Uint8Array<ArrayBuffer>[] {
  if (!Array.isArray(secrets)) return [secretBytes(secrets, algorithms, at)]
  if (secrets.length === 0 || secrets.length > MOST_SECRETS)
    refuse(at, new Redacted(), `one secret, or a list of 1 to ${MOST_SECRETS} of them, the current one first`)
  return secrets.map((secret, index) => secretBytes(secret, algorithms, within(at, index)))
}

/**
 * The bytes of a shared secret. Text is taken as UTF-8.
 *
 * A public key is no secret. With one here, tokens that anyone can sign would be accepted (the
 * confusion of RS256 with HS256). Therefore it is rejected in every form in which it is likely to
 * be pasted.
 *
 * @throws ConfigError for a secret that is too short for one of its algorithms, or holds a public
 * key
 */
function secretBytes(
  secret: unknown,
  algorithms: readonly string[],
  at: OptionPath,
): Uint8Array<ArrayBuffer> {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array))
    return refuse(at, secret, 'a string or a Uint8Array, or a list of them')
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : Uint8Array.from(secret)
  for (const algorithm of algorithms) {
    const least = LEAST_BYTES[algorithm] ?? 0
    // The value itself stays out of the message: it is a secret.
    if (bytes.length < least)
      refuse(
        at,
        new Redacted(),
        `at least ${least} bytes for ${algorithm} (this has ${bytes.length}); make one with crypto.randomBytes(${least})`,
      )
  }
  if (holdsPublicKey(Buffer.from(bytes)))
    refuse(
      at,
      new Redacted(),
      'a secret that only you and the issuer know; this is a public key, which belongs in "publicKey"',
    )
  return bytes
}

/** Shows in a message as "a Redacted". */
class Redacted {}

/** PEM, DER, JWK, OpenSSH or X.509, also in base64 or hexadecimal. */
function holdsPublicKey(bytes: Buffer, depth = 2): boolean {
  if (isDer(bytes)) return true
  const text = bytes.toString('latin1')
  if (/-----BEGIN [A-Z0-9 ]+-----/.test(text) || /^\s*(?:ssh-|ecdsa-sha2-)/.test(text) || isJwk(text))
    return true
  if (depth === 0) return false
  const packed = text.replace(/\s+/g, '')
  const decoded: Buffer[] = []
  if (/^[\w+/-]+=*$/.test(packed)) decoded.push(Buffer.from(packed, 'base64'))
  if (/^(?:[\da-f]{2}:?)+$/i.test(packed)) decoded.push(Buffer.from(packed.replaceAll(':', ''), 'hex'))
  return decoded.some(inner => inner.length > 0 && holdsPublicKey(inner, depth - 1))
}

function isDer(bytes: Buffer): boolean {
  const parsers: readonly (() => unknown)[] = [
    () => createPublicKey({ key: bytes, format: 'der', type: 'spki' }),
    () => createPublicKey({ key: bytes, format: 'der', type: 'pkcs1' }),
    () => new X509Certificate(bytes),
  ]
  return parsers.some(parse => {
    try {
      parse()
      return true
    } catch {
      return false
    }
  })
}

function isJwk(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && ('kty' in value || 'keys' in value)
  } catch {
    return false
  }
}
