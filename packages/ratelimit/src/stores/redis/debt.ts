import { type Algorithm, Book } from '../../algorithms/algorithm.js'
import type { RedisCounting } from './redis-counting.js'

/**
 * The debt, its moment and its speed as three doubles, which keep every digit and are read in one step; the key lives until it is worked off.
 *
 * @param counting `debt`, or `debtQueue`, whose admitted attempts wait
 */
export function debtInRedis(counting: Algorithm): RedisCounting {
  const scratch = new Book(counting.width)
  return {
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
local window, cost, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local mark, depth = tonumber(ARGV[4]), tonumber(ARGV[5])
local state = call('GET', KEYS[1])
if not state then return 0 end
local owed, since, speed = struct.unpack('<ddd', state)
local open = math.min(cost * window, depth - math.max(0, now - mark) * math.max(limit, speed))
if open <= 0 then return 0 end
owed = math.max(0, owed - open)
local life = since + math.ceil(owed / speed) - now
if life < 1 then
  call('DEL', KEYS[1])
else
  call('SET', KEYS[1], struct.pack('<ddd', owed, since, speed), 'PX', life)
end
return 0`,
    refundArgs: ({ limit, mark, depth }) => [limit, mark, depth],
    answer(tally, [owed = 0, moment = 0], takes) {
      scratch.cells[1] = owed
      scratch.cells[2] = moment
      scratch.cells[3] = tally.limit
      const fits = counting.check(scratch, 0, moment, tally)
      if (takes) counting.take(scratch, 0, tally)
      else counting.report(scratch, 0, tally)
      return fits
    },
  }
}
