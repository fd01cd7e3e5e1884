import { type Algorithm, type Book, cell, type Taken, type Tally } from './algorithm.js'

/**
 * State `{end, prev, cur}`: the counts of an aligned window `w` and of the one before it, which fades out evenly while `w` passes. It means
 * nothing from `end = (w + 2) W` on, since the count of one window still weighs on the next.
 *
 * Three numbers a key and no burst between two windows. The estimate takes the attempts of the window before for evenly spread.
 * In the tally: `a` end, `b` prev, `c` cur, `e` milliseconds into the window.
 */
export const slidingWindow: Algorithm = {
  width: 3,
  check,
  take,
  report,
  refund,
  attempt(book, slot, now, tally) {
    if (!check(book, slot, now, tally)) return false
    take(book, slot, tally)
    return true
  },
}

function check(book: Book, slot: number, now: number, tally: Tally): boolean {
  const { window } = tally
  const { cells } = book
  const at = slot * 3
  let end = cell(cells, at)
  let previous = cell(cells, at + 1)
  let current = cell(cells, at + 2)
  let elapsed = now - (end - 2 * window)
  if (elapsed >= window) {
    if (elapsed < 2 * window) {
      elapsed -= window
      end += window
      previous = current
    } else {
      const start = Math.floor(now / window) * window
      elapsed = now - start
      end = start + 2 * window
      previous = 0
    }
    current = 0
  } else if (elapsed < 0) {
    elapsed = 0
  }
  tally.a = end
  tally.b = previous
  tally.c = current
  tally.e = elapsed
  return previous * (window - elapsed) + (current + tally.cost) * window <= tally.limit * window
}

function take(book: Book, slot: number, tally: Tally): void {
  const { cells } = book
  const at = slot * 3
  tally.c += tally.cost
  cells[at] = tally.a
  cells[at + 1] = tally.b
  cells[at + 2] = tally.c
  tally.mark = tally.a
  answer(tally)
  tally.retryMs = 0
}

function report(_book: Book, _slot: number, tally: Tally): void {
  answer(tally)
  tally.retryMs = retryOf(tally, tally.cost)
}

function refund({ cells }: Book, slot: number, now: number, window: number, taken: Taken): void {
  const at = slot * 3
  const end = cell(cells, at)
  if (now >= end) return
  const age = end - taken.mark
  const where = age === 0 ? at + 2 : age === window ? at + 1 : -1
  if (where >= 0) cells[where] = Math.max(0, cell(cells, where) - taken.cost)
}

function answer(tally: Tally): void {
  const { window } = tally
  const left = window - tally.e
  const used = tally.b * left + tally.c * window
  tally.remaining = Math.max(0, Math.floor((tally.limit * window - used) / window))
  tally.resetMs = tally.c > 0 ? window + left : tally.b > 0 ? left : 0
  tally.nextMs = tally.remaining === 0 ? retryOf(tally, 1) : left
}

/** The first moment at which `cost` fits, if nothing else comes: in this window while the one before fades, or in the next. */
function retryOf({ b: previous, c: current, e, limit, window }: Tally, cost: number): number {
  const room = limit - current - cost
  if (room >= 0 && previous > 0) {
    const from = window - Math.floor((room * window) / previous)
    if (from < window) return Math.max(0, from - e)
  }
  const wait = current > 0 ? Math.max(0, window - Math.floor(((limit - cost) * window) / current)) : 0
  return window - e + wait
}
