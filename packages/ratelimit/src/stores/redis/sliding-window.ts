import { Book } from '../../algorithms/algorithm.js'
import { slidingWindow } from '../../algorithms/sliding-window.js'
import type { RedisCounting } from './redis-counting.js'

/**
 * The two counts as fields `c` (this window) and `p` (the one before), in a key that lives to the end of the next window. That life is the
 * only clock, as long as there is a key: more than a window is left of it in this window, less when the next one has begun. So an
 * attempt that passes is `HINCRBY`, `PTTL` and `HGET`, and only a new key asks for the time, to be aligned as in memory.
 *
 * A refused attempt may roll the window; that changes no answer.
 */
export function slidingWindowInRedis(): RedisCounting {
  const scratch = new Book(slidingWindow.width)
  return {
    kind: 'sliding',
    width: 3,
    hasCapacity: false,
    needsNow: false,
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
    // How many windows later the key ends than what was taken said it would: the age of what was taken.
    refund: `
local window, cost, expected = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = call('PTTL', KEYS[1])
if left < 1 then return 0 end
local age = math.floor((left - expected) / window + 0.5)
local field = age == 0 and 'c' or age == 1 and 'p'
if field and call('HINCRBY', KEYS[1], field, -cost) < 0 then call('HSET', KEYS[1], field, 0) end
return 0`,
    refundArgs: ({ mark }, now) => [mark - now],
    answer(tally, [previous = 0, current = 0, left = 0], takes, now) {
      const { window } = tally
      // Any moment will do that is as far from the end of the state.
      const moment = 2 * window - left
      scratch.cells[0] = 2 * window
      scratch.cells[1] = previous
      scratch.cells[2] = current
      const fits = slidingWindow.check(scratch, 0, moment, tally)
      if (takes) slidingWindow.take(scratch, 0, tally)
      else slidingWindow.report(scratch, 0, tally)
      tally.mark = now + left
      return fits
    },
  }
}
