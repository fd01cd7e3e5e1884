import type { MaybePromise, Services } from '@palisade/core/middleware'
import type { CryptoKey, JSONWebKeySet, JWTHeaderParameters, KeyObject } from 'jose'

export type VerificationKey = CryptoKey | KeyObject | Uint8Array

/** The keys of an issuer. */
export interface KeySource {
  /**
   * Changes whenever a key is gone: then every token that was verified before has to be verified
   * again.
   */
  readonly epoch: number
  /**
   * The keys that a token with this header may be signed with; mostly one. Empty: the issuer has no
   * such key. `undefined`: no key is known, and the token is not its client's fault: the issuer has
   * no keys at all, or a new one may not be asked for yet.
   *
   * @throws KeysUnavailable if the issuer does not answer
   */
  keysFor(header: JWTHeaderParameters): MaybePromise<readonly VerificationKey[] | undefined>
  setup?(services: Services): void
  dispose?(): MaybePromise<void>
}

export type { JSONWebKeySet }

/** The issuer's keys cannot be had at the moment. */
export class KeysUnavailable extends Error {
  readonly retryAfterSeconds: number

  constructor(message: string, retryAfterSeconds: number, cause?: unknown) {
    super(message, { cause })
    this.name = 'KeysUnavailable'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** One public key for every token, from the configuration. */
export function singleKey(key: VerificationKey): KeySource {
  const keys = Object.freeze([key])
  return { epoch: 0, keysFor: () => keys }
}

/**
 * Secrets for every token: the current one, and those before it while tokens that they signed still
 * live. Each is imported once for each algorithm, since jose does that again for each token
 * otherwise.
 */
export function sharedSecrets(secrets: readonly Uint8Array<ArrayBuffer>[]): KeySource {
  const imported = new Map<string, readonly VerificationKey[]>()
  return {
    epoch: 0,
    async keysFor({ alg }) {
      const known = imported.get(alg)
      if (known !== undefined) return known
      const algorithm = { name: 'HMAC', hash: `SHA-${alg.slice(2)}` }
      const keys = await Promise.all(
        secrets.map(bytes => crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify'])),
      )
      imported.set(alg, Object.freeze(keys))
      return keys
    },
  }
}
