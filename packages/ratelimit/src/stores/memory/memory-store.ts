import { bindMethods, ConfigError, checkOptions, integer, optional } from '@palisade/core/middleware'
import { requireAlgorithm } from '../../algorithms/index.js'
import { StoreTime, TableEngine } from '../../counting/engine.js'
import type { LimitEngine, LimitStore, PolicyKind } from '../store.js'
import { Table } from './table.js'

export interface MemoryStoreOptions {
  /**
   * The most keys that each policy counts apart; from there on new keys share overflow slots.
   * Default 100,000; at most 16 million.
   */
  maxKeys?: number
}

/** The most entries of a `Map` in V8 are 2 ** 24. */
const MOST_KEYS = 16_000_000

/**
 * Counts in this process: synchronous, exact, bounded. Each process counts for itself; behind a
 * load balancer use `redisStore`.
 *
 * Under a flood of random keys it fails towards refusing strangers, never towards forgetting who is
 * being limited: at `maxKeys` expired keys are swept, then new keys share overflow slots.
 *
 * @throws ConfigError for a wrong option
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { maxKeys } = checkOptions('memoryStore', options, {
    maxKeys: optional(integer({ min: 1, max: MOST_KEYS }), 100_000),
  })
  return bindMethods(new MemoryStore(maxKeys), 'open')
}

/** A key that comes again soon need not be added again; after a minute it is no longer soon. */
const LONGEST_GRACE_MS = 60_000

export class MemoryStore implements LimitStore {
  private readonly policies = new Map<string, { readonly kind: PolicyKind; readonly table: Table }>()
  private readonly maxKeys: number
  private readonly time = new StoreTime()

  constructor(maxKeys: number) {
    this.maxKeys = maxKeys
  }

  /** How many keys are counted apart, over all policies. */
  get size(): number {
    let size = 0
    for (const { table } of this.policies.values()) size += table.size
    return size
  }

  /** Whether a policy has run out of slots, so that new keys share. */
  get isFull(): boolean {
    return [...this.policies.values()].some(({ table }) => table.isFull)
  }

  open(owner: string, policies: readonly PolicyKind[]): LimitEngine {
    return new TableEngine(
      policies,
      policies.map(kind => this.tableOf(owner, kind)),
      this.time,
    )
  }

  private tableOf(owner: string, kind: PolicyKind): Table {
    requireAlgorithm(owner, kind.algorithm)
    const known = this.policies.get(kind.name)
    if (known === undefined) {
      const grace = Math.min(kind.window, LONGEST_GRACE_MS)
      const table = new Table(kind.counting.width, this.maxKeys, grace)
      this.policies.set(kind.name, { kind, table })
      return table
    }
    if (known.kind.counting !== kind.counting || known.kind.window !== kind.window) {
      throw new ConfigError({
        owner,
        option: 'name',
        value: kind.name,
        allowed: `a name of its own, since the store already counts "${kind.name}" as ${known.kind.algorithm} of ${known.kind.window} ms`,
      })
    }
    return known.table
  }
}
