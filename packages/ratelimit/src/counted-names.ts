import { ConfigError, type Services } from '@palisade/core'
import type { LimitStore } from './stores/store.js'

const COUNTED = Symbol.for('palisade.ratelimit.counted.v1')

/** Which limiter of a pipeline counts under a name in a store. */
type Counted = Map<LimitStore, Map<string, object>>

/**
 * Keeps two limiters of one pipeline from counting under one name in one store: their keys would meet there, and what one counts by a header
 * that the client writes would use up what the other counts by its address.
 *
 * @throws ConfigError
 */
export function claimNames(
  { shared }: Services,
  store: LimitStore,
  names: readonly string[],
  limiter: object,
): void {
  const counted = (shared.get(COUNTED) as Counted | undefined) ?? new Map()
  shared.set(COUNTED, counted)
  const inStore = counted.get(store) ?? new Map<string, object>()
  counted.set(store, inStore)
  for (const name of names) {
    const other = inStore.get(name)
    if (other !== undefined && other !== limiter) {
      throw new ConfigError({
        owner: 'rateLimit',
        option: 'name',
        value: name,
        allowed:
          'a name that no other limiter of this pipeline has in this store, or the same rateLimit() in both places',
      })
    }
    inStore.set(name, limiter)
  }
}
