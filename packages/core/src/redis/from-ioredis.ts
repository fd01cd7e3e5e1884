import { refuse } from '../options/option-path.js'
import { guess, isIoredis, type RedisClient, type RedisCommand } from './client.js'
import { subscription } from './subscription.js'

/**
 * The part of ioredis (5.11 or later) that is used. `Redis` and `Cluster` have it. Before 5.11 a
 * Cluster with `enableAutoPipelining` took the name of a command for its key, and failed.
 */
export interface IoredisClient {
  readonly status: string
  readonly isCluster: boolean
  /**
   * The socket; `undefined` for a Cluster, which has several, and before the client has connected.
   */
  readonly stream?: IoredisStream | undefined
  /** ioredis finds the keys of a command itself, and by them the node. */
  call(command: string, args: string[]): Promise<unknown>
  /** Takes options; a Cluster takes start-up nodes before them. */
  duplicate(...args: never[]): unknown
}

/** The part of a `net.Socket` that lets several writes leave as one. */
interface IoredisStream {
  cork(): void
  uncork(): void
}

/**
 * With more, the server would wait for this process to fill a write, and this process for the
 * server to work through it.
 */
const MOST_AT_ONCE = 16

/**
 * What a duplicate is used for; it comes from the same class, so that the shape need not be asked
 * of the caller.
 */
interface IoredisSubscriber {
  on(event: string, listener: (...args: string[]) => void): unknown
  subscribe(channel: string): Promise<unknown>
  disconnect(): void
}

/**
 * Wraps an ioredis client, `new Redis()` or `new Redis.Cluster()`. The team keeps it: connecting,
 * errors and closing are theirs.
 *
 * ioredis writes every command to the socket by itself, which costs more than all else that a call
 * does. So the first command of a turn of the event loop leaves at once, and those that follow it
 * in that turn leave together, some at a time.
 *
 * @throws ConfigError when it is something else, with the function that was probably meant
 */
export function fromIoredis(client: IoredisClient): RedisClient {
  if (!isIoredis(client))
    refuse(
      { owner: 'fromIoredis', option: 'client' },
      client,
      `an ioredis client, new Redis() or new Redis.Cluster()${guess(client)}`,
    )
  let corked: IoredisStream | undefined
  let held = 0
  const send = ([name, ...args]: RedisCommand) => {
    const reply = client.call(name, args)
    if (corked !== undefined) {
      held++
      if (held % MOST_AT_ONCE === 0) {
        corked.uncork()
        corked.cork()
      }
      return reply
    }
    const { stream } = client
    if (stream !== undefined) {
      corked = stream
      held = 0
      stream.cork()
      // It keeps its reference: what is corked has to leave before the loop may end.
      setImmediate(() => {
        corked = undefined
        stream.uncork()
      })
    }
    return reply
  }
  return {
    send,
    subscribe(channel, listener) {
      const own = duplicate(client)
      // Without a listener ioredis writes every failed attempt to reconnect to the console; the
      // team's own client tells them.
      own.on('error', () => {})
      return subscription(
        listener,
        deliver => {
          own.on('message', (from, message) => {
            if (from === channel && message !== undefined) deliver(message)
          })
          return own.subscribe(channel)
        },
        () => own.disconnect(),
      )
    },
  }
}

/**
 * A subscription waits for its server however long that takes, whatever the team chose for its
 * commands.
 */
function duplicate(client: IoredisClient): IoredisSubscriber {
  const copy = client.duplicate as (...args: unknown[]) => unknown
  const patient = { enableOfflineQueue: true, maxRetriesPerRequest: null }
  return (
    client.isCluster ? copy.call(client, [], { enableOfflineQueue: true }) : copy.call(client, patient)
  ) as IoredisSubscriber
}
