import type { Attempt } from '../counting/attempt.js'
import type { Algorithm } from './algorithm.js'
import type { Counting, States } from './counting.js'
import type { RedisCounting } from './redis-counting.js'

/** The most attempts whose times are kept for one key. */
export const LONGEST_LOG = 10_000

/**
 * The cells of a key: when its newest attempt is no longer live, where the oldest is in the ring,
 * and how many there are.
 */
const END = 0
const HEAD = 1
const COUNT = 2
const WIDTH = 3

/**
 * A ring of the times of all live attempts. Exact at every moment, at eight bytes an attempt: for
 * low limits that must hold to the millisecond.
 */
const memory: Counting = {
  width: WIDTH,
  step(states, slot, now, attempt) {
    const { cost, limit, window } = attempt
    const moment = dropDead(states, slot, now, window)
    const count = states.cells[slot * WIDTH + COUNT] as number
    const fits = count + cost <= limit
    if (fits && cost > 0) append(states, slot, moment, window, cost, limit)
    const after = fits ? count + cost : count
    attempt.mark = moment
    attempt.remaining = Math.max(0, limit - after)
    attempt.resetMs = until(states, slot, attempt, after - 1)
    attempt.nextMs = until(states, slot, attempt, Math.max(0, after - limit))
    attempt.retryMs = fits ? 0 : until(states, slot, attempt, count + cost - limit - 1)
    return fits
  },
  /** From the newest to the oldest: what was taken last is found first. */
  refund({ cells, rings }, slot, now, { mark, window }, amount) {
    const ring = rings[slot]
    if (ring === undefined || now - mark >= window) return
    const at = slot * WIDTH
    const head = cells[at + HEAD] as number
    const count = cells[at + COUNT] as number
    let place = count - 1
    while (place >= 0 && timeAt(ring, head, place) > mark) place--
    let left = 0
    while (left < amount && place - left >= 0 && timeAt(ring, head, place - left) === mark) left++
    for (let i = place + 1; i < count; i++) ring[wrapped(head + i - left, ring)] = timeAt(ring, head, i)
    cells[at + COUNT] = count - left
  },
  /**
   * As many times as the limit keep a key from passing for a whole window: more would change
   * nothing.
   */
  charge(states, slot, now, { limit, window }, amount, most) {
    const moment = dropDead(states, slot, now, window)
    const at = slot * WIDTH
    const added = Math.min(amount, limit)
    const dropped = Math.max(0, (states.cells[at + COUNT] as number) + added - most)
    const ring = states.rings[slot]
    if (ring !== undefined && dropped > 0) {
      states.cells[at + HEAD] = wrapped((states.cells[at + HEAD] as number) + dropped, ring)
      states.cells[at + COUNT] = (states.cells[at + COUNT] as number) - dropped
    }
    append(states, slot, moment, window, added, most)
  },
}

/**
 * Drops the attempts that are no longer live, and returns the moment: not before the newest, if the
 * clock has stepped back.
 */
function dropDead({ cells, rings }: States, slot: number, now: number, window: number): number {
  const at = slot * WIDTH
  const ring = rings[slot]
  let count = cells[at + COUNT] as number
  if (ring === undefined || count === 0) return now
  let head = cells[at + HEAD] as number
  const moment = Math.max(now, timeAt(ring, head, count - 1))
  while (count > 0 && moment - timeAt(ring, head, 0) >= window) {
    head = wrapped(head + 1, ring)
    count--
  }
  cells[at + HEAD] = head
  cells[at + COUNT] = count
  return moment
}

function append(
  states: States,
  slot: number,
  moment: number,
  window: number,
  cost: number,
  most: number,
): void {
  const { cells } = states
  const at = slot * WIDTH
  const count = cells[at + COUNT] as number
  const ring = roomFor(states, slot, count + cost, most)
  const next = (cells[at + HEAD] as number) + count
  for (let i = 0; i < cost; i++) ring[wrapped(next + i, ring)] = moment
  cells[at + END] = moment + window
  cells[at + COUNT] = count + cost
}

/**
 * The slot's ring with room for so many; it grows with use, so that a key seen once costs next to
 * nothing.
 */
function roomFor({ cells, rings }: States, slot: number, needed: number, most: number): Float64Array {
  const at = slot * WIDTH
  const ring = rings[slot]
  if (ring !== undefined && ring.length >= needed) return ring
  const grown = new Float64Array(Math.max(needed, Math.min(most, Math.max(4, needed * 2))))
  const head = cells[at + HEAD] as number
  const count = cells[at + COUNT] as number
  if (ring !== undefined) for (let i = 0; i < count; i++) grown[i] = timeAt(ring, head, i)
  rings[slot] = grown
  cells[at + HEAD] = 0
  return grown
}

