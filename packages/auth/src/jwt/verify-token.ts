import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import type { Authenticated, VerifyResult } from '../strategy.js'
import { type ClaimNames, hasTypedAudience, identityOf, otherThanAccess } from './claims.js'
import type { Issuer } from './issuer.js'
import { KeysUnavailable, type VerificationKey } from './keys.js'
import { isBroken, readToken } from './token.js'
import type { TokenFacts, VerifiedToken } from './verified-tokens.js'

export interface VerifierOptions {
  readonly method: string
  readonly toleranceSeconds: number
  /** How long a verified token is kept at most, in milliseconds. */
  readonly cacheMs: number
  readonly names: ClaimNames
}

/** What was verified, with all that a cache needs to know; or why not. */
export type Verdict = Omit<VerifiedToken, 'field'> | Exclude<VerifyResult, Authenticated>

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
    const issuer = this.#issuers.get(read.issuer)
    if (issuer === undefined) return invalid('issuer')
    if (!issuer.algorithms.includes(read.header.alg)) return invalid('algorithm')
    try {
      const { epoch } = issuer.keys
      const keys = await issuer.keys.keysFor(read.header as Parameters<Issuer['keys']['keysFor']>[0])
      if (keys.length === 0) return invalid('unknown key')
      const { payload, protectedHeader } = await verifyWith(keys, token, this.#rulesFor(issuer, now))
      const other = otherThanAccess(protectedHeader.typ, payload)
      return other === undefined ? this.#accept(issuer, payload, now, epoch) : invalid(other)
    } catch (error) {
      return failureOf(error)
    }
  }

  #rulesFor(issuer: Issuer, now: number): JWTVerifyOptions {
    return {
      algorithms: issuer.algorithms,
      issuer: issuer.name,
      audience: issuer.audience,
      requiredClaims: ['iss', 'aud', 'exp', 'sub'],
      clockTolerance: this.#options.toleranceSeconds,
      currentDate: new Date(now),
      ...(issuer.typ !== undefined && { typ: issuer.typ }),
    }
  }

  #accept(issuer: Issuer, claims: JWTPayload, now: number, epoch: number): Verdict {
    const { method, names, cacheMs } = this.#options
    if (!hasTypedAudience(claims)) return invalid('claim aud')
    if (issuer.tenant !== undefined && claims['tid'] !== issuer.tenant) return invalid('claim tid')
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

async function verifyWith(keys: readonly VerificationKey[], token: string, rules: JWTVerifyOptions) {
  for (const key of keys.slice(0, -1)) {
    try {
      return await jwtVerify(token, key, rules)
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  }
  return jwtVerify(token, keys.at(-1) as VerificationKey, rules)
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
  if (error instanceof errors.JWTExpired) return { outcome: 'invalid', failure: 'expired', reason: 'expired' }
  if (error instanceof errors.JWTClaimValidationFailed) return invalid(`claim ${error.claim}`)
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('signature')
  if (error instanceof errors.JOSEError) return invalid(error.code)
  return { outcome: 'error', error, reason: 'verification failed' }
}
