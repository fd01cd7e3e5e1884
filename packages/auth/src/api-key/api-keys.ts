import { checkFields, faulty } from '@palisade/core/admin'
import {
  bindMethods,
  type Clock,
  callback,
  checkOptions,
  type Duration,
  duration,
  either,
  having,
  isPromise,
  type LimitHeaderOptions,
  limitHeaderOptions,
  list,
  type MaybePromise,
  optional,
  refuse,
  type Services,
  systemClock,
  text,
} from '@palisade/core/middleware'
import { DEFAULT_RATE, defaultRate, KEY_CHANGES, NEW_KEY, ROTATION } from './fields.js'
import { inBatches } from './in-batches.js'
import { KeyLimits, type MakeLimiter } from './key-limits.js'
import { formatKey, isKeyId, keyPrefix, newKeyId, newSecret } from './key-text.js'
import { KeyVerifier } from './key-verifier.js'
import type { ApiKeyChanges, IssuedApiKey, NewApiKey, RateOption } from './new-key.js'
import { type ApiKeyInfo, type ApiKeyRecord, infoOf, type Rate } from './record.js'
import { SecretHasher } from './secret-hasher.js'
import { memoryKeys } from './stores/memory.js'
import type { ApiKeyStore, KeyQuery } from './stores/store.js'

export interface ApiKeysOptions {
  /** Default `memoryKeys()`. */
  store?: ApiKeyStore
  /** The first part of every key. Default `pk`. */
  prefix?: string
  /**
   * A secret of at least 32 characters that is not in the store; several while it is changed, the
   * newest first. Left out: none, and plain SHA-256. `undefined` is refused, since an environment
   * variable that is not set would take it away.
   */
  pepper?: string | readonly string[]
  /**
   * Makes the limiters of keys: `rate => createLimiter(rate)`. Without it no key has a rate limit.
   */
  limiter?: MakeLimiter
  /**
   * Of keys that have no `rateLimit` of their own. Default with a `limiter`: 1,000 an hour. `false`
   * or `null`: none.
   */
  defaultRateLimit?: RateOption | false | null
  /** Which headers show a key's limits, as in `rateLimit()`. Default: all. */
  headers?: LimitHeaderOptions
  /** How often the last use is written at most. Default one minute. */
  lastUsedEvery?: Duration
  clock?: Clock
}

/** How often a change is tried again after another change came in between. */
const MOST_TRIES = 5
const PEPPER = 'a secret of at least 32 characters, or 1 to 5 of them'

/**
 * Issues, checks and takes back API keys.
 *
 *     const keys = apiKeys({ store: keyValueKeys({ store: new Keyv(...) }), pepper })
 *     const { key } = await keys.create({ name: 'Mobile app', owner: 'u42', scopes: ['read'] })
 *
 * The stored data is of no use to a thief: secrets have 256 random bits and are stored as a keyed
 * hash.
 *
 * @throws ConfigError for a wrong option
 */
export function apiKeys(options: ApiKeysOptions = {}): ApiKeys {
  return bindMethods(
    new ApiKeys(options),
    'create',
    'get',
    'list',
    'update',
    'rotate',
    'revoke',
    'setup',
    'dispose',
  )
}

export class ApiKeys {
  /** @internal */
  readonly verifier: KeyVerifier
  readonly #store: ApiKeyStore
  readonly #prefix: string
  readonly #hasher: SecretHasher
  readonly #clock: Clock
  readonly #hasLimiter: boolean

  constructor(options: ApiKeysOptions) {
    const pepper = text({ max: 1000, pattern: /^.{32,}$/s, allowed: 'a secret of at least 32 characters' })
    const checked = checkOptions('apiKeys', options, {
      store: optional(
        having<ApiKeyStore>(
          'an API key store',
          'get',
          'add',
          'replace',
          'list',
          'count',
          'touch',
          'lastUsedAt',
        ),
      ),
      prefix: optional(keyPrefix, 'pk'),
      pepper: optional(either(pepper, list(pepper, { min: 1, max: 5 }), PEPPER)),
      limiter: optional(callback<MakeLimiter>('a function (rate) => Limiter')),
      defaultRateLimit: optional(defaultRate),
      headers: optional(limitHeaderOptions, {}),
      lastUsedEvery: optional(duration({ min: 0, max: '1d' })),
      clock: optional(having<Clock>('a clock', 'now', 'monotonic'), systemClock),
    })
    if (checked.pepper === undefined && Object.hasOwn(options, 'pepper'))
      refuse(
        { owner: 'apiKeys', option: 'pepper' },
        undefined,
        `${PEPPER}; leave the option out to do without`,
      )
    const { pepper: peppers = [], limiter, defaultRateLimit } = checked
    if (limiter === undefined && defaultRateLimit)
      refuse(
        { owner: 'apiKeys', option: 'defaultRateLimit' },
        options.defaultRateLimit,
        'a rate only with a "limiter", which counts it',
      )
    this.#clock = checked.clock
    this.#store = checked.store ?? memoryKeys({ clock: checked.clock })
    this.#prefix = checked.prefix
    this.#hasher = new SecretHasher(typeof peppers === 'string' ? [peppers] : peppers)
    this.#hasLimiter = limiter !== undefined
    this.verifier = new KeyVerifier({
      store: this.#store,
      prefix: checked.prefix,
      hasher: this.#hasher,
      limits: new KeyLimits({
        store: this.#store,
        make: limiter,
        defaultRate:
          limiter && (defaultRateLimit === undefined ? DEFAULT_RATE : defaultRateLimit || undefined),
        headers: checked.headers,
      }),
      lastUsedEveryMs: checked.lastUsedEvery ?? 60_000,
    })
  }

