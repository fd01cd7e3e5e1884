import { compactVerify, errors, type JWTHeaderParameters, type JWTPayload } from 'jose'
import type { Authenticated, VerifyResult } from '../strategy.js'
import { type ClaimNames, identityOf } from './claims.js'
import type { Issuer } from './issuer.js'
import { KeysUnavailable, type VerificationKey } from './keys.js'
import { EXPIRED, faultIn } from './registered-claims.js'
import { isBroken, readToken, type UnverifiedToken } from './token.js'
import type { TokenFacts, Verification } from './verified-tokens.js'

export interface VerifierOptions {
  readonly method: string
  readonly toleranceSeconds: number
  /** How long a verified token is kept at most, in milliseconds. */
  readonly cacheMs: number
  readonly names: ClaimNames
}

/** What was verified, with all that a cache needs to know; or why not. */
export type Verdict = Verification | Exclude<VerifyResult, Authenticated>

/** Verifies a token against the issuer that it names, if that is one of ours. */
export class TokenVerifier {
  readonly #issuers: ReadonlyMap<string, Issuer>
  readonly #options: VerifierOptions

  constructor(issuers: ReadonlyMap<string, Issuer>, options: VerifierOptions) {
    this.#issuers = issuers
    this.#options = options
  }

  /** @param now milliseconds since 1970 */
  async verify(token: string, now: number): Promise<Verdict> {
    const read = readToken(token)
    if (isBroken(read)) return invalid(read.reason)
    const issuer = this.#issuers.get(read.claims.iss)
    if (issuer === undefined) return invalid('issuer')
    if (!issuer.algorithms.includes(read.header.alg)) return invalid('algorithm')
    try {
      const { epoch } = issuer.keys
      const keys = await issuer.keys.keysFor(read.header as JWTHeaderParameters)
      // A key that came after the last fetch is not known either, and its tokens are not their client's fault.
      if (keys === undefined)
        return { outcome: 'invalid', failure: 'invalid', reason: 'unknown key', isGuess: false }
      if (keys.length === 0) return invalid('unknown key')
      if (!(await isSigned(token, keys, issuer.algorithms))) return invalid('signature')
      const fault = faultIn(read, issuer, Math.floor(now / 1000), this.#options.toleranceSeconds)
      if (fault === EXPIRED) return { outcome: 'invalid', failure: 'expired', reason: fault }
      return fault === undefined ? this.#accept(issuer, read.claims, now, epoch) : invalid(fault)
    } catch (error) {
      return failureOf(error)
    }
  }

  #accept(issuer: Issuer, claims: UnverifiedToken['claims'], now: number, epoch: number): Verdict {
    const { method, names, cacheMs } = this.#options
    const facts = factsOf(claims)
    const identity = identityOf(method, claims, names, issuer.tenant)
    if (facts === undefined || identity?.expiresAt === undefined) return invalid('claim type')
    return {
      result: Object.freeze({ outcome: 'authenticated', identity }),
      facts,
      keys: issuer.keys,
      // That of before the keys were read: if they changed meanwhile, the token is verified again.
      epoch,
      until: Math.min(identity.expiresAt, now + cacheMs),
    }
  }
}

/** Whether one of the keys signed the token; mostly there is one. */
async function isSigned(
  token: string,
  keys: readonly VerificationKey[],
  algorithms: string[],
): Promise<boolean> {
  for (const key of keys) {
    try {
      await compactVerify(token, key, { algorithms })
      return true
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  }
  return false
}

function factsOf({ iss, sub, jti, sid, iat }: JWTPayload): TokenFacts | undefined {
  const isText = (value: unknown) => value === undefined || typeof value === 'string'
  if (typeof iss !== 'string' || typeof sub !== 'string' || !isText(jti) || !isText(sid)) return undefined
  return Object.freeze({ iss, sub, jti, sid: sid as string | undefined, iat })
}

const invalid = (reason: string): Verdict => ({ outcome: 'invalid', failure: 'invalid', reason })

/** jose's errors are the token's fault; anything else is ours, and nobody can tell. */
function failureOf(error: unknown): Verdict {
  if (error instanceof KeysUnavailable)
    return { outcome: 'error', error, reason: 'issuer down', retryAfterSeconds: error.retryAfterSeconds }
  if (error instanceof errors.JOSEError) return invalid(error.code)
  return { outcome: 'error', error, reason: 'verification failed' }
}
