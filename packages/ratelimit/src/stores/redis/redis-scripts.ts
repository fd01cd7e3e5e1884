import { defineScript, type RedisScript, replyInteger, replyList } from '@palisade/core/redis'
import type { RedisCounting, ScriptNames } from '../../algorithms/redis-counting.js'

/**
 * One policy of a script. The window is written into it; limit, cost and capacity may differ from
 * attempt to attempt.
 */
export interface ScriptPart {
  readonly counting: RedisCounting
  readonly window: number
}

/**
 * What a script found for one attempt: whether it was allowed, and the states before it, one policy
 * after the other.
 */
export interface Found {
  readonly allowed: boolean
  readonly states: readonly number[]
}

/** What the scripts are built on. A test puts a time of its own in its place. */
export interface Server {
  readonly call: string
  readonly time: string
}

/**
 * Where a store's scripts take the time from. A test brings its own, to compare stores step by
 * step.
 */
export interface ServerTime {
  readonly server: Server
  /** The last argument of each script. */
  readonly argument?: () => string
}

export const SERVER: Server = {
  call: 'local call = redis.call',
  time: `local function server_time()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end`,
}

/**
 * The script that decides these policies together, and counts only if all allow. It is written out
 * for them, one after the other, without a loop, a table or a function: Redis has one thread for
 * all, and what it does for an attempt is what its policies need.
 *
 * KEYS: one per policy. ARGV: per policy limit, cost and, where it may differ from the limit,
 * capacity.
 */
export function consumeScript(parts: readonly ScriptPart[], server: Server): RedisScript<Found> {
  const policies = named(parts)
  const states = policies.flatMap(({ names }) => names.state)
  const each = (write: 'take' | 'undo') =>
    policies.map(({ counting, names }) => counting[write]?.(names) ?? '')
  const body = [
    ...policies.flatMap(({ counting, names, at }) => [
      `local ${names.limit}, ${names.cost} = tonumber(ARGV[${at}]), tonumber(${names.costText})`,
      ...(counting.hasCapacity ? [`local ${names.capacity} = tonumber(ARGV[${at + 2}])`] : []),
      counting.look(names),
    ]),
    `if ${policies.map(({ names }) => names.fits).join(' and ')} then`,
    ...each('take'),
    `return {1, ${states.join(', ')}}`,
    'end',
    ...each('undo'),
    `return {0, ${states.join(', ')}}`,
  ]
  return defineScript({
    name: 'ratelimit.consume',
    keys: parts.length,
    lua: complete(
      server,
      body,
      parts.some(({ counting }) => counting.needsNow),
    ),
    read: reply => {
      const [allowed, ...found] = replyList(reply, states.length + 1).map(replyInteger)
      return { allowed: allowed === 1, states: found }
    },
  })
}

const TAKEN = ['window', 'amount', 'limit', 'most', 'mark', 'depth'] as const

/** Numbers that a script about one receipt has as locals. */
export type TakenArguments = Readonly<Record<(typeof TAKEN)[number], number>>

/** The arguments of a script about one receipt. */
export function takenArguments(numbers: TakenArguments): string[] {
  return TAKEN.map(name => String(numbers[name]))
}

/** Corrects what one policy took: `refund` or `charge` of the algorithm. */
export function settleScript(
  counting: RedisCounting,
  what: 'refund' | 'charge',
  server: Server,
): RedisScript {
  const read = TAKEN.map((_, i) => `tonumber(ARGV[${i + 1}])`).join(', ')
  const body = [`local ${TAKEN.join(', ')} = ${read}`, counting[what]]
  return defineScript({
    name: `ratelimit.${what}`,
    keys: 1,
    lua: complete(server, body, counting.needsNow),
  })
}

/**
 * What a script does not use is left out of it: even a function that is never called takes its time
 * to be made.
 */
function complete(server: Server, body: readonly string[], needsNow: boolean): string {
  const usesTime = needsNow || body.some(lua => lua.includes('server_time'))
  return [
    server.call,
    ...(usesTime ? [server.time] : []),
    ...(needsNow ? ['local now = server_time()'] : []),
    ...body.filter(lua => lua !== ''),
  ].join('\n')
}

function named(
  parts: readonly ScriptPart[],
): readonly { counting: RedisCounting; names: ScriptNames; at: number }[] {
  let next = 1
  return parts.map(({ counting, window }, i) => {
    const at = next
    next += counting.hasCapacity ? 3 : 2
    const names = {
      key: `KEYS[${i + 1}]`,
      window,
      limit: `limit_${i}`,
      cost: `cost_${i}`,
      costText: `ARGV[${at + 1}]`,
      capacity: counting.hasCapacity ? `capacity_${i}` : `limit_${i}`,
      fits: `fits_${i}`,
      state: Array.from({ length: counting.width }, (_, j) => `state_${i}_${j}`),
    }
    return { counting, names, at }
  })
}
