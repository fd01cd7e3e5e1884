import { createHash } from 'node:crypto'
import { callback, checkOptions, integer, optional, text } from '../options/check.js'
import type { RedisClient } from './client.js'
import { replyCode } from './redis-error.js'

export interface ScriptDefinition<Reply> {
  /** How errors name it: `ratelimit.consume`. */
  readonly name: string
  /**
   * Its source. It takes the time from the server (`TIME`), names only keys that it was given, and
   * writes numbers with `string.format('%.0f')`.
   */
  readonly lua: string
  /** How many keys it is given. Left out, any number from 1. */
  readonly keys?: number
  /**
   * Checks the reply and makes of it what the store works with; a throw is a failed call. Left out,
   * the reply is `unknown`.
   */
  readonly read?: (reply: unknown) => Reply
}

/** A Lua script with its digest, made once when a store's module is loaded. */
export interface RedisScript<Reply = unknown> {
  readonly name: string
  readonly lua: string
  /** SHA-1, in lower-case hexadecimal, by which the server knows it. */
  readonly sha1: string
  readonly keys: number | undefined
  readonly read: (reply: unknown) => Reply
}

/** @throws ConfigError for an option that is wrong */
export function defineScript<Reply = unknown>(definition: ScriptDefinition<Reply>): RedisScript<Reply> {
  const { name, lua, keys, read } = checkOptions('defineScript', definition, {
    name: text({ max: 64 }),
    lua: text({ max: 65_536 }),
    keys: optional(integer({ min: 1, max: 1000 })),
    read: optional(callback<(reply: unknown) => Reply>('a function of the reply')),
  })
  const sha1 = createHash('sha1').update(lua).digest('hex')
  // Without `read` the type parameter is `unknown` by its default, and the reply is that.
  return Object.freeze({ name, lua, sha1, keys, read: read ?? ((reply: unknown) => reply as Reply) })
}

/** What is wrong with the keys that a script was given; `undefined` when nothing is. */
export function wrongKeys(script: RedisScript<unknown>, keys: readonly string[]): TypeError | undefined {
  if (keys.length > 0 && (script.keys === undefined || keys.length === script.keys)) return undefined
  return new TypeError(`${script.name} takes ${script.keys ?? '1 or more'} keys, not ${keys.length}`)
}

/**
 * Runs a script by its digest, and sends the source only to a server that does not know it. Any
 * number of calls may find that out at once, each sends the source itself and is answered: a
 * `SCRIPT LOAD` that they all waited for could be flushed again meanwhile, or have reached another
 * node.
 *
 * The reply is as the server sent it. It has no deadline: a store calls through `guardRedis`.
 */
export async function runScript(
  client: RedisClient,
  script: RedisScript<unknown>,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await client.send(['EVALSHA', script.sha1, ...rest], keys[0])
  } catch (error) {
    if (replyCode(error) !== 'NOSCRIPT') throw error
    return client.send(['EVAL', script.lua, ...rest], keys[0])
  }
}
