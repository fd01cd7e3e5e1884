import { defineScript, type RedisScript, replyInteger, replyList } from '@palisade/core/redis'
import type { RedisCounting } from './redis-counting.js'

/** One policy of a script. The window is written into it; limit, cost and capacity may differ from attempt to attempt. */
export interface Part {
  readonly counting: RedisCounting
  readonly window: number
}

/** What a script found for one attempt: whether it was allowed, and the states before it, one policy after the other. */
export interface Found {
  readonly allowed: boolean
  readonly states: readonly number[]
}

/** What the functions of the kinds are built on. A test puts a time of its own in its place. */
export const SERVER = `local call = redis.call
local function server_time()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end`

/**
 * The script that decides these policies together, and counts only if all allow. It is written out for them, one after the other, without
 * a loop or a table: what Redis does for an attempt is what its policies need, and a Redis has one thread for all.
 *
 * KEYS: one per policy. ARGV: per policy limit, cost and, where it may differ from the limit, capacity.
 */
export function consumeScript(parts: readonly Part[], server: string): RedisScript<Found> {
  const policies = parts.map(({ counting, window }, i) => ({ counting, window, ...names(parts, i) }))
  const undone = policies.filter(({ counting }) => counting.isOptimistic)
  const taken = policies.filter(({ counting }) => !counting.isOptimistic)
  const states = policies.flatMap(({ state }) => state)
  const width = states.length
  const lua = [
    server,
    ...new Set(parts.map(({ counting }) => counting.lua)),
    ...policies.flatMap(({ counting, window, key, limit, cost, capacity, fits, state, at }) => [
      `local ${limit}, ${cost} = tonumber(ARGV[${at}]), tonumber(ARGV[${at + 1}])`,
      `local ${fits}, ${state.join(', ')} = ${counting.kind}_try(${key}, ${window}, ${limit}, ${cost}, ${capacity})`,
    ]),
    `if ${policies.map(({ fits }) => fits).join(' and ')} then`,
    ...taken.map(
      ({ counting, window, key, limit, cost, state }) =>
        `  ${counting.kind}_take(${[key, window, limit, cost, ...state].join(', ')})`,
    ),
    `  return {1, ${states.join(', ')}}`,
    'end',
    ...undone.map(
      ({ counting, key, cost, state }) => `${counting.kind}_undo(${[key, cost, ...state].join(', ')})`,
    ),
    `return {0, ${states.join(', ')}}`,
  ].join('\n')
  return defineScript({
    name: 'ratelimit.consume',
    keys: parts.length,
    lua,
    read: reply => {
      const [allowed, ...found] = replyList(reply, width + 1).map(replyInteger)
      return { allowed: allowed === 1, states: found }
    },
  })
}

/** Gives back what one policy took. ARGV: window, cost, and what the way of counting needs. */
export function refundScript(counting: RedisCounting, server: string): RedisScript {
  return defineScript({ name: 'ratelimit.refund', keys: 1, lua: `${server}${counting.refund}` })
}

/** What a policy is called in the script: its key, its arguments and the state that was found. */
function names(parts: readonly Part[], i: number) {
  const before = parts.slice(0, i).reduce((sum, { counting }) => sum + argumentsOf(counting), 0)
  const { counting } = parts[i] as Part
  const at = before + 1
  return {
    key: `KEYS[${i + 1}]`,
    at,
    limit: `limit${i}`,
    cost: `cost${i}`,
    capacity: counting.hasCapacity ? `tonumber(ARGV[${at + 2}])` : 'nil',
    fits: `fits${i}`,
    state: Array.from({ length: counting.width }, (_, j) => `state${i}_${j}`),
  }
}

const argumentsOf = ({ hasCapacity }: RedisCounting) => (hasCapacity ? 3 : 2)
