import { LRUCache } from 'lru-cache'
import type { Authenticated } from '../strategy.js'
import type { KeySource } from './keys.js'

/** What `isRevoked` is asked with. */
export interface TokenFacts {
  readonly iss: string
  readonly sub: string
  readonly jti: string | undefined
  readonly sid: string | undefined
  /** Seconds since 1970. */
  readonly iat: number | undefined
}

/** A token whose signature and claims were found right a short while ago. */
export interface VerifiedToken {
  /** The header field that carried it, whole. */
  readonly field: string
  readonly result: Authenticated
  readonly facts: TokenFacts
  readonly keys: KeySource
  readonly epoch: number
  /** Milliseconds since 1970. */
  readonly until: number
}

/** As much of a signature as two different ones will not share: 192 bits. */
const TAIL = 32

/**
 * Tokens that were verified, so that a request with one of them costs no signature check and no promise.
 *
 * The key is the end of the token, which is the end of its signature, and the whole field is compared before anything is believed. A hash
 * of configuration and token would be as safe, but is computed over a kilobyte at each request, which alone costs more than a hit may. It
 * is as safe because each strategy has a cache of its own, so the configuration is always the same; because only what was verified gets in,
 * so nobody can put an entry under the tail of another's token without having signed it; and because the comparison that depends on the
 * content is only reached by one who already knows 192 bits of a valid signature, so its timing tells nothing.
 *
 * Bounded by entries times the 8 KiB that a token may have. What is invalid is never kept.
 */
export class VerifiedTokens {
  readonly #tokens: LRUCache<string, VerifiedToken>

  constructor(max: number) {
    this.#tokens = new LRUCache({ max })
  }

  find(field: string, now: number): VerifiedToken | undefined {
    const token = this.#tokens.get(field.slice(-TAIL))
    if (token === undefined || token.field !== field) return undefined
    return token.until > now && token.keys.epoch === token.epoch ? token : undefined
  }

  add(token: VerifiedToken): void {
    this.#tokens.set(token.field.slice(-TAIL), token)
  }
}
