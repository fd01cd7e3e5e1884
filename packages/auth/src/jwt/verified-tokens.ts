import type { Attempt, Authenticated } from '../strategy.js'
import type { KeySource } from './keys.js'
import { LONGEST_TOKEN } from './token.js'

/** What `isRevoked` is asked with. */
export interface TokenFacts {
  readonly iss: string
  readonly sub: string
  readonly jti: string | undefined
  readonly sid: string | undefined
  /** Seconds since 1970. */
  readonly iat: number | undefined
}

/** What a verification found, and how long it may be believed. */
export interface Verification {
  readonly result: Authenticated
  readonly facts: TokenFacts
  readonly keys: KeySource
  readonly epoch: number
  /** `exp`, in milliseconds since 1970. */
  readonly expiresAt: number
  /** Monotonic: how long it is kept at most. */
  readonly until: number
}

/** A token whose signature and claims were found right a short while ago. */
export interface VerifiedToken extends Verification {
  /** The header field that carried it, whole. */
  readonly field: string
  readonly token: string
}

/** Of a clock: the time of day, and the monotonic time. */
export type Moment = Pick<Attempt, 'now' | 'monotonic'>

interface CachedToken {
  readonly verified: VerifiedToken
  /** Whether it was asked for since the hand last passed. */
  wasAsked: boolean
}

/** As much of a signature as two different ones will not share: 72 bits. */
const TAIL = 12
/** A field that is longer is mostly spaces, and is verified each time. */
const LONGEST_FIELD = LONGEST_TOKEN + 100
/** So many entries are spared in a row at most, so that no request pays for all. */
const MOST_SPARED = 64

/**
 * Tokens that were verified: a request with one of them costs no signature check and no promise.
 * The end of the signature finds an entry, and then the whole field is compared:
 * docs/decisions/0018-find-tokens-by-their-signature.md
 *
 * Bounded by entries times the length of a field. A full cache evicts the first token that was not
 * used since the hand last passed (second chance). An invalid token is never kept.
 */
export class VerifiedTokens {
  readonly #byTail = new Map<string, CachedToken>()
  /** The tails of the entries, each in its place. */
  readonly #ring: string[] = []
  readonly #max: number
  #hand = 0

  constructor(max: number) {
    this.#max = max
  }

  /**
   * What was found when this field was last verified. Whether it is still good is `isFresh`'s to
   * say.
   */
  find(field: string): VerifiedToken | undefined {
    const entry = this.#byTail.get(field.slice(-TAIL))
    if (entry === undefined || entry.verified.field !== field) return undefined
    entry.wasAsked = true
    return entry.verified
  }

  add(verified: VerifiedToken): void {
    const { field } = verified
    if (field.length > LONGEST_FIELD) return
    const tail = field.slice(-TAIL)
    if (!this.#byTail.has(tail)) this.#ring[this.#place()] = tail
    this.#byTail.set(tail, { verified, wasAsked: false })
  }

  /** A free place in the ring. */
  #place(): number {
    if (this.#ring.length < this.#max) return this.#ring.length
    for (let spared = 0; ; spared++) {
      const place = this.#hand
      this.#hand = (place + 1) % this.#max
      const tail = this.#ring[place] as string
      const entry = this.#byTail.get(tail)
      if (entry?.wasAsked === true && spared < MOST_SPARED) {
        entry.wasAsked = false
        continue
      }
      this.#byTail.delete(tail)
      return place
    }
  }
}

/**
 * Whether the token would be verified with the same result: it has not expired, and its issuer's
 * keys are still those.
 */
export function isFresh({ expiresAt, until, keys, epoch }: Verification, at: Moment): boolean {
  return expiresAt > at.now && until > at.monotonic && keys.epoch === epoch
}
