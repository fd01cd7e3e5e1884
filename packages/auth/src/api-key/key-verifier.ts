import { isPromise, type Logger, type MaybePromise, type Services } from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import type { Attempt, Failed, Invalid, VerifyResult } from '../strategy.js'
import { CompiledKeys, restrictionOf } from './compiled-key.js'
import type { KeyLimits } from './key-limits.js'
import { parseKey } from './key-text.js'
import type { ApiKeyRecord } from './record.js'
import type { SecretHasher } from './secret-hasher.js'
import type { ApiKeyStore } from './stores/store.js'

export interface KeyVerifierOptions {
  readonly store: ApiKeyStore
  readonly prefix: string
  readonly hasher: SecretHasher
  readonly limits: KeyLimits
  readonly lastUsedEveryMs: number
}

const NOT_READ: Invalid = Object.freeze({ outcome: 'invalid', failure: 'invalid', reason: 'no key' })

/**
 * Decides on a presented key. Synchronous as long as the store is.
 *
 * Unknown, wrong, revoked, disabled, expired and not yet valid are one answer; only who has the
 * right secret learns of addresses, hours and quotas.
 */
export class KeyVerifier {
  readonly #options: KeyVerifierOptions
  readonly #compiled: CompiledKeys
  readonly #touched = new LRUCache<string, number>({ max: 10_000 })
  #logger: Logger | undefined

  constructor(options: KeyVerifierOptions) {
    this.#options = options
    this.#compiled = new CompiledKeys('api-key', options.limits)
  }

  setup(services: Services): void {
    this.#logger = services.logger
    this.#options.limits.setup(services)
  }

  /** Whether it begins as our keys do, right or wrong. */
  isOurs(presented: string): boolean {
    return presented.startsWith(`${this.#options.prefix}_`)
  }

  verify(presented: string, attempt: Attempt): MaybePromise<VerifyResult> {
    const { now } = attempt
    const { prefix, store, hasher } = this.#options
    const key = parseKey(prefix, presented)
    if (key === undefined) return NOT_READ
    const decide = (record: ApiKeyRecord | undefined): MaybePromise<VerifyResult> => {
      // Before anything else, so that a miss costs what a hit costs.
      const match = hasher.match(key, record, now)
      if (record === undefined || match === 'wrong')
        return guessed(record === undefined ? 'unknown key' : 'wrong secret', record)
      const ended = match === 'ended' ? 'rotated' : endOf(record, now)
      return ended === undefined ? this.#admit(record, attempt) : unfit(ended, record)
    }
    const found = store.get(key.id)
    return isPromise(found)
      ? (found as Promise<ApiKeyRecord | undefined>).then(decide, storeDown)
      : decide(found as ApiKeyRecord | undefined)
  }

  dispose(): void {
    this.#options.limits.dispose()
  }

  #admit(record: ApiKeyRecord, attempt: Attempt): MaybePromise<VerifyResult> {
    const { now, client, monotonic } = attempt
    const { id, owner } = record
    const compiled = this.#compiled.of(record)
    const restriction = restrictionOf(compiled, owner, client, now)
    if (restriction !== undefined) return restriction
    const done = () => {
      this.#touch(id, now, monotonic)
      return compiled.result
    }
    if (compiled.limit === undefined) return done()
    const refusal = this.#options.limits.spend(compiled.limit, attempt)
    return isPromise(refusal)
      ? (refusal as Promise<Awaited<typeof refusal>>).then(refused => refused ?? done())
      : ((refusal as Awaited<typeof refusal>) ?? done())
  }

  /** Not waited for: when a key was used is for people. */
  #touch(id: string, now: number, monotonic: number): void {
    const last = this.#touched.get(id)
    if (last !== undefined && monotonic - last < this.#options.lastUsedEveryMs) return
    this.#touched.set(id, monotonic)
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

/** A key that may be made up. */
const guessed = (reason: string, record: ApiKeyRecord | undefined): Invalid => ({
  outcome: 'invalid',
  failure: 'invalid',
  reason,
  subject: record?.owner,
})

/** A key with a right secret: a program that still has it does not guess. */
const unfit = (reason: string, { owner }: ApiKeyRecord): Invalid => ({
  outcome: 'invalid',
  failure: reason === 'expired' ? 'expired' : 'invalid',
  reason,
  subject: owner,
  isGuess: false,
})

const storeDown = (error: unknown): Failed => ({ outcome: 'error', error, reason: 'key store down' })
