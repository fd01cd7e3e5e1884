import type { Check } from '../options/check.js'
import { refuse } from '../options/option-path.js'

/**
 * What a distributed store needs of Redis: a single node, a Cluster, a Sentinel set or Valkey,
 * through ioredis or node-redis. Made by `fromIoredis` or `fromNodeRedis` around a client that the
 * team owns: they connect it, listen to its errors and close it.
 */
export interface RedisClient {
  /**
   * Sends one command and gives the reply as the server sent it: strings for bulk and simple
   * strings, numbers for integers, arrays, `null`. The two clients differ for maps (RESP3), so a
   * store uses commands and scripts that answer with arrays.
   *
   * Waits as long as the client does, which may be for ever: a store calls through `guardRedis`.
   *
   * @param command its name and arguments
   * @param key a key that the command touches, for the way to its node in a Cluster; without it any
   * node is asked
   */
  send(command: RedisCommand, key?: string): Promise<unknown>
  /**
   * Listens to a channel on a connection of its own, which is opened again and subscribed again
   * after a loss. Messages sent meanwhile are lost, and in a Cluster they may overtake each other:
   * it is for speed, never the only way that news travels.
   *
   * @param listener must not throw: it is called by the client
   */
  subscribe(channel: string, listener: (message: string) => void): RedisSubscription
}

export type RedisCommand = readonly [name: string, ...args: string[]]

export interface RedisSubscription {
  /**
   * Resolves when the server confirmed it; rejects when the client gave up. It may be ignored: a
   * rejection is never unhandled.
   */
  readonly ready: Promise<void>
  /** Ends it and its connection at once, also before it is ready. No message is heard after. */
  close(): void
}

/**
 * The option of a store that is a `RedisClient`; a bare client is refused with the name of the
 * function that wraps it.
 */
export const redisClient: Check<RedisClient> = (value, at) => {
  const { send, subscribe } = methodsOf(value)
  if (typeof send === 'function' && typeof subscribe === 'function') return value as RedisClient
  return refuse(at, value, `a RedisClient: fromIoredis(client) or fromNodeRedis(client)${guess(value)}`)
}

/**
 * What a value that is no such client probably is, and what to do then, as the end of a
 * `ConfigError`.
 */
export function guess(value: unknown): string {
  if (typeof value === 'string') return ' (this is a URL: make a client of it first)'
  if (typeof value === 'function') return ' (this is a class or a function: pass the client that it makes)'
  const found = methodsOf(value)
  if (typeof found['then'] === 'function') return ' (this is a promise: await it)'
  if (isIoredis(value)) return ' (this looks like an ioredis client: use fromIoredis)'
  if (isNodeRedis(value)) return ' (this looks like a node-redis client: use fromNodeRedis)'
  if (typeof found['send'] === 'function' && typeof found['subscribe'] === 'function')
    return ' (this is a RedisClient already: pass it as it is)'
  if (typeof found['exec'] === 'function') return ' (this looks like a pipeline: pass its client)'
  if (typeof found['totalClients'] === 'number')
    return ' (this looks like a node-redis pool: pass a client, since one connection carries all calls)'
  return ''
}

/** ioredis has `call` and tells its `status`; a pipeline has only the first. */
export function isIoredis(value: unknown): boolean {
  const { call, duplicate, status } = methodsOf(value)
  return typeof call === 'function' && typeof duplicate === 'function' && typeof status === 'string'
}

/**
 * node-redis has `sendCommand`, as ioredis has, but no `call`. Its pool has no `duplicate`; nor has
 * a Sentinel of version 5.
 */
export function isNodeRedis(value: unknown): boolean {
  const { sendCommand, duplicate, getMasterNode, call, isOpen } = methodsOf(value)
  return (
    typeof sendCommand === 'function' &&
    (typeof duplicate === 'function' || typeof getMasterNode === 'function') &&
    typeof isOpen === 'boolean' &&
    call === undefined
  )
}

/** Any property of any value, so that a wrong object is examined without a throw. */
function methodsOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return isObject ? (value as Record<string, unknown>) : {}
}