  /** @throws RequestError 422 with `details.fields` for a wrong or unknown field */
  async create(fields: NewApiKey): Promise<IssuedApiKey> {
    const given = present(checkFields(fields, NEW_KEY)) as Omit<NewRecord, 'id'>
    const now = this.#clock.now()
    this.#refuseImpossible(given, now)
    const id = newKeyId(now)
    const secret = newSecret()
    const record = freeze({
      ...given,
      id,
      version: 1,
      hash: this.#hasher.hash({ id, secret }),
      createdAt: now,
      updatedAt: now,
    })
    if (!(await this.#store.add(record)))
      throw new Error('apiKeys: a new id is taken; the random source is broken')
    return { key: formatKey(this.#prefix, { id, secret }), record: infoOf(record, undefined) }
  }

  async get(id: string): Promise<ApiKeyInfo | undefined> {
    const record = await this.#read(id)
    return record && infoOf(record, await this.#store.lastUsedAt(id))
  }

  /** Keys in the order in which they were made; revoked ones too. */
  async list(
    query: Partial<KeyQuery> = {},
  ): Promise<{ readonly keys: readonly ApiKeyInfo[]; readonly next?: string }> {
    const { limit = 50, cursor, owner } = query
    const { records, next } = await this.#store.list({ limit, cursor, owner })
    const keys = await inBatches(records, async record =>
      infoOf(record, await this.#store.lastUsedAt(record.id)),
    )
    return next === undefined ? { keys } : { keys, next }
  }

  /**
   * Changes what is named; a key that was revoked can no longer be changed. `undefined`: there is
   * no such key.
   *
   * @throws RequestError 422 with `details.fields` for a wrong or unknown field
   */
  async update(id: string, changes: ApiKeyChanges): Promise<ApiKeyInfo | undefined> {
    const checked = checkFields(changes, KEY_CHANGES)
    return this.#change(id, (record, now) => {
      const next = present({ ...record, ...present(checked, true) }) as ApiKeyRecord
      this.#refuseImpossible(
        { ...next, ...(checked.expiresAt === undefined && { expiresAt: undefined }) },
        now,
      )
      return next
    })
  }

  /**
   * Gives a key a new secret. The old one stays good for `overlap`, at most 90 days, so that it can
   * be replaced everywhere first. Default: not at all.
   */
  async rotate(id: string, options: { overlap?: Duration } = {}): Promise<IssuedApiKey | undefined> {
    const { overlap = 0 } = checkFields(options, ROTATION)
    const secret = newSecret()
    const record = await this.#change(id, ({ previous: _, ...record }, now) => ({
      ...record,
      hash: this.#hasher.hash({ id, secret }),
      ...(overlap > 0 && { previous: { hash: record.hash, until: now + overlap } }),
    }))
    return record && { key: formatKey(this.#prefix, { id, secret }), record }
  }

  /**
   * Takes a key back for good. The record stays, so that one can see that it was there. False:
   * there is no such key, or it was revoked before.
   */
  async revoke(id: string): Promise<boolean> {
    return (await this.#change(id, (record, now) => ({ ...record, revokedAt: now }))) !== undefined
  }

  /** @internal */
  setup(services: Services): void {
    this.verifier.setup(services)
  }

  dispose(): MaybePromise<void> {
    return this.verifier.dispose()
  }

  #read(id: string): MaybePromise<ApiKeyRecord | undefined> {
    return isKeyId(id) ? this.#store.get(id) : undefined
  }

  async #change(
    id: string,
    change: (record: ApiKeyRecord, now: number) => Omit<ApiKeyRecord, 'version' | 'updatedAt'>,
  ): Promise<ApiKeyInfo | undefined> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const read = this.#read(id)
      const record = isPromise(read) ? await read : (read as ApiKeyRecord | undefined)
      if (record === undefined || record.revokedAt !== undefined) return undefined
      const now = this.#clock.now()
      const next = freeze({ ...change(record, now), version: record.version + 1, updatedAt: now })
      if (await this.#store.replace(next, record.version))
        return infoOf(next, await this.#store.lastUsedAt(id))
    }
    throw new Error('apiKeys: the record changes faster than it can be changed')
  }

  #refuseImpossible(
    record: { expiresAt?: number | undefined; notBefore?: number; rateLimit?: Rate | false },
    now: number,
  ): void {
    const { expiresAt, notBefore, rateLimit } = record
    if (expiresAt !== undefined && expiresAt <= now)
      throw faulty([{ field: 'expiresAt', message: 'must be in the future' }])
    if (expiresAt !== undefined && notBefore !== undefined && expiresAt <= notBefore)
      throw faulty([{ field: 'expiresAt', message: 'must be after notBefore' }])
    if (rateLimit && !this.#hasLimiter)
      throw faulty([{ field: 'rateLimit', message: 'is not possible here: no limiter is configured' }])
  }
}

type NewRecord = Omit<ApiKeyRecord, 'version' | 'hash' | 'createdAt' | 'updatedAt'>

/** Without what is not there; `null` is kept as "take it away" where it is asked for. */
function present(fields: object, keepNull = false): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && (keepNull || value !== null)),
  )
}

const freeze = (record: ApiKeyRecord): ApiKeyRecord => Object.freeze(record)
