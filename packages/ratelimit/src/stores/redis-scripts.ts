import { defineScript, replyInteger, replyList } from '@palisade/core/redis'

/** What the script found for one policy, before anything was taken: the numbers that `check` leaves in a tally, and whether the cost fits. */
export interface Found {
  readonly fits: boolean
  readonly a: number
  readonly b: number
  readonly c: number
  readonly e: number
  readonly f: number
}

/** The server's time in whole milliseconds, unless a test brings its own as the first argument. */
const NOW = `
local now
if ARGV[1] == '' then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
else
  now = tonumber(ARGV[1])
end
local function written(number) return string.format('%.0f', number) end
local function read(key)
  local text = redis.call('GET', key)
  if not text then return 0, 0, 0 end
  local x, y, z = string.match(text, '^(%d+) (%d+) (%d+)$')
  return tonumber(x) or 0, tonumber(y) or 0, tonumber(z) or 0
end
-- The life of the state in real time. A test's own time must not let the server forget what that time still remembers.
local function write(key, life, x, y, z)
  if ARGV[1] ~= '' then life = life + 600000 end
  if life < 1 then return redis.call('DEL', key) end
  redis.call('SET', key, written(x) .. ' ' .. written(y) .. ' ' .. written(z), 'PX', written(life))
end
`

/**
 * Decides all policies of one attempt, and takes the costs only if all fit. The states, formulas and their order are those of the
 * algorithms in memory; the answers are computed from what it returns by the very same functions.
 *
 * KEYS: one per policy. ARGV: the time or '', then per policy: kind (f, s, d, l), limit, capacity, window, cost.
 * A state is three whole numbers, the first of which is the moment from which it means nothing, which is also when the key expires.
 * A log is a list of times.
 */
export const consume = defineScript<readonly Found[]>({
  name: 'ratelimit.consume',
  lua: `${NOW}
local states, allowed = {}, true
for i = 1, #KEYS do
  local key, at = KEYS[i], 1 + (i - 1) * 5
  local kind = ARGV[at + 1]
  local limit, capacity = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local window, cost = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local s = { a = 0, b = 0, c = 0, e = 0, f = 0 }
  if kind == 'f' then
    s.a, s.b = read(key)
    if s.b == 0 or now >= s.a then s.a, s.b = now + window, 0 end
    s.c = math.max(now, s.a - window)
    s.fits = s.b + cost <= limit
  elseif kind == 's' then
    local known
    known, s.b, s.c = read(key)
    known = known / window - 2
    s.a = math.floor(now / window)
    s.e = now - s.a * window
    if s.a > known then
      if s.a == known + 1 then s.b = s.c else s.b = 0 end
      s.c = 0
    elseif s.a < known then
      s.a, s.e = known, 0
    end
    s.fits = s.b * (window - s.e) + (s.c + cost) * window <= limit * window
  elseif kind == 'd' then
    local _, owed, since = read(key)
    s.b = math.max(now, since)
    s.a = math.max(0, owed - (s.b - since) * limit)
    s.fits = s.a + cost * window <= capacity * window
  else
    s.b = redis.call('LLEN', key)
    s.c = now
    if s.b > 0 then
      s.c = math.max(now, tonumber(redis.call('LINDEX', key, -1)))
      local dead = 0
      while dead < s.b and s.c - tonumber(redis.call('LINDEX', key, dead)) >= window do dead = dead + 1 end
      if dead > 0 then redis.call('LTRIM', key, dead, -1) end
      s.b = s.b - dead
    end
    local function at_place(place)
      if place < 0 or place >= s.b then return 0 end
      return tonumber(redis.call('LINDEX', key, place))
    end
    s.a = at_place(math.max(0, s.b - limit))
    s.e = at_place(s.b - 1)
    s.f = at_place(s.b + cost - limit - 1)
    s.fits = s.b + cost <= limit
  end
  s.fits = s.fits and limit > 0 and cost <= capacity
  if not s.fits then allowed = false end
  s.kind, s.key, s.limit, s.window, s.cost = kind, key, limit, window, cost
  states[i] = s
end
local reply = {}
for i = 1, #states do
  local s = states[i]
  local fits = '0'
  if s.fits then fits = '1' end
  for _, value in ipairs({ fits, written(s.a), written(s.b), written(s.c), written(s.e), written(s.f) }) do
    reply[#reply + 1] = value
  end
  if allowed and s.cost > 0 then
    if s.kind == 'f' then
      write(s.key, s.a - s.c, s.a, s.b + s.cost, 0)
    elseif s.kind == 's' then
      local stop = (s.a + 2) * s.window
      write(s.key, stop - s.a * s.window - s.e, stop, s.b, s.c + s.cost)
    elseif s.kind == 'd' then
      local owed = s.a + s.cost * s.window
      local life = math.ceil(owed / s.limit)
      write(s.key, life, s.b + life, owed, s.b)
    else
      for _ = 1, s.cost do redis.call('RPUSH', s.key, written(s.c)) end
      local life = s.window
      if ARGV[1] ~= '' then life = life + 600000 end
      redis.call('PEXPIRE', s.key, written(life))
    end
  end
end
return reply
`,
  read: reply => {
    const numbers = replyList(reply).map(replyInteger)
    if (numbers.length % 6 !== 0) throw new TypeError('expected six numbers for each policy')
    const found: Found[] = []
    for (let i = 0; i < numbers.length; i += 6) {
      const [fits, a = 0, b = 0, c = 0, e = 0, f = 0] = numbers.slice(i, i + 6)
      found.push({ fits: fits === 1, a, b, c, e, f })
    }
    return found
  },
})

/**
 * Gives back what one policy took, if it still counts, with the formulas of the algorithms in memory.
 *
 * ARGV: the time or '', kind, window, cost, limit, mark, depth.
 */
export const refund = defineScript({
  name: 'ratelimit.refund',
  keys: 1,
  lua: `${NOW}
local key, kind = KEYS[1], ARGV[2]
local window, cost, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local mark, depth = tonumber(ARGV[6]), tonumber(ARGV[7])
if kind == 'l' then
  if now - mark < window then redis.call('LREM', key, -cost, ARGV[6]) end
  return 0
end
if redis.call('EXISTS', key) == 0 then return 0 end
local x, y, z = read(key)
if kind == 'f' then
  if x == mark and now < x then write(key, x - now, x, math.max(0, y - cost), 0) end
elseif kind == 's' then
  local age = x / window - 2 - mark
  if age == 0 then write(key, x - now, x, y, math.max(0, z - cost)) end
  if age == 1 then write(key, x - now, x, math.max(0, y - cost), z) end
else
  local open = math.min(cost * window, depth - math.max(0, now - mark) * limit)
  if open > 0 then write(key, x - now, x, math.max(0, y - open), z) end
end
return 0
`,
})
