import type { RedisCounting } from './redis-counting.js'

/**
 * The times as a list, oldest first. It stays in Redis but for three of them: the one whose end makes room, the newest, and the one in the
 * way of this cost; so the answers are made here from those, with the formulas of the log in memory.
 */
export function slidingLogInRedis(): RedisCounting {
  return {
    kind: 'log',
    width: 5,
    hasCapacity: false,
    needsNow: true,
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
local window, cost, mark = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if now - mark < window then call('LREM', KEYS[1], -cost, ARGV[3]) end
return 0`,
    refundArgs: ({ mark }) => [mark],
    answer(tally, [count = 0, now = 0, first = 0, newest = 0, inTheWay = 0], takes) {
      const until = (time: number) => (time === 0 ? 0 : time + tally.window - now)
      tally.b = takes ? count + tally.cost : count
      tally.remaining = Math.max(0, tally.limit - tally.b)
      tally.mark = now
      tally.resetMs = takes ? tally.window : until(newest)
      tally.nextMs = takes && count === 0 ? tally.window : until(first)
      tally.retryMs = takes ? 0 : until(inTheWay)
      return count + tally.cost <= tally.limit
    },
  }
}
