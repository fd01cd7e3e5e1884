import type { Clock } from '@palisade/core'
import type { ServerTime } from '../../src/stores/redis/redis-scripts.js'

/**
 * Puts a server's scripts into the time of a clock. Lives are kept beside the keys, as moments of
 * that time; the server itself deletes keys after ten real minutes. A key that has run out is still
 * there, with no life left, as the clock may step back.
 */
export const timeOf = (clock: Clock): ServerTime => ({
  argument: () => String(clock.now()),
  server: {
    time: '',
    call: `
local function server_time() return tonumber(ARGV[#ARGV]) end
local function call(name, key, ...)
  local rest = {...}
  local life
  if name == 'PTTL' then
    if redis.call('EXISTS', key) == 0 then return -2 end
    return tonumber(redis.call('GET', 'life:' .. key) or 0) - server_time()
  elseif name == 'DEL' then
    redis.call('DEL', 'life:' .. key)
  elseif name == 'SET' and rest[2] == 'PX' then
    life, rest[3] = rest[3], 600000
  elseif name == 'PEXPIRE' then
    life, rest[1] = rest[1], 600000
  end
  if life then
    if tonumber(life) < 1 then return redis.error_reply('a life of ' .. life) end
    redis.call('SET', 'life:' .. key, string.format('%.0f', server_time() + life), 'PX', 600000)
  end
  return redis.call(name, key, unpack(rest))
end`,
  },
})
