import type { LateReceipt } from '../refunds/receipts.js'

/**
 * The states of many keys, side by side: slot `i` owns `cells[i * width]` up to the next slot. The first cell of each is the moment from
 * which the state says the same as none. All zeros is a key never seen.
 */
export class Book {
  cells: Float64Array
  /** The timestamps of keys that need more than a few numbers (`sliding-log`). */
  readonly rings: (Float64Array | undefined)[] = []

  constructor(cells: number) {
    this.cells = new Float64Array(cells)
  }
}

/**
 * A zero that V8 keeps as a double. A field that begins with it is a double from the start; one that began with 0 would change its kind at the
 * first fraction or large number, and all code that was compiled for the object would be thrown away.
 */
const ZERO = -0

/**
 * One policy's part of one attempt: what is asked goes in, what was decided comes out. Reused from call to call, so that a
 * decision in memory allocates nothing. All times are whole milliseconds.
 */
export class Tally {
  /** Whether the policy applies to this attempt at all. */
  active = true
  key = ''
  cost = 1
  limit = 0
  /** What can be taken at once: the limit of a window, the burst of a bucket. */
  capacity = 0
  readonly window: number

  /** The state brought forward to now, between `check` and `take` or `report`. Each algorithm says what is where. */
  a = ZERO
  b = ZERO
  c = ZERO
  e = ZERO
  f = ZERO

  fits = true
  /** Decided in this process although the counts are elsewhere, because the store failed. */
  isLocal = false
  /** What the store may have taken all the same, when it did not answer in time. */
  late: LateReceipt | undefined = undefined
  remaining = ZERO
  /** Until the quota is whole again. */
  resetMs = ZERO
  /** Until the same attempt would be allowed; `Infinity` for never. */
  retryMs = ZERO
  /** Until there is more quota than now. */
  nextMs = ZERO
  /** How long an admitted attempt has to wait for its turn. */
  delayMs = ZERO
  /** What a refund needs to find what was taken. */
  mark = ZERO
  depth = ZERO

  constructor(window: number) {
    this.window = window
  }

  /** Whether what is asked could be granted at some time at all. */
  get isPossible(): boolean {
    return this.limit > 0 && this.cost <= this.capacity
  }
}

/** What was taken from one key by one policy. */
export interface Taken {
  readonly cost: number
  readonly limit: number
  readonly mark: number
  readonly depth: number
}

/**
 * A way of counting, as pure functions over a slot of a book. `check` reads; then either `take` (everything fits) or `report` (it does
 * not, or nothing was asked) follows in the same turn, from what `check` left in the tally.
 */
export interface Algorithm {
  /** How many numbers a key needs. */
  readonly width: number
  /** Brings the state forward into the tally and says whether the cost fits. */
  check(book: Book, slot: number, now: number, tally: Tally): boolean
  /** Writes the state with the cost taken, and fills the answers. */
  take(book: Book, slot: number, tally: Tally): void
  /**
   * `check`, and `take` if it fits: all of a decision by one policy. One call that leads to known functions, which are compiled into it, where
   * two calls of what may be any algorithm would cost as much as the counting.
   */
  attempt(book: Book, slot: number, now: number, tally: Tally): boolean
  /** Fills the answers without taking anything. */
  report(book: Book, slot: number, tally: Tally): void
  /** Gives back what was taken, if it still counts. */
  refund(book: Book, slot: number, now: number, window: number, taken: Taken): void
}

/** Reads a cell. Every index is computed from a slot that the table owns, so there is always one. */
export function cell(cells: Float64Array, at: number): number {
  return cells[at] as number
}

/** The answers of a limit of 0, with which no algorithm can calculate. */
export function answerNever(tally: Tally): void {
  tally.remaining = 0
  tally.resetMs = 0
  tally.nextMs = Number.POSITIVE_INFINITY
}
