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
  a = 0
  b = 0
  c = 0
  e = 0
  f = 0

  fits = true
  /** Decided in this process although the counts are elsewhere, because the store failed. */
  isLocal = false
  remaining = 0
  /** Until the quota is whole again. */
  resetMs = 0
  /** Until the same attempt would be allowed; `Infinity` for never. */
  retryMs = 0
  /** Until there is more quota than now. */
  nextMs = 0
  /** How long an admitted attempt has to wait for its turn. */
  delayMs = 0
  /** What a refund needs to find what was taken. */
  mark = 0
  depth = 0

  constructor(window: number) {
    this.window = window
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
