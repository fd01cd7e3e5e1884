import {
  bindMethods,
  type Clock,
  ConfigError,
  checkOptions,
  integer,
  optional,
} from '@palisade/core/middleware'
import { type Algorithm, answerNever, Book, type Taken, type Tally } from '../../algorithms/algorithm.js'
import { requireAlgorithm } from '../../algorithms/index.js'
import type { DirectEngine, Engine, LimitStore, PolicyKind } from '../store.js'
import { SteadyTime } from './steady-time.js'
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
  return bindMethods(new MemoryStore(maxKeys), 'open')
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
  private readonly time = new SteadyTime()

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
      policies.map(kind => new Ledger(kind, this.tableOf(owner, kind))),
      this.time,
    )
  }

  private tableOf(owner: string, kind: PolicyKind): Table {
    requireAlgorithm(owner, kind.algorithm)
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

/** One policy of an engine. */
class Ledger {
  readonly counting: Algorithm
  readonly window: number
  readonly table: Table
  /** What an unknown key looks like. */
  readonly blank: Book
  /** Where the key of the attempt at hand is. */
  slot = NO_SLOT

  constructor({ counting, window }: PolicyKind, table: Table) {
    this.counting = counting
    this.window = window
    this.table = table
    this.blank = new Book(counting.width)
  }
}

class MemoryEngine implements DirectEngine {
  readonly immediate = true
  readonly available = true
  private readonly ledgers: readonly Ledger[]

  private readonly time: SteadyTime

  constructor(ledgers: readonly Ledger[], time: SteadyTime) {
    this.ledgers = ledgers
    this.time = time
  }

  now(clock: Clock): number {
    return this.time.now(clock)
  }

  decide(tallies: readonly Tally[], now: number): boolean {
    const { ledgers } = this
    let allowed = true
    for (let i = 0; i < ledgers.length; i++) {
      const tally = tallies[i] as Tally
      if (!tally.active) continue
      weigh(ledgers[i] as Ledger, tally, now)
      if (!tally.fits) allowed = false
    }
    for (let i = 0; i < ledgers.length; i++) {
      const tally = tallies[i] as Tally
      if (tally.active) conclude(ledgers[i] as Ledger, tally, allowed)
    }
    return allowed
  }

  decideOne(tally: Tally, key: string, now: number): boolean {
    if (tally.cost === 0 || !tally.isPossible) return this.decideOddOne(tally, key, now)
    const { table, counting } = this.ledgers[0] as Ledger
    // What is possible fits into the blank slot of a new key: a refusal leaves nothing behind.
    const slot = table.place(key, now)
    tally.delayMs = 0
    const fits = counting.attempt(table.book, slot, now, tally)
    tally.fits = fits
    if (!fits) counting.report(table.book, slot, tally)
    return fits
  }

  private decideOddOne(tally: Tally, key: string, now: number): boolean {
    tally.key = key
    return this.decide([tally], now)
  }

  refund(policy: number, key: string, taken: Taken, now: number): undefined {
    const { table, counting, window } = this.ledgers[policy] as Ledger
    const slot = table.peek(key)
    if (slot !== NO_SLOT) counting.refund(table.book, slot, now, window, taken)
  }

  reset(key: string): void {
    for (const { table } of this.ledgers) table.forget(key)
  }
}

function weigh(ledger: Ledger, tally: Tally, now: number): void {
  const { table, counting } = ledger
  const slot = table.find(tally.key, now)
  ledger.slot = slot
  const fits =
    slot === NO_SLOT
      ? counting.check(ledger.blank, 0, now, tally)
      : counting.check(table.book, slot, now, tally)
  tally.fits = fits && tally.isPossible
  tally.delayMs = 0
}

function conclude({ table, counting, blank, slot }: Ledger, tally: Tally, allowed: boolean): void {
  if (allowed && tally.cost > 0) {
    counting.take(table.book, slot === NO_SLOT ? table.claim(tally.key) : slot, tally)
    return
  }
  if (tally.limit === 0) answerNever(tally)
  else if (slot === NO_SLOT) counting.report(blank, 0, tally)
  else counting.report(table.book, slot, tally)
  if (tally.fits) tally.retryMs = 0
  else if (!tally.isPossible) tally.retryMs = Number.POSITIVE_INFINITY
}
