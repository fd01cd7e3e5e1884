import type { Clock } from '@palisade/core/middleware'
import { type Counting, States } from '../algorithms/counting.js'
import type { Attempt, LimitCharge } from './attempt.js'

/** What of a policy says how it is counted. */
interface CountingOf {
  readonly counting: Counting
  readonly maxLimit: number
}

/** The state of one key by one policy: where its attempts are decided. */
export class KeyState {
  states: States
  slot = 0
  protected readonly counting: Counting
  private readonly maxLimit: number

  /** A key that was never seen. */
  constructor({ counting, maxLimit }: CountingOf) {
    this.counting = counting
    this.maxLimit = maxLimit
    this.states = new States(counting.width)
  }

  /** Takes the cost if it fits, fills the answers, and returns whether it fits. */
  step(attempt: Attempt, now: number): boolean {
    const isPossible = attempt.limit > 0 && attempt.cost <= attempt.capacity
    attempt.fits = isPossible && this.counting.step(this.states, this.slot, now, attempt)
    if (!isPossible) this.refuseForEver(attempt, now)
    return attempt.fits
  }

  /** Takes back what `step` has taken at the same moment, because another policy refuses. */
  undo(attempt: Attempt, now: number): void {
    this.counting.refund(this.states, this.slot, now, attempt, attempt.cost)
    this.look(attempt, now)
  }

  /** Corrects the cost of an attempt that was allowed. */
  settle(taken: LimitCharge, cost: number, now: number): void {
    const more = cost - taken.cost
    if (more > 0) this.counting.charge(this.states, this.slot, now, taken, more, this.maxLimit)
    else this.counting.refund(this.states, this.slot, now, taken, -more)
  }

  private refuseForEver(attempt: Attempt, now: number): void {
    if (attempt.limit > 0) this.look(attempt, now)
    else {
      attempt.remaining = 0
      attempt.resetMs = 0
      attempt.nextMs = Number.POSITIVE_INFINITY
    }
    attempt.delayMs = 0
    attempt.retryMs = Number.POSITIVE_INFINITY
  }

  /** Fills the answers with the cost not taken. */
  private look(attempt: Attempt, now: number): void {
    const { cost } = attempt
    attempt.cost = 0
    this.counting.step(this.states, this.slot, now, attempt)
    attempt.cost = cost
    attempt.retryMs = 0
    attempt.delayMs = 0
  }
}

/**
 * Decides the attempts of one request on the states of their keys, in the order of the policies.
 * All costs are taken, or none is.
 */
export function decideTogether(
  states: readonly KeyState[],
  attempts: readonly Attempt[],
  now: number,
): boolean {
  let allowed = true
  for (let i = 0; i < attempts.length; i++) {
    const attempt = attempts[i] as Attempt
    if (attempt.active && !(states[i] as KeyState).step(attempt, now)) allowed = false
  }
  if (!allowed && attempts.length > 1) undoAll(states, attempts, now)
  return allowed
}

function undoAll(states: readonly KeyState[], attempts: readonly Attempt[], now: number): void {
  attempts.forEach((attempt, i) => {
    if (attempt.active && attempt.fits) states[i]?.undo(attempt, now)
  })
}

/**
 * The time of day of a store's first use, moved on by the clock's monotonic time only. So aligned
 * windows begin with the minute and the hour, and no step of the clock changes a count. All
 * limiters of a store share it, as they share counts.
 */
export class StoreTime {
  private offset: number | undefined

  now(clock: Clock): number {
    return Math.floor((this.offset ?? this.begin(clock)) + clock.monotonic())
  }

  private begin(clock: Clock): number {
    this.offset = clock.now() - clock.monotonic()
    return this.offset
  }
}

/** Where the states of a policy's keys are. */
export interface StateTable {
  readonly states: States
  /** The slot of a key, or -1 if the key has none. */
  find(key: string, now: number): number
  /** A blank slot for a key for which `find` returned -1. */
  claim(key: string): number
  /** As `find`, but changes nothing. */
  peek(key: string): number
  forget(key: string): void
}

/** A policy's state in a table, which moves from key to key. */
class TableState extends KeyState {
  readonly table: StateTable
  /** Whether the key got its slot for the attempt at hand. */
  private isNew = false
  private readonly blank: States

  constructor(kind: CountingOf, table: StateTable) {
    super(kind)
    this.table = table
    this.blank = this.states
    this.states = table.states
  }

  override step(attempt: Attempt, now: number): boolean {
    const slot = this.table.find(attempt.key, now)
    this.slot = slot
    this.isNew = false
    return slot < 0 ? this.stepNew(attempt, now) : super.step(attempt, now)
  }

  override undo(attempt: Attempt, now: number): void {
    super.undo(attempt, now)
    if (this.isNew) this.table.forget(attempt.key)
  }

  /** A key that takes nothing gets no slot. */
  private stepNew(attempt: Attempt, now: number): boolean {
    const { key, cost, limit, capacity } = attempt
    this.isNew = cost > 0 && limit > 0 && cost <= capacity
    if (this.isNew) {
      this.slot = this.table.claim(key)
      return super.step(attempt, now)
    }
    this.blank.cells.fill(0)
    this.states = this.blank
    this.slot = 0
    const fits = super.step(attempt, now)
    this.states = this.table.states
    return fits
  }

  /**
   * Corrects a cost where the key is now: less where it has a slot, more also where it has none any
   * more.
   */
  override settle(taken: LimitCharge, cost: number, now: number): void {
    const { table } = this
    const isMore = cost > taken.cost
    let slot = isMore ? table.find(taken.key, now) : table.peek(taken.key)
    if (slot < 0 && isMore) slot = table.claim(taken.key)
    if (slot < 0) return
    this.slot = slot
    super.settle(taken, cost, now)
  }
}

/** Decides in this process, at once. */
export class TableEngine {
  readonly immediate = true
  readonly available = true
  private readonly states: readonly TableState[]
  private readonly time: StoreTime

  constructor(policies: readonly CountingOf[], tables: readonly StateTable[], time: StoreTime) {
    this.states = policies.map((kind, i) => new TableState(kind, tables[i] as StateTable))
    this.time = time
  }

  now(clock: Clock): number {
    return this.time.now(clock)
  }

  decide(attempts: readonly Attempt[], now: number): boolean {
    return decideTogether(this.states, attempts, now)
  }

  settle(policy: number, taken: LimitCharge, cost: number, now: number): undefined {
    this.states[policy]?.settle(taken, cost, now)
  }

  reset(key: string): void {
    for (const { table } of this.states) table.forget(key)
  }
}
