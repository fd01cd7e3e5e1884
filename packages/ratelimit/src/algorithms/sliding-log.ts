import { type Algorithm, type Book, cell, type Taken, type Tally } from './algorithm.js'

/** The most attempts whose times are kept for one key. */
export const LONGEST_LOG = 10_000

/**
 * State: a ring of the times of all live attempts, `{end, head, n}` in the book. Exact at every moment, at eight bytes an attempt:
 * for low limits that must hold to the millisecond.
 *
 * In the tally: `a` head, `b` count, `c` now.
 */
export const slidingLog: Algorithm = {
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
  const at = slot * 3
  let head = cell(book.cells, at + 1)
  let count = cell(book.cells, at + 2)
  const ring = book.rings[slot]
  let moment = now
  if (ring !== undefined && count > 0) {
    moment = Math.max(now, timeAt(ring, head, count - 1))
    while (count > 0 && moment - timeAt(ring, head, 0) >= tally.window) {
      head = wrapped(head + 1, ring)
      count--
    }
    book.cells[at + 1] = head
    book.cells[at + 2] = count
  }
  tally.a = head
  tally.b = count
  tally.c = moment
  return count + tally.cost <= tally.limit
}

function take(book: Book, slot: number, tally: Tally): void {
  const at = slot * 3
  const ring = roomFor(book, slot, tally)
  for (let i = 0; i < tally.cost; i++) ring[wrapped(tally.a + tally.b + i, ring)] = tally.c
  tally.b += tally.cost
  book.cells[at] = tally.c + tally.window
  book.cells[at + 1] = tally.a
  book.cells[at + 2] = tally.b
  tally.mark = tally.c
  answer(book, slot, tally)
  tally.retryMs = 0
}

function report(book: Book, slot: number, tally: Tally): void {
  answer(book, slot, tally)
  tally.retryMs = until(book, slot, tally, tally.b + tally.cost - tally.limit - 1)
}

function refund(book: Book, slot: number, now: number, window: number, taken: Taken): void {
  const ring = book.rings[slot]
  const at = slot * 3
  const head = cell(book.cells, at + 1)
  const count = cell(book.cells, at + 2)
  if (ring === undefined || now - taken.mark >= window) return
  let kept = 0
  let left = taken.cost
  for (let i = 0; i < count; i++) {
    const time = timeAt(ring, head, i)
    if (time === taken.mark && left > 0) left--
    else ring[wrapped(head + kept++, ring)] = time
  }
  book.cells[at + 2] = kept
}

function answer(book: Book, slot: number, tally: Tally): void {
  tally.remaining = Math.max(0, tally.limit - tally.b)
  tally.resetMs = until(book, slot, tally, tally.b - 1)
  tally.nextMs = until(book, slot, tally, Math.max(0, tally.b - tally.limit))
}

/** Milliseconds until the attempt at this place, counted from the oldest, is no longer live; 0 when there is none. */
function until(book: Book, slot: number, tally: Tally, place: number): number {
  const ring = book.rings[slot]
  if (ring === undefined || place < 0 || place >= tally.b) return 0
  return timeAt(ring, tally.a, place) + tally.window - tally.c
}

function timeAt(ring: Float64Array, head: number, place: number): number {
  return cell(ring, wrapped(head + place, ring))
}

/** No place is a whole round away; and `%` is slow on numbers that are doubles to the compiler. */
function wrapped(at: number, { length }: Float64Array): number {
  return at < length ? at : at - length
}

/** The slot's ring with room for the cost; it grows with use, so that a key seen once costs next to nothing. */
function roomFor(book: Book, slot: number, tally: Tally): Float64Array {
  const needed = tally.b + tally.cost
  const ring = book.rings[slot]
  if (ring !== undefined && ring.length >= needed) return ring
  const grown = new Float64Array(Math.min(tally.limit, Math.max(4, needed * 2)))
  if (ring !== undefined) for (let i = 0; i < tally.b; i++) grown[i] = timeAt(ring, tally.a, i)
  book.rings[slot] = grown
  tally.a = 0
  return grown
}
