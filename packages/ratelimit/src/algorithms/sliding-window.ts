import type { Attempt } from '../counting/attempt.js'
import { type Algorithm, exactProducts } from './algorithm.js'
import type { Counting } from './counting.js'
import type { RedisCounting } from './redis-counting.js'

/**
 * The cells of a key: the counts of an aligned window and of the one before it, and when both mean
 * nothing any more, two windows after the current one began.
 */
const END = 0
const PREVIOUS = 1
const CURRENT = 2
const WIDTH = 3

/**
 * The count of the window before fades out evenly while the current one passes. Three numbers a key
 * and no burst between two windows. The estimate takes the attempts of the window before for evenly
 * spread.
 */
const memory: Counting = {
  width: WIDTH,
  step({ cells }, slot, now, attempt) {
    const { cost, limit, window } = attempt
    const at = slot * WIDTH
    const left = window - roll(cells, at, now, window)
    const previous = cells[at + PREVIOUS] as number
    const after = (cells[at + CURRENT] as number) + cost
    const fits = previous * left + after * window <= limit * window
    if (fits) cells[at + CURRENT] = after
    answer(attempt, previous, cells[at + CURRENT] as number, left)
    attempt.retryMs = fits ? 0 : retryOf(attempt, cost, previous, after - cost, left)
    attempt.mark = cells[at + END] as number
    return fits
  },
  refund({ cells }, slot, now, { mark, window }, amount) {
    const at = slot * WIDTH
    const end = cells[at + END] as number
    if (now >= end) return
    const age = end - mark
    const where = age === 0 ? CURRENT : age === window ? PREVIOUS : -1
    if (where >= 0) cells[at + where] = Math.max(0, (cells[at + where] as number) - amount)
  },
  charge({ cells }, slot, now, { window }, amount, most) {
    const at = slot * WIDTH
    roll(cells, at, now, window)
    cells[at + CURRENT] = Math.min(most, (cells[at + CURRENT] as number) + amount)
  },
}

/**
 * Makes the window of `now` the current one, and returns how many milliseconds of it have passed.
 */
function roll(cells: Float64Array, at: number, now: number, window: number): number {
  const end = cells[at + END] as number
  const elapsed = now - (end - 2 * window)
  if (elapsed < window) return Math.max(0, elapsed)
  const isNext = elapsed < 2 * window
  const start = isNext ? end - window : Math.floor(now / window) * window
  cells[at + END] = start + 2 * window
  cells[at + PREVIOUS] = isNext ? (cells[at + CURRENT] as number) : 0
  cells[at + CURRENT] = 0
  return now - start
}

function answer(attempt: Attempt, previous: number, current: number, left: number): void {
  const { limit, window } = attempt
  const used = previous * left + current * window
  attempt.remaining = Math.max(0, Math.floor((limit * window - used) / window))
  attempt.resetMs = current > 0 ? window + left : previous > 0 ? left : 0
  attempt.nextMs = attempt.remaining === 0 ? retryOf(attempt, 1, previous, current, left) : left
}

/**
 * The first moment at which `cost` fits, if nothing else comes: in this window while the one before
 * fades, or in the next.
 */
function retryOf(
  { limit, window }: Attempt,
  cost: number,
  previous: number,
  current: number,
  left: number,
): number {
  const room = limit - current - cost
  if (room >= 0 && previous > 0) {
    const from = window - Math.floor((room * window) / previous)
    if (from < window) return Math.max(0, from - (window - left))
  }
  return left + (current > 0 ? Math.max(0, window - Math.floor(((limit - cost) * window) / current)) : 0)
}

/**
 * The two counts as fields `c` (this window) and `p` (the one before), in a key that lives to the
 * end of the next window. That life is the only clock, as long as there is a key: more than a
 * window is left of it in this window, less when the next one has begun. So an attempt that passes
 * is `HINCRBY`, `PTTL` and `HGET`, and only a new key asks for the time, to be aligned as in
 * memory.
 *
 * A refused attempt may roll the window; that changes no answer.
 */
const redis: RedisCounting = {
  kind: 'sliding',
  width: 3,
  hasCapacity: false,
  needsNow: false,
  counting: memory,
  look: ({ key, window, limit, cost, costText, fits, state: [prev = '', cur = '', left = ''] }) => `
local ${prev}, ${cur}, ${left} = 0, 0, 0
if ${cost} == 0 then
  ${left} = call('PTTL', ${key})
  if ${left} > ${window} then
    ${prev}, ${cur} = tonumber(call('HGET', ${key}, 'p')), tonumber(call('HGET', ${key}, 'c'))
  elseif ${left} > 0 then
    ${prev}, ${left} = tonumber(call('HGET', ${key}, 'c')), ${left} + ${window}
  else
    ${left} = ${2 * window} - server_time() % ${window}
  end
else
  ${cur}, ${left} = call('HINCRBY', ${key}, 'c', ${costText}) - ${cost}, call('PTTL', ${key})
  if ${left} > ${window} then
    ${prev} = tonumber(call('HGET', ${key}, 'p'))
  else
    if ${left} > 0 then
      ${prev}, ${left} = ${cur}, ${left} + ${window}
    else
      ${left} = ${2 * window} - server_time() % ${window}
    end
    ${cur} = 0
    call('HSET', ${key}, 'p', string.format('%.0f', ${prev}), 'c', ${costText})
    call('PEXPIRE', ${key}, ${left})
  end
end
local ${fits} = ${prev} * (math.min(${left}, ${2 * window}) - ${window}) + (${cur} + ${cost}) * ${window} <= ${limit} * ${window}`,
  undo: ({ key, cost, state: [prev = ''] }) => `
if ${cost} > 0 and call('HINCRBY', ${key}, 'c', -${cost}) < 1 and ${prev} == 0 then call('DEL', ${key}) end`,
  // How many windows later the key ends than what was taken said it would: the age of what was
  // taken.
  refund: `
local left = call('PTTL', KEYS[1])
if left < 1 then return 0 end
local age = math.floor((left - mark) / window + 0.5)
local field = age == 0 and 'c' or age == 1 and 'p'
if field and call('HINCRBY', KEYS[1], field, -amount) < 0 then call('HSET', KEYS[1], field, 0) end
return 0`,
  charge: `
local left, previous, current = call('PTTL', KEYS[1]), 0, 0
if left > 0 then previous, current = call('HGET', KEYS[1], 'p'), tonumber(call('HGET', KEYS[1], 'c')) end
if left < 1 then
  left = 2 * window - server_time() % window
elseif left <= window then
  previous, current, left = current, 0, left + window
end
current = string.format('%.0f', math.min(most, current + amount))
call('HSET', KEYS[1], 'p', string.format('%.0f', previous), 'c', current)
call('PEXPIRE', KEYS[1], left)
return 0`,
  markOf: ({ mark }, now) => mark - now,
  restore(cells, [previous = 0, current = 0, left = 0], now) {
    cells[END] = now + left
    cells[PREVIOUS] = previous
    cells[CURRENT] = current
    return now
  },
}

export const slidingWindow: Algorithm = {
  memory,
  redis: () => redis,
  isBucket: false,
  maxLimit: exactProducts,
}
