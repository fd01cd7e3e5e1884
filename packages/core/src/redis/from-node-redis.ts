import { refuse } from '../options/option-path.js'
import { guess, isNodeRedis, type RedisClient, type RedisCommand, type RedisSubscription } from './client.js'
import { subscription } from './subscription.js'

/**
 * The part of node-redis (5 or later) that is used. `createClient`, `createCluster` and
 * `createSentinel` make it; a Sentinel of version 5 has no `duplicate`, and a pool has neither of
 * the two.
 */
export type NodeRedisClient = NodeRedisConnection & ({ duplicate(): unknown } | { getMasterNode(): unknown })

interface NodeRedisConnection {
  readonly isOpen: boolean
  /** Each of the three has parameters of its own before the command. */
  sendCommand(...args: never[]): Promise<unknown>
}

/**
 * What a duplicate is used for; it comes from the same class, so that the shape need not be asked
 * of the caller.
 */
interface NodeRedisSubscriber {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy(): unknown
}

/** A Sentinel client listens through a connection of its own beside the one for commands. */
interface SentinelClient {
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
}

function canDuplicate(client: NodeRedisClient): client is NodeRedisConnection & { duplicate(): unknown } {
  return 'duplicate' in client && client.duplicate !== undefined
}

function subscribeThrough(
  client: SentinelClient,
  channel: string,
  listener: (message: string) => void,
): RedisSubscription {
  let heard: ((message: string) => void) | undefined
  return subscription(
    listener,
    deliver => {
      heard = message => deliver(message)
      return client.subscribe(channel, heard)
    },
    () => {
      if (heard !== undefined) client.unsubscribe(channel, heard).catch(() => {})
    },
  )
}

/**
 * Replies in their default types, whatever the team chose for its own commands: a Buffer where a
 * script answers text would break a store.
 */
const PLAIN = { typeMapping: {} }

/**
 * Wraps a node-redis client, made by `createClient`, `createCluster` or `createSentinel`. The team
 * keeps it: `connect()`, errors and closing are theirs. Until it is connected every call fails.
 *
 * @throws ConfigError when it is something else, with the function that was probably meant
 */
export function fromNodeRedis(client: NodeRedisClient): RedisClient {
  if (!isNodeRedis(client))
    refuse(
      { owner: 'fromNodeRedis', option: 'client' },
      client,
      `a node-redis client, made by createClient(), createCluster() or createSentinel()${guess(client)}`,
    )
  return {
    send: sender(client),
    subscribe(channel, listener) {
      if (!canDuplicate(client))
        return subscribeThrough(client as unknown as SentinelClient, channel, listener)
      const own = client.duplicate() as NodeRedisSubscriber
      // Without a listener an error event ends the process; the team's own client tells them.
      own.on('error', () => {})
      return subscription(
        listener,
        async deliver => {
          await own.connect()
          await own.subscribe(channel, message => deliver(message))
        },
        () => own.destroy(),
      )
    },
  }
}

/**
 * Told apart by a method that only one of them has, as the length of `sendCommand` would change
 * with a default parameter.
 */
function sender(client: NodeRedisClient): RedisClient['send'] {
  const sendCommand = client.sendCommand as (...args: unknown[]) => Promise<unknown>
  if ('getSlotMaster' in client)
    return (command: RedisCommand, key) => sendCommand.call(client, key, false, command, PLAIN)
  if ('getMasterNode' in client)
    return (command: RedisCommand) => sendCommand.call(client, false, command, PLAIN)
  return (command: RedisCommand) => sendCommand.call(client, command, PLAIN)
}
