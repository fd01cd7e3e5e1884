import {
  type ClientAddress,
  isPromise,
  type LimitDecision,
  type Limiter,
  type Logger,
  type MaybePromise,
  type Services,
} from '@palisade/core'
import { LRUCache } from 'lru-cache'
import type { Attempt, Failed, Invalid, Refused, VerifyResult } from '../strategy.js'
import { type CompiledKey, CompiledKeys, type MakeLimiter, periodEnd, restrictionOf } from './compiled-key.js'
import { parseKey } from './key-text.js'
import type { ApiKeyRecord, Rate } from './record.js'
import type { SecretHasher } from './secret-hasher.js'
import type { ApiKeyStore } from './stores/store.js'

export interface KeyVerifierOptions {
  readonly store: ApiKeyStore
  readonly prefix: string
  readonly hasher: SecretHasher
  readonly limiter: MakeLimiter | undefined
  readonly lastUsedEveryMs: number
}

const MOST_RATES = 1000
const NOT_READ: Invalid = Object.freeze({ outcome: 'invalid', failure: 'invalid', reason: 'no key' })

/**
 * Decides on a presented key. Synchronous as long as the store is.
 *
 * Unknown, wrong, revoked, disabled, expired and not yet valid are one answer; only who has the right secret learns of addresses, hours and quotas.
 */
export class KeyVerifier {
  readonly #options: KeyVerifierOptions
  readonly #compiled = new CompiledKeys('api-key')
  readonly #touched = new LRUCache<string, number>({ max: 10_000 })
  readonly #limiters: LRUCache<string, Limiter>
  #logger: Logger | undefined

  constructor(options: KeyVerifierOptions) {
    this.#options = options
    this.#limiters = new LRUCache({ max: MOST_RATES, dispose: limiter => void limiter.dispose?.() })
  }

  setup({ logger }: Services): void {
    this.#logger = logger
  }

  /** Whether it begins as our keys do, right or wrong. */
  isOurs(presented: string): boolean {
    return presented.startsWith(`${this.#options.prefix}_`)
  }

  verify(presented: string, { now, client }: Attempt): MaybePromise<VerifyResult> {
    const { prefix, store, hasher } = this.#options
    const key = parseKey(prefix, presented)
    if (key === undefined) return NOT_READ
    const decide = (record: ApiKeyRecord | undefined): MaybePromise<VerifyResult> => {
      // Before anything else, so that a miss costs what a hit costs.
      const isRight = hasher.matches(key, record, now)
      if (record === undefined || !isRight)
        return invalid(record === undefined ? 'unknown key' : 'wrong secret', record)
      const ended = endOf(record, now)
      return ended === undefined ? this.#admit(record, client, now) : invalid(ended, record)
    }
    const found = store.get(key.id)
    return isPromise(found)
      ? (found as Promise<ApiKeyRecord | undefined>).then(decide, storeDown)
      : decide(found as ApiKeyRecord | undefined)
  }

  dispose(): void {
    this.#limiters.clear()
  }

  #admit(record: ApiKeyRecord, client: ClientAddress, now: number): MaybePromise<VerifyResult> {
    const compiled = this.#compiled.of(record)
    const restriction = restrictionOf(compiled, record.owner, client, now)
    if (restriction !== undefined) return restriction
    return chain(this.#limit(record), limited => limited ?? this.#spend(record, compiled, now))
  }

  /** The key's rate limit, if it has one. */
  #limit({ id, owner, rateLimit }: ApiKeyRecord): MaybePromise<Refused | Failed | undefined> {
    if (rateLimit === undefined) return undefined
    const limiter = this.#limiterOf(rateLimit)
    if (limiter === undefined)
      return failed(new Error('the key has a rate limit, but apiKeys() has no limiter'), 'no limiter')
    return chain(limiter.consume(id), ({ allowed, retryAfterMs }: LimitDecision) =>
      allowed === true ? undefined : exhausted(owner, 'rate limit', retryAfterMs),
    )
  }

  #limiterOf(rate: Rate): Limiter | undefined {
    const { limiter: make } = this.#options
    const name = `${rate.limit}/${rate.window}`
    const known = this.#limiters.get(name)
    if (known !== undefined || make === undefined) return known
    const made = make(rate)
    this.#limiters.set(name, made)
    return made
  }

  #spend(record: ApiKeyRecord, { result }: CompiledKey, now: number): MaybePromise<VerifyResult> {
    const { id, owner, quota } = record
    const done = () => {
      this.#touch(id, now)
      return result
    }
    if (quota === undefined) return done()
    const end = periodEnd(quota, now)
    return chain(this.#options.store.count(`${id}:${quota.window}:${end}`, end - now), count =>
      count > quota.limit ? exhausted(owner, 'quota', end - now) : done(),
    )
  }

  /** Not waited for: when a key was used is for people. */
  #touch(id: string, now: number): void {
    const last = this.#touched.get(id)
    if (last !== undefined && now - last < this.#options.lastUsedEveryMs) return
    this.#touched.set(id, now)
    const report = (error: unknown) =>
      this.#logger?.warn({ err: error, key_id: id }, 'the last use of an API key could not be noted')
    try {
      const noted = this.#options.store.touch(id, now)
      if (isPromise(noted)) noted.then(undefined, report)
    } catch (error) {
      report(error)
    }
  }
}

/** Why a key that is right is good no more, or not yet. */
function endOf({ revokedAt, disabled, expiresAt, notBefore }: ApiKeyRecord, now: number): string | undefined {
  if (revokedAt !== undefined) return 'revoked'
  if (disabled === true) return 'disabled'
  if (expiresAt !== undefined && now >= expiresAt) return 'expired'
  return notBefore !== undefined && now < notBefore ? 'not yet valid' : undefined
}

const invalid = (reason: string, record: ApiKeyRecord | undefined): Invalid => ({
  outcome: 'invalid',
  // Only what was right once has expired, since the secret is looked at first.
  failure: reason === 'expired' ? 'expired' : 'invalid',
  reason,
  subject: record?.owner,
})

const exhausted = (subject: string, reason: string, retryAfterMs: number): Refused => ({
  outcome: 'refused',
  status: 429,
  message: 'This key has been used too often',
  reason,
  subject,
  isViolation: false,
  ...(Number.isFinite(retryAfterMs) && { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)) }),
})

const failed = (error: unknown, reason: string): Failed => ({ outcome: 'error', error, reason })
const storeDown = (error: unknown): Failed => failed(error, 'key store down')

function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? (value as Promise<T>).then(next) : next(value as T)
}
