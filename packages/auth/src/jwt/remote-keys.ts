import { type Clock, type Logger, type Services, systemClock } from '@palisade/core/middleware'
import type { JWTHeaderParameters } from 'jose'
import type { JwksFetcher } from './fetch-jwks.js'
import type { KeySet } from './key-set.js'
import { type KeySource, KeysUnavailable, type VerificationKey } from './keys.js'

const FRESH_MS = 600_000
/** From here on it is renewed while requests go on with what is there. */
const AHEAD_MS = FRESH_MS * 0.8
/** How long keys are good while their issuer is down. */
const STALE_MS = 86_400_000
const UNKNOWN_KEY_MS = 30_000
const LEAST_BACKOFF_MS = 1000
const MOST_BACKOFF_MS = 60_000

/**
 * The keys that an issuer publishes, fetched when they are needed and kept.
 *
 * One fetch at a time, however many tokens wait. A token with an unknown key id waits for the fetch
 * under way, and starts a new one at most every 30 seconds: clients cannot use this server against
 * the issuer. After a failure it waits 1 to 60 seconds before the next try, and keys that were
 * there stay good for a day.
 */
export class RemoteKeys implements KeySource {
  epoch = 0
  readonly #fetcher: JwksFetcher
  #clock: Clock = systemClock
  #logger: Logger | undefined
  #set: KeySet | undefined
  #fetchedAt = 0
  #inFlight: Promise<boolean> | undefined
  #failures = 0
  #notBefore = 0
  #lastError: unknown
  #askedForUnknownAt = Number.NEGATIVE_INFINITY

  constructor(fetcher: JwksFetcher) {
    this.#fetcher = fetcher
  }

  setup({ clock, logger }: Services): void {
    this.#clock = clock
    this.#logger = logger
  }

  async keysFor(header: JWTHeaderParameters): Promise<readonly VerificationKey[] | undefined> {
    const set = await this.#current()
    const known = set.keysFor(header)
    if (known.length > 0) return known
    // A request that comes while the keys are fetched must not be refused for keys that are on
    // their way.
    await this.#inFlight
    const keys = (this.#set as KeySet).keysFor(header)
    if (keys.length > 0) return keys
    if (this.#clock.monotonic() - this.#askedForUnknownAt < UNKNOWN_KEY_MS) {
      // Whether the key is new cannot be told while the issuer does not answer.
      if (this.#failures > 0) throw this.#unavailable()
      return undefined
    }
    if (!(await this.#refresh())) throw this.#unavailable()
    // A fetch that failed is not counted: after that rest it is tried again.
    this.#askedForUnknownAt = this.#clock.monotonic()
    const now = this.#set as KeySet
    // An issuer that withdrew all its keys refuses every token, and no client is guessing.
    return now.size === 0 ? undefined : now.keysFor(header)
  }

  async dispose(): Promise<void> {
    await this.#fetcher.dispose()
  }

  async #current(): Promise<KeySet> {
    const age = this.#clock.monotonic() - this.#fetchedAt
    if (this.#set !== undefined && age < FRESH_MS) {
      if (age >= AHEAD_MS) void this.#refresh()
      return this.#set
    }
    // While the issuer is known to be down, a request does not wait for another failure.
    if (this.#set !== undefined && this.#failures > 0) void this.#refresh()
    else await this.#refresh()
    if (this.#set === undefined || this.#clock.monotonic() - this.#fetchedAt >= STALE_MS)
      throw this.#unavailable()
    return this.#set
  }

  /** Whether the keys are those that the issuer publishes now. Never rejects. */
  #refresh(): Promise<boolean> {
    if (this.#inFlight !== undefined) return this.#inFlight
    if (this.#failures > 0 && this.#clock.monotonic() < this.#notBefore) return Promise.resolve(false)
    this.#inFlight = this.#fetch().finally(() => {
      this.#inFlight = undefined
    })
    return this.#inFlight
  }

  async #fetch(): Promise<boolean> {
    try {
      const next = await this.#fetcher.fetch()
      if (this.#set !== undefined && lost(this.#set, next)) this.epoch += 1
      this.#set = next
      this.#fetchedAt = this.#clock.monotonic()
      this.#failures = 0
      if (next.size === 0)
        this.#logger?.warn(
          { unusable: next.unusable },
          'an issuer publishes no key that a token could be verified with: all its tokens are refused',
        )
      else if (next.unusable > 0)
        this.#logger?.debug(
          { unusable: next.unusable },
          "some of an issuer's keys are no use and are ignored",
        )
      return true
    } catch (error) {
      this.#failures += 1
      this.#lastError = error
      const wait = Math.min(MOST_BACKOFF_MS, LEAST_BACKOFF_MS * 2 ** (this.#failures - 1))
      this.#notBefore = this.#clock.monotonic() + wait
      this.#logger?.warn(
        { err: error, failures: this.#failures, next_try_ms: wait },
        "an issuer's keys could not be fetched",
      )
      return false
    }
  }

  #unavailable(): KeysUnavailable {
    const seconds = Math.max(1, Math.ceil((this.#notBefore - this.#clock.monotonic()) / 1000))
    return new KeysUnavailable("the issuer's keys cannot be had", seconds, this.#lastError)
  }
}

/** Whether a key that was there is gone. */
const lost = (before: KeySet, now: KeySet) =>
  [...before.fingerprints].some(fingerprint => !now.fingerprints.has(fingerprint))
