import type { Attempt } from '../counting/attempt.js'
import { type Algorithm, exactProducts } from './algorithm.js'
import type { Counting } from './counting.js'
import type { RedisCounting } from './redis-counting.js'

/** The cells of a key: the end of its window, and what was counted in it. */
const END = 0
const COUNT = 1
const WIDTH = 2

/**
 * The window begins with the first attempt and ends `window` later, whatever happens in it. Up to
 * twice the limit can pass around the moment between two windows: use `sliding-window` where that
 * matters.
 */
const memory: Counting = {
  width: WIDTH,
  step(states, slot, now, attempt) {
    const { cells } = states
    const at = slot * WIDTH
    begin(cells, at, now, attempt.window)
    const after = (cells[at + COUNT] as number) + attempt.cost
    const fits = after <= attempt.limit
    if (fits) cells[at + COUNT] = after
    answer(attempt, cells[at + END] as number, cells[at + COUNT] as number, now)
    attempt.retryMs = fits ? 0 : attempt.nextMs
    return fits
  },
  refund({ cells }, slot, now, { mark }, amount) {
    const at = slot * WIDTH
    const end = cells[at + END] as number
    if (end === mark && now < end) cells[at + COUNT] = Math.max(0, (cells[at + COUNT] as number) - amount)
  },
  charge({ cells }, slot, now, { window }, amount, most) {
    const at = slot * WIDTH
    begin(cells, at, now, window)
    cells[at + COUNT] = Math.min(most, (cells[at + COUNT] as number) + amount)
  },
}

/** Begins a window, where none is open. */
function begin(cells: Float64Array, at: number, now: number, window: number): void {
  if (cells[at + COUNT] !== 0 && now < (cells[at + END] as number)) return
  cells[at + END] = now + window
  cells[at + COUNT] = 0
}

function answer(attempt: Attempt, end: number, count: number, now: number): void {
  const left = Math.min(end - now, attempt.window)
  attempt.remaining = Math.max(0, attempt.limit - count)
  attempt.resetMs = count === 0 ? 0 : left
  attempt.nextMs = left
  attempt.mark = end
}

/**
 * The count as a plain integer whose life is the rest of the window: an attempt that passes is
 * `INCRBY` and `PTTL`. That life is the only clock: a key without one, or at its end, counts as
 * absent.
 */
const redis: RedisCounting = {
  kind: 'fixed',
  width: 2,
  hasCapacity: false,
  needsNow: false,
  counting: memory,
  look: ({ key, window, limit, cost, costText, fits, state: [count = '', left = ''] }) => `
local ${count}, ${left}
if ${cost} == 0 then
  ${left} = call('PTTL', ${key})
  ${count} = ${left} > 0 and tonumber(call('GET', ${key})) or 0
else
  ${count}, ${left} = call('INCRBY', ${key}, ${costText}), 0
  if ${count} > ${cost} then ${left} = call('PTTL', ${key}) end
  if ${left} < 1 then
    call('SET', ${key}, ${costText}, 'PX', '${window}')
    ${count}, ${left} = ${cost}, ${window}
  end
  ${count} = ${count} - ${cost}
end
local ${fits} = ${count} + ${cost} <= ${limit}`,
  undo: ({ key, cost, costText }) => `
if ${cost} > 0 and call('DECRBY', ${key}, ${costText}) < 1 then call('DEL', ${key}) end`,
  // A later window ends at least one window later: half of one tells them apart, however late the
  // messages are.
  refund: `
local left = call('PTTL', KEYS[1])
if left > 0 and 2 * math.abs(left - mark) < window and call('DECRBY', KEYS[1], amount) < 1 then
  call('DEL', KEYS[1])
end
return 0`,
  charge: `
local left, count = call('PTTL', KEYS[1]), 0
if left > 0 then count = tonumber(call('GET', KEYS[1])) else left = window end
call('SET', KEYS[1], string.format('%.0f', math.min(most, count + amount)), 'PX', left)
return 0`,
  markOf: ({ mark }, now) => mark - now,
  restore(cells, [count = 0, left = 0], now) {
    cells[END] = now + left
    cells[COUNT] = count
    return now
  },
}

export const fixedWindow: Algorithm = {
  memory,
  redis: () => redis,
  isBucket: false,
  maxLimit: exactProducts,
}
