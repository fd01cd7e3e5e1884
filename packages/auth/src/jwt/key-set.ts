import { createHash, type KeyObject } from 'node:crypto'
import { type OptionPath, refuse } from '@palisade/core/middleware'
import type { JSONWebKeySet, JWK, JWTHeaderParameters } from 'jose'
import type { KeySource } from './keys.js'
import { publicKey } from './public-key.js'

export const MOST_KEYS = 100
/** Without a `kid` several keys may fit; so many are tried. */
const MOST_TRIED = 16
const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP']
const LONGEST_KID = 256

/**
 * A key of a set, imported: a key that cannot be imported must not fail later, at a token that
 * names it.
 */
interface SetKey {
  readonly kid: string | undefined
  readonly key: KeyObject
  readonly algorithms: readonly string[]
}

/** Public keys for signatures, as an issuer publishes them (RFC 7517). */
export class KeySet {
  /** What names each key: two sets with the same names hold the same keys. */
  readonly fingerprints: ReadonlySet<string>
  /** How many entries no token can be verified with. */
  readonly unusable: number
  readonly #keys: readonly SetKey[]

  /**
   * RFC 7517 section 5: keys that are malformed, or of another kind, are ignored. The others still
   * count. A set without usable keys is an answer too: no token is right.
   *
   * @throws TypeError for what is no key set, or has too many keys
   */
  constructor(value: unknown) {
    const entries = entriesOf(value)
    const usable = entries.flatMap(entry => {
      const key = usableKey(entry)
      return key === undefined ? [] : [{ ...key, fingerprint: fingerprint(entry as JWK) }]
    })
    this.#keys = usable
    this.fingerprints = new Set(usable.map(each => each.fingerprint))
    this.unusable = entries.length - usable.length
  }

  get size(): number {
    return this.#keys.length
  }

  /** The keys that fit a token's header, mostly one; empty if none does. */
  keysFor({ alg, kid }: JWTHeaderParameters): readonly KeyObject[] {
    return this.#keys
      .filter(each => each.algorithms.includes(alg) && (kid === undefined || each.kid === kid))
      .slice(0, MOST_TRIED)
      .map(({ key }) => key)
  }
}

/** A key set from the configuration, where one without usable keys is a mistake. */
export function localKeys(value: unknown, at: OptionPath): KeySource {
  const refused = (why: string) => refuse(at, value, `a JSON Web Key Set of public keys (${why})`)
  let set: KeySet
  try {
    set = new KeySet(value)
  } catch (error) {
    return refused((error as Error).message)
  }
  if (set.size === 0) return refused('it has no public key')
  return { epoch: 0, keysFor: header => set.keysFor(header) }
}

function entriesOf(value: unknown): readonly unknown[] {
  const keys = (value as Partial<JSONWebKeySet> | null | undefined)?.keys
  if (!Array.isArray(keys)) throw new TypeError('it has no list of keys')
  if (keys.length > MOST_KEYS) throw new TypeError(`it has over ${MOST_KEYS} keys`)
  return keys
}

/** Ignores secrets and private keys too: a key that others than its owner know proves nothing. */
function usableKey(entry: unknown): SetKey | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const { kty, kid, use, key_ops: operations } = entry as Record<string, unknown>
  if (!KEY_TYPES.includes(kty)) return undefined
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > LONGEST_KID)) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined
  try {
    return { kid, ...publicKey(entry, { owner: 'jwt', option: 'jwks' }) }
  } catch {
    return undefined
  }
}

function fingerprint(key: JWK): string {
  const sorted = Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64')
}
