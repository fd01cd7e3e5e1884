import { createPublicKey, type KeyObject } from 'node:crypto'
import { type JWTPayload, jwtVerify } from 'jose'
import { AUDIENCE, ISSUER } from '../host.js'

export interface User {
  readonly refused: false
  readonly subject: string
  readonly scopes: ReadonlySet<string>
  readonly claims: JWTPayload
}

interface Verified {
  readonly field: string
  readonly user: User
  readonly until: number
}

const MOST_TOKENS = 10_000
const KEPT_MS = 60_000
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i

/**
 * Enough of the signature to tell tokens apart: to hash a whole token at each request costs more
 * than all the rest of a look-up.
 */
const TAIL = 32

/** Verified tokens in a bounded map, by hand, and jose for the others. */
export class Tokens {
  readonly #key: KeyObject
  readonly #verified = new Map<string, Verified>()

  constructor(publicKey: string) {
    this.#key = createPublicKey(publicKey)
  }

  /** Whose token this `Authorization` field holds, if it was verified within a minute. */
  find(field: string, now: number): User | undefined {
    const known = this.#verified.get(field.slice(-TAIL))
    return known !== undefined && known.until > now && known.field === field ? known.user : undefined
  }

  /** `undefined` for a field that holds no token that is right. */
  async verify(field: string, now: number): Promise<User | undefined> {
    const token = BEARER.exec(field)?.[1]
    if (token === undefined) return undefined
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        issuer: ISSUER,
        audience: AUDIENCE,
        algorithms: ['RS256'],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: 30,
      })
      const { sub = '', scope, exp = 0 } = payload
      const scopes = new Set(typeof scope === 'string' ? scope.split(' ') : [])
      const user: User = { refused: false, subject: sub, scopes, claims: payload }
      this.#keep({ field, user, until: Math.min(now + KEPT_MS, exp * 1000) })
      return user
    } catch {
      return undefined
    }
  }

  #keep(verified: Verified): void {
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size < MOST_TOKENS) break
      this.#verified.delete(oldest)
    }
    this.#verified.set(verified.field.slice(-TAIL), verified)
  }
}
