import { deepStrictEqual } from 'node:assert/strict'
import type { KeyValueStore } from '@palisade/core/middleware'
import { until } from './until.js'

/** One behaviour that `keyValueKeys()` needs of a key-value store. */
export interface KeyValueTest {
  readonly name: string
  /**
   * Runs it, in any test runner.
   *
   * @param store an empty store, or one with keys of other names than `suite:`
   * @throws Error that says what differs
   */
  readonly run: (store: KeyValueStore) => Promise<void>
}

const KEY = 'suite:one'
const OTHER = 'suite:two'
const VALUES: readonly unknown[] = [
  'text',
  'Ω 🔑 "quoted"\n',
  7,
  1_900_000_000_000,
  [],
  ['a', ['b', 1]],
  { id: 'a', scopes: ['read'], rate: { limit: 5, window: 1000 }, disabled: true },
]

const TESTS: Readonly<Record<string, KeyValueTest['run']>> = {
  async 'given a key that was never set then there is nothing'(store) {
    await isAbsent(store, KEY)
  },

  async 'given plain data of each form then it comes back as it was'(store) {
    for (const value of VALUES) {
      await store.set(KEY, value)
      await holds(store, KEY, value)
    }
  },

  async 'given a key that is set again then the last value counts'(store) {
    await store.set(KEY, ['first', 'longer'])
    await store.set(KEY, 'last')
    await holds(store, KEY, 'last')
  },

  async 'given names that differ a little then they are different keys'(store) {
    const names = ['suite:a', 'suite:A', 'suite:a:', 'suite:a:b', 'suite:a b', `suite:${'n'.repeat(200)}`]
    for (const name of names) await store.set(name, name)
    for (const name of names) await holds(store, name, name)
  },

  async 'given a key that is deleted then it is gone, and others stay'(store) {
    await store.set(KEY, 1)
    await store.set(OTHER, 2)
    await store.delete(KEY)
    await isAbsent(store, KEY)
    await holds(store, OTHER, 2)
  },

  async 'given a key that is not there then deleting it settles'(store) {
    await store.delete(KEY)
  },

  async 'given a time to live then the value is there, and gone when the time is over'(store) {
    await store.set(OTHER, 'long', 3_600_000)
    await store.set(KEY, 'short', 5)
    await until(async () => absent(await store.get(KEY)), 'a value with a time to live of 5 ms is gone')
    await holds(store, OTHER, 'long')
  },

  async 'given a value without a time to live behind one with it then the value stays'(store) {
    await store.set(KEY, 'short', 5)
    await store.set(KEY, 'for good')
    await store.set(OTHER, 'short', 5)
    await until(async () => absent(await store.get(OTHER)), 'a value with a time to live of 5 ms is gone')
    await holds(store, KEY, 'for good')
  },

  async 'given many keys at once then each has its value'(store) {
    const names = Array.from({ length: 100 }, (_, index) => `suite:many:${index}`)
    await Promise.all(names.map(async name => store.set(name, { name })))
    const values = await Promise.all(names.map(async name => store.get(name)))
    deepStrictEqual(
      values,
      names.map(name => ({ name })),
    )
  },
}

const absent = (value: unknown) => value === undefined || value === null

async function isAbsent(store: KeyValueStore, key: string): Promise<void> {
  deepStrictEqual((await store.get(key)) ?? undefined, undefined)
}

async function holds(store: KeyValueStore, key: string, value: unknown): Promise<void> {
  deepStrictEqual(await store.get(key), value)
}

/**
 * What `keyValueKeys({ store })` needs of a store.
 *
 *     for (const { name, run } of keyValueSuite) test(name, () => run(myStore()))
 */
export const keyValueSuite: readonly KeyValueTest[] = Object.freeze(
  Object.entries(TESTS).map(([name, run]) => Object.freeze({ name, run })),
)
