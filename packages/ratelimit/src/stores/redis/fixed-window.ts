import { Book } from '../../algorithms/algorithm.js'
import { fixedWindow } from '../../algorithms/fixed-window.js'
import type { RedisCounting } from './redis-counting.js'

/**
 * The count as a plain integer whose life is what is left of the window, so that an attempt that passes is `INCRBY` and `PTTL`. That life
 * is the only clock: a key without one, or at its end, is none.
 */
export function fixedWindowInRedis(): RedisCounting {
  const scratch = new Book(fixedWindow.width)
  return {
    kind: 'fixed',
    width: 2,
    hasCapacity: false,
    needsNow: false,
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
    // A later window ends at least one window later: half of one tells them apart, however late the messages are.
    refund: `
local window, cost, expected = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = call('PTTL', KEYS[1])
if left > 0 and 2 * math.abs(left - expected) < window and call('DECRBY', KEYS[1], cost) < 1 then
  call('DEL', KEYS[1])
end
return 0`,
    refundArgs: ({ mark }, now) => [mark - now],
    answer(tally, [count = 0, left = 0], takes, now) {
      scratch.cells[0] = now + left
      scratch.cells[1] = count
      const fits = fixedWindow.check(scratch, 0, now, tally)
      if (takes) fixedWindow.take(scratch, 0, tally)
      else fixedWindow.report(scratch, 0, tally)
      return fits
    },
  }
}
