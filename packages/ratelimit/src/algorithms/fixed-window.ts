import { type Algorithm, cell, type Tally } from './algorithm.js'

/**
 * State `{end, n}`. The window begins with the first attempt and ends `window` later, whatever happens in it.
 *
 * Up to twice the limit can pass around the moment between two windows: use `sliding-window` where that matters.
 * In the tally: `a` end, `b` count, `c` now.
 */
export const fixedWindow: Algorithm = {
  width: 2,

  check(book, slot, now, tally) {
    const at = slot * 2
    let end = cell(book.cells, at)
    let count = cell(book.cells, at + 1)
    if (count === 0 || now >= end) {
      end = now + tally.window
      count = 0
    }
    tally.a = end
    tally.b = count
    tally.c = Math.max(now, end - tally.window)
    return count + tally.cost <= tally.limit
  },

  take(book, slot, tally) {
    const at = slot * 2
    tally.b += tally.cost
    book.cells[at] = tally.a
    book.cells[at + 1] = tally.b
    tally.mark = tally.a
    answer(tally)
    tally.retryMs = 0
  },

  report(_book, _slot, tally) {
    answer(tally)
    tally.retryMs = tally.nextMs
  },

  refund(book, slot, now, _window, taken) {
    const at = slot * 2
    const end = cell(book.cells, at)
    if (end !== taken.mark || now >= end) return
    book.cells[at + 1] = Math.max(0, cell(book.cells, at + 1) - taken.cost)
  },
}

function answer(tally: Tally): void {
  const left = tally.a - tally.c
  tally.remaining = Math.max(0, tally.limit - tally.b)
  tally.resetMs = tally.b === 0 ? 0 : left
  tally.nextMs = left
}
