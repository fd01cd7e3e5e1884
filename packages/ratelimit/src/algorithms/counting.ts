import type { Attempt, LimitCharge } from '../counting/attempt.js'

/**
 * The states of many keys in one typed array: slot `i` owns `width` cells from `i * width` on. The
 * first cell of a slot is the moment from which its state means the same as no state. A slot of
 * zeros is a key that was never seen. Each algorithm names its cells.
 */
export class States {
  cells: Float64Array
  /** The times of attempts, for an algorithm that keeps more than a few numbers of a key. */
  readonly rings: (Float64Array | undefined)[] = []

  constructor(cells: number) {
    this.cells = new Float64Array(cells)
  }
}

/** How an algorithm counts in memory: functions of a slot, a moment and what is asked. */
export interface Counting {
  /** How many cells a key needs. */
  readonly width: number
  /**
   * Moves the state on to `now`, takes the cost if it fits, and fills the answers of the attempt. A
   * cost of 0 asks without taking.
   *
   * @param attempt with a limit from 1 and a cost of at most its capacity
   * @returns whether the cost fits
   */
  step(states: States, slot: number, now: number, attempt: Attempt): boolean
  /** Gives back `amount` of what was taken, as far as it still counts. */
  refund(states: States, slot: number, now: number, taken: LimitCharge, amount: number): void
  /**
   * Takes `amount` beyond what was taken, now, whether it fits or not: later attempts wait for it.
   *
   * @param most where the count stays exact; more is not counted
   */
  charge(states: States, slot: number, now: number, taken: LimitCharge, amount: number, most: number): void
}
