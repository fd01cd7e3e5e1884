import { type Algorithm, type Book, cell, type Taken, type Tally } from './algorithm.js'

/**
 * State `{end, n}`. The window begins with the first attempt and ends `window` later, whatever happens in it.
 *
 * Up to twice the limit can pass around the moment between two windows: use `sliding-window` where that matters.
 * In the tally: `a` end, `b` count, `c` now.
 */
export const fixedWindow: Algorithm = {
  width: 2,
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

function check({ cells }: Book, slot: number, now: number, tally: Tally): boolean {
  const at = slot * 2
  let end = cell(cells, at)
  let count = cell(cells, at + 1)
  if (count === 0 || now >= end) {
    end = now + tally.window
    count = 0
  }
  tally.a = end
  tally.b = count
  tally.c = Math.max(now, end - tally.window)
  return count + tally.cost <= tally.limit
}

function take({ cells }: Book, slot: number, tally: Tally): void {
  const at = slot * 2
  tally.b += tally.cost
  cells[at] = tally.a
  cells[at + 1] = tally.b
  tally.mark = tally.a
  answer(tally)
  tally.retryMs = 0
}

function report(_book: Book, _slot: number, tally: Tally): void {
  answer(tally)
  tally.retryMs = tally.nextMs
}

function refund({ cells }: Book, slot: number, now: number, _window: number, taken: Taken): void {
  const at = slot * 2
  const end = cell(cells, at)
  if (end !== taken.mark || now >= end) return
  cells[at + 1] = Math.max(0, cell(cells, at + 1) - taken.cost)
}

function answer(tally: Tally): void {
  const left = tally.a - tally.c
  tally.remaining = Math.max(0, tally.limit - tally.b)
  tally.resetMs = tally.b === 0 ? 0 : left
  tally.nextMs = left
}