/**
 * Milliseconds until the attempt at this place, counted from the oldest, is no longer live; 0 if
 * the place is empty.
 */
function until({ cells, rings }: States, slot: number, attempt: Attempt, place: number): number {
  const ring = rings[slot]
  const at = slot * WIDTH
  if (ring === undefined || place < 0 || place >= (cells[at + COUNT] as number)) return 0
  return timeAt(ring, cells[at + HEAD] as number, place) + attempt.window - attempt.mark
}

function timeAt(ring: Float64Array, head: number, place: number): number {
  return ring[wrapped(head + place, ring)] as number
}

/** No place is a whole round away; and `%` is slow on numbers that are doubles to the compiler. */
function wrapped(at: number, { length }: Float64Array): number {
  return at < length ? at : at - length
}

/**
 * Positions in the answer of Redis about a log: the count and the moment, then the times of three
 * attempts, 0 for a missing one.
 */
const FOUND_COUNT = 0
const FOUND_MOMENT = 1
const FOUND_FIRST = 2
const FOUND_NEWEST = 3
const FOUND_IN_THE_WAY = 4
const FOUND_WIDTH = 5

/**
 * Makes the answers of the log from what was found, without the times in between. It keeps nothing.
 */
const found: Counting = {
  width: FOUND_WIDTH,
  step({ cells }, _slot, now, attempt) {
    const { cost, limit, window } = attempt
    const until = (which: number) => (cells[which] === 0 ? 0 : (cells[which] as number) + window - now)
    const count = cells[FOUND_COUNT] as number
    const fits = count + cost <= limit
    const takes = fits && cost > 0
    attempt.mark = now
    attempt.remaining = Math.max(0, limit - count - (takes ? cost : 0))
    attempt.resetMs = takes ? window : until(FOUND_NEWEST)
    attempt.nextMs = takes && count === 0 ? window : until(FOUND_FIRST)
    attempt.retryMs = fits ? 0 : until(FOUND_IN_THE_WAY)
    return fits
  },
  refund() {},
  charge() {},
}

/**
 * The times as a list, oldest first. It stays in Redis but for three of them: the one whose end
 * makes room, the newest, and the one in the way of this cost; so the answers are made here from
 * those, with the formulas of the log in memory.
 */
const redis: RedisCounting = {
  kind: 'log',
  width: FOUND_WIDTH,
  hasCapacity: false,
  needsNow: true,
  counting: found,
  look: ({ key, window, limit, cost, fits, state }) => {
    const [count = '', moment = '', first = '', newest = '', inTheWay = ''] = state
    return `
local ${count}, ${moment} = call('LLEN', ${key}), now
if ${count} > 0 then
  ${moment} = math.max(now, tonumber(call('LINDEX', ${key}, -1)))
  local dead = 0
  while dead < ${count} and ${moment} - tonumber(call('LINDEX', ${key}, dead)) >= ${window} do dead = dead + 1 end
  if dead > 0 then call('LTRIM', ${key}, dead, -1) end
  ${count} = ${count} - dead
end
local function at(place)
  if place < 0 or place >= ${count} then return 0 end
  return tonumber(call('LINDEX', ${key}, place))
end
local ${first}, ${newest} = at(math.max(0, ${count} - ${limit})), at(${count} - 1)
local ${inTheWay} = at(${count} + ${cost} - ${limit} - 1)
local ${fits} = ${count} + ${cost} <= ${limit}`
  },
  take: ({ key, window, cost, state: [, moment = ''] }) => `
if ${cost} > 0 then
  for _ = 1, ${cost} do call('RPUSH', ${key}, string.format('%.0f', ${moment})) end
  call('PEXPIRE', ${key}, '${window}')
end`,
  refund: `
if now - mark < window then call('LREM', KEYS[1], string.format('%.0f', -amount), string.format('%.0f', mark)) end
return 0`,
  charge: `
local newest = call('LINDEX', KEYS[1], -1)
local moment = string.format('%.0f', newest and math.max(now, tonumber(newest)) or now)
for _ = 1, math.min(amount, limit) do call('RPUSH', KEYS[1], moment) end
call('LTRIM', KEYS[1], string.format('%.0f', -most), -1)
call('PEXPIRE', KEYS[1], window)
return 0`,
  markOf: ({ mark }) => mark,
  restore(cells, state) {
    cells.set(state)
    return state[FOUND_MOMENT] ?? 0
  },
}

export const slidingLog: Algorithm = {
  memory,
  redis: () => redis,
  isBucket: false,
  maxLimit: () => LONGEST_LOG,
}
