import { KeyObject } from 'node:crypto'
import { wrongResult } from '@palisade/core/middleware'
import { compactVerify, errors, type JWTHeaderParameters, type JWTPayload } from 'jose'
import { deepFreeze } from '../identity/deep-freeze.js'
import type { Authenticated, VerifyResult } from '../strategy.js'
import { guessed, unfit } from './hints.js'
import { checkMapping } from './identity-mapping.js'
import { inTime, LONGEST_MS } from './in-time.js'
import type { Issuer, Issuers } from './issuers.js'
import { KeysUnavailable, type VerificationKey } from './keys.js'
import { faultIn } from './registered-claims.js'
import { isBroken, readToken, type UnverifiedToken } from './token.js'
import { type IdentitySources, tokenIdentity } from './token-identity.js'
import type { Moment, TokenFacts, Verification } from './verified-tokens.js'

/** The claims of a token whose signature was verified. Frozen, however deep. */
export type VerifiedClaims = Readonly<Record<string, unknown>>

export interface VerifierOptions {
  readonly method: string
  readonly toleranceSeconds: number
  /** How long a verified token is kept at most, in milliseconds. */
  readonly cacheMs: number
  readonly sources: IdentitySources
  /** The team's functions; what they return is not believed. */
  readonly validate: ((claims: VerifiedClaims) => unknown) | undefined
  readonly identity: ((claims: VerifiedClaims) => unknown) | undefined
  /** Whether a callback reads `jti` and `sid`, so that they must be text. */
  readonly needsFacts: boolean
}

/** What was verified, with all that a cache needs to know; or why not. */
export type Verdict = Verification | Exclude<VerifyResult, Authenticated>

/** Verifies a token against the issuer that it names, if that is one of ours. */
export class TokenVerifier {
  readonly #issuers: Issuers
  readonly #options: VerifierOptions

  constructor(issuers: Issuers, options: VerifierOptions) {
    this.#issuers = issuers
    this.#options = options
  }

  async verify(token: string, at: Moment): Promise<Verdict> {
    const read = readToken(token)
    if (isBroken(read)) return guessed(read.reason)
    try {
      const issuer = await this.#issuers.find(read.claims.iss)
      if (issuer === undefined) return guessed('issuer')
      if (!issuer.algorithms.includes(read.header.alg)) return guessed('algorithm')
      // That of before the keys are read: if they change meanwhile, the token is verified again.
      const { epoch } = issuer.keys
      const keys = await issuer.keys.keysFor(read.header as JWTHeaderParameters)
      // A key that came after the last fetch is not known either, and its tokens are not their
      // client's fault.
      if (keys === undefined) return unfit('unknown key')
      if (keys.length === 0) return guessed('unknown key')
      const signature = await signatureOf(token, keys, issuer.algorithms)
      if (signature === 'unusable') return unfit('key unusable')
      if (signature === 'foreign') return guessed('signature')
      return await this.#judge(read, issuer, at, epoch)
    } catch (error) {
      return failureOf(error)
    }
  }

  /**
   * From here on the token is one that its issuer signed: nothing that is wrong with it is a guess.
   */
  async #judge(read: UnverifiedToken, issuer: Issuer, at: Moment, epoch: number): Promise<Verdict> {
    const { method, toleranceSeconds, sources, validate, identity: map, cacheMs } = this.#options
    const claims = deepFreeze(read.claims) as UnverifiedToken['claims'] & { readonly exp: number }
    const subject = typeof claims.sub === 'string' ? claims.sub : undefined
    const fault =
      faultIn(read, issuer, Math.floor(at.now / 1000), toleranceSeconds) ?? this.#faultInFacts(claims)
    if (fault !== undefined) return unfit(fault, subject)
    if (validate !== undefined && !(await isValid(validate, claims))) return unfit('validate', subject)
    const mapping = map === undefined ? {} : checkMapping(await asked('identity', map, claims))
    const identity = tokenIdentity(method, claims, sources, issuer, mapping)
    if (typeof identity === 'string') return unfit(identity, subject)
    return {
      result: Object.freeze({ outcome: 'authenticated', identity }),
      facts: factsOf(claims, identity.subject),
      keys: issuer.keys,
      epoch,
      expiresAt: claims.exp * 1000,
      until: at.monotonic + cacheMs,
    }
  }

  #faultInFacts({ jti, sid }: JWTPayload): string | undefined {
    if (!this.#options.needsFacts) return undefined
    if (jti !== undefined && typeof jti !== 'string') return 'claim jti'
    return sid !== undefined && typeof sid !== 'string' ? 'claim sid' : undefined
  }
}

/**
 * Whether one of the keys signed the token; mostly there is one. A key that cannot be used does not
 * keep the others from being tried.
 */
async function signatureOf(
  token: string,
  keys: readonly VerificationKey[],
  algorithms: string[],
): Promise<'right' | 'foreign' | 'unusable'> {
  let isUsable = false
  for (const key of keys) {
    try {
      await verifyAnywhere(token, key, algorithms)
      return 'right'
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) isUsable = true
      else if (error instanceof errors.JOSEError) throw error
    }
  }
  return isUsable ? 'foreign' : 'unusable'
}

/**
 * workerd has `KeyObject`s, and does not make the `CryptoKey` of them that jose needs there: it
 * gets the JWK.
 */
async function verifyAnywhere(token: string, key: VerificationKey, algorithms: string[]): Promise<void> {
  try {
    await compactVerify(token, key, { algorithms })
  } catch (error) {
    const isMissing = (error as { code?: unknown } | null)?.code === 'ERR_METHOD_NOT_IMPLEMENTED'
    if (!isMissing || !(key instanceof KeyObject)) throw error
    await compactVerify(token, key.export({ format: 'jwk' }), { algorithms })
  }
}

async function isValid(
  validate: (claims: VerifiedClaims) => unknown,
  claims: VerifiedClaims,
): Promise<boolean> {
  const verdict = await asked('validate', validate, claims)
  if (verdict !== true && verdict !== false) throw wrongResult('validate', verdict, 'true or false')
  return verdict
}

/** What a function of the team's says. It must not keep a request waiting for ever. */
const asked = (name: string, ask: (claims: VerifiedClaims) => unknown, claims: VerifiedClaims) =>
  inTime(LONGEST_MS, async () => ask(claims), `the function "${name}" did not answer in time`)

function factsOf({ iss, jti, sid, iat }: UnverifiedToken['claims'], sub: string): TokenFacts {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  return Object.freeze({ iss, sub, jti: text(jti), sid: text(sid), iat })
}

/**
 * jose's errors are the token's fault. Any other error is ours, and leaves the attempt undecided.
 */
function failureOf(error: unknown): Verdict {
  if (error instanceof KeysUnavailable)
    return { outcome: 'error', error, reason: 'issuer down', retryAfterSeconds: error.retryAfterSeconds }
  if (error instanceof errors.JOSEError) return guessed(error.code)
  return { outcome: 'error', error, reason: 'verification failed' }
}
