import { ALGORITHM_NAMES } from '../algorithms/index.js'
import type { LimitStore } from '../stores/store.js'
import { timed } from './in-time.js'
import { oneKey } from './one-key.js'
import type { Run } from './place.js'
import { several } from './several.js'

/** One behaviour of a store of limits. */
export interface LimitStoreTest {
  readonly name: string
  /**
   * Whether it moves the limiter's clock. It holds only where a store counts by that clock, and not
   * by the time of a server.
   */
  readonly timed: boolean
  /**
   * Runs it, in any test runner.
   *
   * @param store an empty one, which the caller disposes of
   * @throws Error that says what differs
   */
  readonly run: (store: LimitStore) => Promise<void>
}

const test =
  (isTimed: boolean) =>
  ([name, run]: [string, Run]): LimitStoreTest =>
    Object.freeze({ name, timed: isTimed, run })

const ofEach = (tests: (algorithm: (typeof ALGORITHM_NAMES)[number]) => Readonly<Record<string, Run>>) =>
  ALGORITHM_NAMES.flatMap(algorithm =>
    Object.entries(tests(algorithm)).map(([name, run]): [string, Run] => [`${algorithm}: ${name}`, run]),
  )

/**
 * What a store of limits must do, as a table for any test runner.
 *
 *     for (const { name, run } of limitStoreSuite) test(name, () => run(new MyStore()))
 */
export const limitStoreSuite: readonly LimitStoreTest[] = Object.freeze([
  ...ofEach(oneKey).map(test(false)),
  ...Object.entries(several).map(test(false)),
  ...ofEach(timed).map(test(true)),
])
