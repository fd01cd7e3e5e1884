import { ConfigError, type Services } from '@palisade/core/middleware'
import type { LimitStore } from '../stores/store.js'
import { UNNAMED } from './policy.js'

const IN_USE = Symbol.for('palisade.ratelimit.counted.v1')
const HOLDER = Symbol.for('palisade.ratelimit.unnamed.v1')

/** Which limiter of a pipeline counts under a name in a store. */
type NamesInUse = Map<LimitStore, Map<string, object>>

/**
 * The limiter whose policy without a name counts in a store. The store carries it: it is what the
 * limiters share.
 */
interface Held {
  [HOLDER]?: object
}

/**
 * Keeps two limiters of one pipeline from counting under one name in one store: their keys would
 * meet there, and what one counts by a header that the client writes would use up what the other
 * counts by its address.
 *
 * @throws ConfigError
 */
export function claimNames(
  { shared }: Services,
  store: LimitStore,
  names: readonly string[],
  limiter: object,
): void {
  const inUse = (shared.get(IN_USE) as NamesInUse | undefined) ?? new Map()
  shared.set(IN_USE, inUse)
  const inStore = inUse.get(store) ?? new Map<string, object>()
  inUse.set(store, inStore)
  const isTaken = (name: string) => (inStore.get(name) ?? limiter) !== limiter
  const found = names.find(isTaken)
  if (found !== undefined)
    throw taken(
      'rateLimit',
      found,
      'limiter of this pipeline has in this store, or the same rateLimit() in both places',
    )
  for (const name of names) inStore.set(name, limiter)
}

/**
 * Keeps two limiters whose policies have no name from counting together by accident, also across
 * pipelines. Limiters that are to share counts have the same name.
 *
 * @throws ConfigError
 */
export function claimUnnamed(
  owner: string,
  store: LimitStore,
  names: readonly string[],
  limiter: object,
): void {
  if (!names.includes(UNNAMED)) return
  const holder = (store as Held)[HOLDER]
  if (holder === limiter) return
  if (holder !== undefined)
    throw taken(
      owner,
      UNNAMED,
      'limiter has in this store; limiters that are to share their counts have the same name, not the default',
    )
  // A store of a team's own may be frozen.
  if (Object.isExtensible(store))
    Object.defineProperty(store, HOLDER, { value: limiter, configurable: true, enumerable: false })
}

/**
 * Keeps two limiters that one request meets from one name: their headers, events and answers could
 * not be told apart.
 *
 * @throws ConfigError
 */
export function refuseSameNames(names: readonly string[], earlier: readonly string[]): void {
  const same = names.find(name => earlier.includes(name))
  if (same !== undefined)
    throw taken('rateLimit', same, 'limiter in front of this one has: give one of them a name')
}

/** Ends what `claimNames` has begun. */
export function releaseNames({ shared }: Services, store: LimitStore, limiter: object): void {
  const inUse = shared.get(IN_USE) as NamesInUse | undefined
  const inStore = inUse?.get(store)
  for (const [name, holder] of inStore ?? []) if (holder === limiter) inStore?.delete(name)
}

/** Ends what `claimUnnamed` has begun. */
export function releaseUnnamed(store: LimitStore, limiter: object): void {
  if ((store as Held)[HOLDER] === limiter) delete (store as Held)[HOLDER]
}

function taken(owner: string, name: string, noOther: string): ConfigError {
  return new ConfigError({ owner, option: 'name', value: name, allowed: `a name that no other ${noOther}` })
}
