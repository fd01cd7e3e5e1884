import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { KeyText } from './key-text.js'
import type { ApiKeyRecord } from './record.js'

/**
 * Hashes and compares the secrets of API keys. One round of HMAC is enough: the secret has 256
 * random bits, too many to try. The pepper is not in the store: a stolen store cannot be used to
 * make a key that fits it.
 *
 * The same work is done for known and unknown keys, and for each of a key's secrets.
 */
export class SecretHasher {
  readonly #peppers: readonly (string | undefined)[]
  /**
   * What no key has. Drawn on first use: some runtimes have no random values while modules load.
   */
  #noKey: string | undefined

  /** @param peppers the newest first; none: SHA-256 without one */
  constructor(peppers: readonly string[]) {
    this.#peppers = peppers.length === 0 ? [undefined] : peppers
  }

  hash(key: KeyText): string {
    return digest(key, this.#peppers[0])
  }

  /**
   * Whether the key's secret is that of the record, or `ended` for the one before a rotation whose
   * overlap is over. With no record, the same work for nothing.
   */
  match(key: KeyText, record: ApiKeyRecord | undefined, now: number): 'right' | 'ended' | 'wrong' {
    this.#noKey ??= formed(this.#peppers[0], randomBytes(32))
    const current = record?.hash ?? this.#noKey
    const previous = record?.previous?.hash ?? this.#noKey
    let isCurrent = 0
    let isPrevious = 0
    for (const pepper of this.#peppers) {
      const presented = digest(key, pepper)
      isCurrent |= Number(isSame(presented, current))
      isPrevious |= Number(isSame(presented, previous))
    }
    if (record === undefined || (isCurrent | isPrevious) === 0) return 'wrong'
    const isOver = record.previous !== undefined && now >= record.previous.until
    return isCurrent === 0 && isOver ? 'ended' : 'right'
  }
}

/** The id is hashed too: a hash copied into another record fits no secret. */
function digest({ id, secret }: KeyText, pepper: string | undefined): string {
  const text = `${id}.${secret}`
  const hash = pepper === undefined ? createHash('sha256') : createHmac('sha256', pepper)
  return formed(pepper, hash.update(text).digest())
}

const formed = (pepper: string | undefined, hash: Buffer) =>
  `${pepper === undefined ? 'sha256' : 'hmac-sha256'}:${hash.toString('base64url')}`

/** In constant time for texts of one length; the length of a digest is no secret. */
function isSame(one: string, other: string): boolean {
  const a = Buffer.from(one)
  const b = Buffer.from(other)
  return a.length === b.length && timingSafeEqual(a, b)
}
