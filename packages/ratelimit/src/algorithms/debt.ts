import type { Attempt } from '../counting/attempt.js'
import { type Algorithm, exactProducts } from './algorithm.js'
import type { Counting } from './counting.js'
import type { RedisCounting } from './redis-counting.js'

/**
 * The cells of a key: a debt at a moment, which shrinks by `SPEED` every millisecond, and when it
 * is worked off. One unit of cost weighs `window`, so all of it is whole numbers.
 */
const CLEAR = 0
const OWED = 1
const SINCE = 2
const SPEED = 3
const WIDTH = 4

/**
 * One exact engine for the token bucket (`capacity` tokens), the leaky bucket as a meter, and GCRA.
 *
 * The speed is the limit of the last attempt. Time before that has passed at the earlier speed: a
 * limit that is lowered or raised neither clears a debt at once nor pays for it.
 */
const memory: Counting = {
  width: WIDTH,
  step({ cells }, slot, now, attempt) {
    const { cost, limit, capacity, window } = attempt
    const at = slot * WIDTH
    const moment = Math.max(now, cells[at + SINCE] as number)
    const before = owedAt(cells, at, moment)
    const after = before + cost * window
    const over = after - capacity * window
    const owed = over > 0 ? before : after
    answer(attempt, owed)
    attempt.retryMs = over > 0 ? Math.ceil(over / limit) : 0
    attempt.mark = moment
    attempt.depth = owed
    write(cells, at, moment, owed, limit, attempt.resetMs)
    return over <= 0
  },
  /**
   * A debt is worked off first come, first served: what was taken is the last part of the debt of
   * that moment. Only as much of it as is not yet worked off is given back, so that a slow refund
   * never pays for another attempt. When the speed has changed meanwhile, the faster one is taken
   * for all of the time.
   */
  refund({ cells }, slot, now, { limit, window, mark, depth }, amount) {
    const at = slot * WIDTH
    const speed = Math.max(limit, cells[at + SPEED] as number)
    const open = Math.min(amount * window, depth - Math.max(0, now - mark) * speed)
    if (open > 0) cells[at + OWED] = Math.max(0, (cells[at + OWED] as number) - open)
  },
  charge({ cells }, slot, now, { limit, window }, amount, most) {
    const at = slot * WIDTH
    const moment = Math.max(now, cells[at + SINCE] as number)
    const before = owedAt(cells, at, moment)
    const speed = before > 0 ? (cells[at + SPEED] as number) : limit
    const owed = Math.min(most * window, before + amount * window)
    write(cells, at, moment, owed, speed, Math.ceil(owed / speed))
  },
}

/**
 * The leaky bucket as a queue: the same debt, and an admitted attempt waits until what came before
 * it is worked off.
 */
const queued: Counting = {
  ...memory,
  step(states, slot, now, attempt) {
    const fits = memory.step(states, slot, now, attempt)
    const ahead = attempt.depth - attempt.cost * attempt.window
    attempt.delayMs = fits ? Math.ceil(ahead / attempt.limit) : 0
    return fits
  },
}

/** What is left of a debt at a moment that is not before its own. */
function owedAt(cells: Float64Array, at: number, moment: number): number {
  const passed = moment - (cells[at + SINCE] as number)
  return Math.max(0, (cells[at + OWED] as number) - passed * (cells[at + SPEED] as number))
}

function write(
  cells: Float64Array,
  at: number,
  moment: number,
  owed: number,
  speed: number,
  clearMs: number,
): void {
  cells[at + CLEAR] = moment + clearMs
  cells[at + OWED] = owed
  cells[at + SINCE] = moment
  cells[at + SPEED] = speed
}

function answer(attempt: Attempt, owed: number): void {
  const { window, limit } = attempt
  attempt.remaining = Math.max(0, Math.floor((attempt.capacity * window - owed) / window))
  attempt.resetMs = Math.ceil(owed / limit)
  // A division and a product are exact here, and several times faster than `%` on numbers of this
  // size.
  attempt.nextMs = Math.ceil((owed - Math.floor(owed / window) * window || window) / limit)
}

/**
 * The debt, its moment and its speed as three doubles, which keep every digit and are read in one
 * step; the key lives until it is worked off.
 */
const redis: Omit<RedisCounting, 'counting'> = {
  kind: 'debt',
  width: 2,
  hasCapacity: true,
  needsNow: true,
  look: ({ key, window, limit, cost, capacity, fits, state: [owed = '', moment = ''] }) => `
local ${owed}, ${moment} = 0, now
local text = call('GET', ${key})
if text then
  local since, speed
  ${owed}, since, speed = struct.unpack('<ddd', text)
  ${moment} = math.max(now, since)
  ${owed} = math.max(0, ${owed} - (${moment} - since) * speed)
  if speed ~= ${limit} and ${owed} > 0 and ${limit} > 0 then
    call('SET', ${key}, struct.pack('<ddd', ${owed}, ${moment}, ${limit}), 'PX', math.ceil(${owed} / ${limit}))
  end
end
local ${fits} = ${owed} + ${cost} * ${window} <= ${capacity} * ${window}`,
  take: ({ key, window, limit, cost, state: [owed = '', moment = ''] }) => `
if ${cost} > 0 then
  local after = ${owed} + ${cost} * ${window}
  call('SET', ${key}, struct.pack('<ddd', after, ${moment}, ${limit}), 'PX', math.ceil(after / ${limit}))
end`,
  refund: `
local state = call('GET', KEYS[1])
if not state then return 0 end
local owed, since, speed = struct.unpack('<ddd', state)
local open = math.min(amount * window, depth - math.max(0, now - mark) * math.max(limit, speed))
if open <= 0 then return 0 end
owed = math.max(0, owed - open)
local life = since + math.ceil(owed / speed) - now
if life < 1 then
  call('DEL', KEYS[1])
else
  call('SET', KEYS[1], struct.pack('<ddd', owed, since, speed), 'PX', life)
end
return 0`,
  charge: `
local owed, moment, speed = 0, now, limit
local state = call('GET', KEYS[1])
if state then
  local since, known
  owed, since, known = struct.unpack('<ddd', state)
  moment = math.max(now, since)
  owed = math.max(0, owed - (moment - since) * known)
  if owed > 0 then speed = known end
end
owed = math.min(most * window, owed + amount * window)
call('SET', KEYS[1], struct.pack('<ddd', owed, moment, speed), 'PX', moment + math.ceil(owed / speed) - now)
return 0`,
  markOf: ({ mark }) => mark,
  restore(cells, [owed = 0, moment = 0], _now, limit) {
    cells[OWED] = owed
    cells[SINCE] = moment
    cells[SPEED] = limit
    return moment
  },
}

export const debt: Algorithm = {
  memory,
  redis: counting => ({ ...redis, counting }),
  isBucket: true,
  maxLimit: exactProducts,
}

export const debtQueue: Algorithm = { ...debt, queued }
