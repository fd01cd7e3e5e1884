import { type Algorithm, type Book, cell, type Taken, type Tally } from './algorithm.js'

/**
 * State `{clear, d, t, speed}`: a debt of `d` at the moment `t`, which shrinks by `speed` every millisecond; one unit of cost weighs `window`, so that
 * all of it is whole numbers; at `clear` it is worked off. One exact engine for the token bucket (`capacity` tokens), the leaky bucket as a meter, and GCRA.
 *
 * The speed is the limit of the attempt that came last. What has passed by then has passed at the speed of before, so that a limit that is lowered
 * or raised neither forgets a debt at once nor pays for it, and `clear` always says when the state means nothing any more.
 *
 * In the tally: `a` debt, `b` now.
 */
export const debt: Algorithm = {
  width: 4,
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

/** The leaky bucket as a queue: the same debt, and an admitted attempt waits until what came before it is worked off. */
export const debtQueue: Algorithm = {
  width: 4,
  check,
  take: takeInTurn,
  report,
  refund,
  attempt(book, slot, now, tally) {
    if (!check(book, slot, now, tally)) return false
    takeInTurn(book, slot, tally)
    return true
  },
}

function check({ cells }: Book, slot: number, now: number, tally: Tally): boolean {
  const at = slot * 4
  const since = cell(cells, at + 2)
  const speed = cell(cells, at + 3)
  const moment = Math.max(now, since)
  const left = cell(cells, at + 1) - (moment - since) * speed
  const owed = Math.max(left, 0)
  if (speed !== tally.limit && owed > 0) changeSpeed(cells, at, moment, owed, tally.limit)
  tally.a = owed
  tally.b = moment
  return owed + tally.cost * tally.window <= tally.capacity * tally.window
}

function changeSpeed(cells: Float64Array, at: number, moment: number, owed: number, speed: number): void {
  // A limit of 0 refuses all, and what was counted under another passes as it would.
  if (speed === 0) return
  cells[at] = moment + Math.ceil(owed / speed)
  cells[at + 1] = owed
  cells[at + 2] = moment
  cells[at + 3] = speed
}

function take({ cells }: Book, slot: number, tally: Tally): void {
  const at = slot * 4
  tally.a += tally.cost * tally.window
  answer(tally)
  cells[at] = tally.b + tally.resetMs
  cells[at + 1] = tally.a
  cells[at + 2] = tally.b
  cells[at + 3] = tally.limit
  tally.mark = tally.b
  tally.depth = tally.a
  tally.retryMs = 0
}

function takeInTurn(book: Book, slot: number, tally: Tally): void {
  const ahead = tally.a
  take(book, slot, tally)
  tally.delayMs = Math.ceil(ahead / tally.limit)
}

function report(_book: Book, _slot: number, tally: Tally): void {
  answer(tally)
  const over = tally.a + (tally.cost - tally.capacity) * tally.window
  tally.retryMs = over > 0 ? Math.ceil(over / tally.limit) : 0
}

/**
 * A debt is worked off first come, first served: what was taken is the last part of the debt of that moment. Only as much of it as
 * is not yet worked off is given back, so that a slow refund never pays for somebody else's attempts. When the speed has changed meanwhile, the
 * faster one is taken for all of the time.
 */
function refund({ cells }: Book, slot: number, now: number, window: number, taken: Taken): void {
  const at = slot * 4
  const speed = Math.max(taken.limit, cell(cells, at + 3))
  const open = Math.min(taken.cost * window, taken.depth - Math.max(0, now - taken.mark) * speed)
  if (open > 0) cells[at + 1] = Math.max(0, cell(cells, at + 1) - open)
}

function answer(tally: Tally): void {
  const { a: owed, window, limit } = tally
  tally.remaining = Math.max(0, Math.floor((tally.capacity * window - owed) / window))
  tally.resetMs = Math.ceil(owed / limit)
  // A division and a product are exact here, and several times faster than `%` on numbers of this size.
  tally.nextMs = Math.ceil((owed - Math.floor(owed / window) * window || window) / limit)
}
