import type { MaybePromise } from '../kernel/maybe-promise.js'

/**
 * Keys and values with a time to live. It is structurally what a Keyv instance offers, so every
 * Keyv backend fits without glue.
 */
export interface KeyValueStore<Value = unknown> {
  get(key: string): MaybePromise<Value | undefined>
  /** `ttlMs` in milliseconds; without it the value stays. */
  set(key: string, value: Value, ttlMs?: number): MaybePromise<unknown>
  delete(key: string): MaybePromise<boolean>
}
