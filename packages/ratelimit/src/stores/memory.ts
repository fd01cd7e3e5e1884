import { ConfigError, checkOptions, integer, optional } from '@palisade/core'
import { answerNever, Book, type Taken, type Tally } from '../algorithms/algorithm.js'
import type { Engine, LimitStore, PolicyKind } from './store.js'
import { NO_SLOT, Table } from './table.js'

export interface MemoryStoreOptions {
  /** The most keys that each policy counts apart; from there on new keys share overflow slots. Default 100,000; at most 16 million. */
  maxKeys?: number
}

/** The most entries of a `Map` in V8 are 2 ** 24. */
const MOST_KEYS = 16_000_000

/**
 * Counts in this process: synchronous, exact, bounded. Each process counts for itself; behind a load balancer use `redisStore`.
 *
 * Under a flood of random keys it fails towards refusing strangers, never towards forgetting who is being limited: at `maxKeys`
 * expired keys are swept, then new keys share overflow slots.
 *
 * @throws ConfigError for a wrong option
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { maxKeys } = checkOptions('memoryStore', options, {
    maxKeys: optional(integer({ min: 1, max: MOST_KEYS }), 100_000),
  })
  return new MemoryStore(maxKeys)
}

/** A key that comes again soon need not be added again; after a minute it is no longer soon. */
const LONGEST_GRACE_MS = 60_000

interface Counted {
  readonly kind: PolicyKind
  readonly table: Table
}

export class MemoryStore implements LimitStore {
  private readonly counted = new Map<string, Counted>()
  private readonly maxKeys: number

  constructor(maxKeys: number) {
    this.maxKeys = maxKeys
  }

  /** How many keys are counted apart, over all policies. */
  get size(): number {
    let size = 0
    for (const { table } of this.counted.values()) size += table.size
    return size
  }

  /** Whether a policy has run out of slots, so that new keys share. */
  get isFull(): boolean {
    return [...this.counted.values()].some(({ table }) => table.isFull)
  }

  open(owner: string, policies: readonly PolicyKind[]): Engine {
    return new MemoryEngine(
      policies,
      policies.map(kind => this.tableOf(owner, kind)),
    )
  }

  private tableOf(owner: string, kind: PolicyKind): Table {
    const known = this.counted.get(kind.name)
    if (known === undefined) {
      const grace = Math.min(kind.window, LONGEST_GRACE_MS)
      const table = new Table(kind.counting.width, this.maxKeys, grace)
      this.counted.set(kind.name, { kind, table })
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

class MemoryEngine implements Engine {
  readonly immediate = true
  readonly available = true
  private readonly policies: readonly PolicyKind[]
  private readonly tables: readonly Table[]
  private readonly slots: number[]
  /** What an unknown key looks like to each policy. */
  private readonly blanks: readonly Book[]

  constructor(policies: readonly PolicyKind[], tables: readonly Table[]) {
    this.policies = policies
    this.tables = tables
    this.slots = policies.map(() => NO_SLOT)
    this.blanks = policies.map(policy => new Book(policy.counting.width))
  }

  decide(tallies: readonly Tally[], now: number): boolean {
    let allowed = true
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      if (!tally.active) continue
      const table = this.tables[i] as Table
      const slot = table.find(tally.key, now)
      this.slots[i] = slot
      const { counting } = this.policies[i] as PolicyKind
      const fits =
        slot === NO_SLOT
          ? counting.check(this.blanks[i] as Book, 0, now, tally)
          : counting.check(table.book, slot, now, tally)
      tally.fits = fits && tally.limit > 0 && tally.cost <= tally.capacity
      tally.delayMs = 0
      if (!tally.fits) allowed = false
    }
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      if (tally.active) this.conclude(i, tally, allowed)
    }
    return allowed
  }

  private conclude(i: number, tally: Tally, allowed: boolean): void {
    const { counting } = this.policies[i] as PolicyKind
    const table = this.tables[i] as Table
    let slot = this.slots[i] as number
    if (allowed && tally.cost > 0) {
      if (slot === NO_SLOT) slot = table.claim(tally.key)
      counting.take(table.book, slot, tally)
      return
    }
    if (tally.limit === 0) answerNever(tally)
    else if (slot === NO_SLOT) counting.report(this.blanks[i] as Book, 0, tally)
    else counting.report(table.book, slot, tally)
    if (tally.fits) tally.retryMs = 0
    else if (tally.cost > tally.capacity || tally.limit === 0) tally.retryMs = Number.POSITIVE_INFINITY
  }

  refund(policy: number, key: string, taken: Taken, now: number): undefined {
    const table = this.tables[policy] as Table
    const slot = table.peek(key)
    const { counting, window } = this.policies[policy] as PolicyKind
    if (slot !== NO_SLOT) counting.refund(table.book, slot, now, window, taken)
  }

  reset(key: string): void {
    for (const table of this.tables) table.forget(key)
  }
}
