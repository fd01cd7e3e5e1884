import { type Algorithm, cell, type Tally } from './algorithm.js'

/**
 * State `{(w + 2) W, prev, cur}`: the counts of the aligned window `w` and of the one before it, which fades out evenly while `w` passes.
 * It lasts two windows, since the count of one still weighs on the next.
 *
 * Three numbers a key and no burst between two windows. The estimate takes the attempts of the window before for evenly spread.
 * In the tally: `a` w, `b` prev, `c` cur, `e` milliseconds into the window.
 */
export const slidingWindow: Algorithm = {
  width: 3,

  check(book, slot, now, tally) {
    const { window } = tally
    const at = slot * 3
    const known = cell(book.cells, at) / window - 2
    let index = Math.floor(now / window)
    let previous = cell(book.cells, at + 1)
    let current = cell(book.cells, at + 2)
    let elapsed = now - index * window
    if (index > known) {
      previous = index === known + 1 ? current : 0
      current = 0
    } else if (index < known) {
      index = known
      elapsed = 0
    }
    tally.a = index
    tally.b = previous
    tally.c = current
    tally.e = elapsed
    return previous * (window - elapsed) + (current + tally.cost) * window <= tally.limit * window
  },

  take(book, slot, tally) {
    const at = slot * 3
    tally.c += tally.cost
    book.cells[at] = (tally.a + 2) * tally.window
    book.cells[at + 1] = tally.b
    book.cells[at + 2] = tally.c
    tally.mark = tally.a
    answer(tally)
    tally.retryMs = 0
  },

  report(_book, _slot, tally) {
    answer(tally)
    tally.retryMs = retryOf(tally, tally.cost)
  },

  refund(book, slot, now, window, taken) {
    const at = slot * 3
    if (now >= cell(book.cells, at)) return
    const age = cell(book.cells, at) / window - 2 - taken.mark
    const where = age === 0 ? at + 2 : age === 1 ? at + 1 : -1
    if (where >= 0) book.cells[where] = Math.max(0, cell(book.cells, where) - taken.cost)
  },
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
function retryOf({ a: _, b: previous, c: current, e, limit, window }: Tally, cost: number): number {
  const room = limit - current - cost
  if (room >= 0 && previous > 0) {
    const from = window - Math.floor((room * window) / previous)
    if (from < window) return Math.max(0, from - e)
  }
  const wait = current > 0 ? Math.max(0, window - Math.floor(((limit - cost) * window) / current)) : 0
  return window - e + wait
}
