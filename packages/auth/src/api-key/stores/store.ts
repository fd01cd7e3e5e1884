import type { MaybePromise } from '@palisade/core/middleware'
import type { ApiKeyRecord } from '../record.js'

export interface KeyPage {
  readonly records: readonly ApiKeyRecord[]
  /** Where the next page begins; absent on the last one. */
  readonly next?: string
}

export interface KeyQuery {
  readonly limit: number
  /** What an earlier page gave as `next`. */
  readonly cursor?: string | undefined
  readonly owner?: string | undefined
}

/**
 * Where API keys are kept: `memoryKeys()`, `keyValueKeys(store)`, or a team's own by this
 * interface. `apiKeyStoreSuite` of `@palisade/auth/testing` tests one.
 */
export interface ApiKeyStore {
  get(id: string): MaybePromise<ApiKeyRecord | undefined>
  /** False when the id is taken. */
  add(record: ApiKeyRecord): MaybePromise<boolean>
  /**
   * Replaces the record if its version is still `version`, as one step, so that no change undoes a
   * revocation; false otherwise.
   */
  replace(record: ApiKeyRecord, version: number): MaybePromise<boolean>
  /** Records in the order of their ids. */
  list(query: KeyQuery): MaybePromise<KeyPage>
  /**
   * Adds one to a counter that begins at 0 and is forgotten after `ttlMs`, as one step; returns
   * what it is then. A counter that has reached `most` stays as it is, and any number over `most`
   * is returned: the use is refused, and a quota that is raised later has not lost it.
   */
  count(name: string, ttlMs: number, most: number): MaybePromise<number>
  /** Notes when a key was used: apart from the record, so that it cannot overwrite a change. */
  touch(id: string, at: number): MaybePromise<void>
  lastUsedAt(id: string): MaybePromise<number | undefined>
}
