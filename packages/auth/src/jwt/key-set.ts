import { createHash } from 'node:crypto'
import { type OptionPath, refuse } from '@palisade/core'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTHeaderParameters } from 'jose'
import type { KeySource, VerificationKey } from './keys.js'

export const MOST_KEYS = 100
/** Without a `kid` several keys may fit; so many are tried. */
const MOST_TRIED = 4
const LEAST_RSA_BYTES = 256
const KEY_TYPES = new Set(['RSA', 'EC', 'OKP'])

/** Public keys for signatures, as an issuer publishes them (RFC 7517). */
export class KeySet {
  /** What names each key: two sets with the same names hold the same keys. */
  readonly fingerprints: ReadonlySet<string>
  readonly #find: ReturnType<typeof createLocalJWKSet>

  /** @throws TypeError for what is no key set, has too many keys, or none that could verify a token */
  constructor(value: unknown) {
    const keys = usableKeys(value)
    this.fingerprints = new Set(keys.map(fingerprint))
    this.#find = createLocalJWKSet({ keys })
  }

  /** The keys that fit a token's header, mostly one; empty if none does. */
  async keysFor(header: JWTHeaderParameters): Promise<readonly VerificationKey[]> {
    try {
      return [await this.#find(header)]
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return []
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      const keys: VerificationKey[] = []
      for await (const key of error) if (keys.push(key) === MOST_TRIED) break
      return keys
    }
  }
}

/** A key set from the configuration. */
export function localKeys(value: unknown, at: OptionPath): KeySource {
  let set: KeySet
  try {
    set = new KeySet(value)
  } catch (error) {
    return refuse(at, value, `a JSON Web Key Set of public keys (${(error as Error).message})`)
  }
  return { epoch: 0, keysFor: header => set.keysFor(header) }
}

/** Secrets do not belong in a key set, private halves neither: such keys are known to more than their owner. */
function usableKeys(value: unknown): JWK[] {
  const keys = (value as Partial<JSONWebKeySet> | null | undefined)?.keys
  if (!Array.isArray(keys)) throw new TypeError('it has no list of keys')
  if (keys.length > MOST_KEYS) throw new TypeError(`it has over ${MOST_KEYS} keys`)
  const usable = keys.filter(
    (key: unknown): key is JWK =>
      typeof key === 'object' &&
      key !== null &&
      KEY_TYPES.has((key as JWK).kty as string) &&
      !('d' in key) &&
      !('k' in key) &&
      !isWeak(key as JWK),
  )
  if (usable.length === 0) throw new TypeError('it has no public key')
  return usable
}

/** RFC 7518 section 3.3: 2048 bits or more. jose refuses such a key too, but not before a token names it. */
const isWeak = ({ kty, n }: JWK) =>
  kty === 'RSA' && !(typeof n === 'string' && Buffer.from(n, 'base64url').length >= LEAST_RSA_BYTES)

function fingerprint(key: JWK): string {
  const sorted = Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64')
}
