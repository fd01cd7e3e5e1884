import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Client, createClient } from '@libsql/client'
import { fromIoredis } from '@palisade/core/redis'
import { type BanStore, fileBans } from '@palisade/failban'
import { type Check, redis, sql } from '@palisade/health'
import { type LimitStore, redisStore } from '@palisade/ratelimit'
import { Redis } from 'ioredis'
import { type Settings, StartError } from './settings.js'

export interface Stores {
  readonly directory: string
  /**
   * Whether the directory is deleted when the process ends: no later process would find it again.
   */
  readonly isTemporary: boolean
  readonly db: Client
  readonly bans: BanStore
  /** Absent: in this process. */
  readonly limits?: LimitStore
  readonly checks: readonly Check[]
  close(): Promise<void>
}

/**
 * What the demo keeps: orders in a database file, bans in a file, and limits in Redis where there
 * is one. @throws StartError
 */
export function openStores(
  { data, port, redisUrl }: Pick<Settings, 'data' | 'port' | 'redisUrl'>,
  namespace = 'demo',
): Stores {
  const isTemporary = data === undefined && port === 0
  const directory = isTemporary ? temporaryDirectory() : (data ?? `${DIRECTORY}${port}`)
  const db = databaseIn(directory)
  const stores = {
    directory,
    isTemporary,
    db,
    bans: fileBans(join(directory, 'bans.jsonl')),
    checks: [sql(() => db.execute('select 1'))],
  }
  if (redisUrl === undefined) return { ...stores, close: async () => db.close() }

  // A command that Redis does not answer fails at once instead of waiting for it: the limiter then
  // decides by itself.
  const client = new Redis(redisUrl, { enableOfflineQueue: false, maxRetriesPerRequest: 1 })
  client.on('error', complaint())
  const wrapped = fromIoredis(client)
  // Longer than the default: a laptop that hashes passwords beside Redis leaves it waiting, and a
  // decision without it is another one.
  const limits = redisStore(wrapped, { namespace, deadline: '1s' })
  return {
    ...stores,
    limits,
    // Without Redis there are limits still, so it is no reason to take the server out of service.
    checks: [...stores.checks, redis(wrapped, { optional: true })],
    async close() {
      db.close()
      await limits.dispose?.()
      client.disconnect()
    },
  }
}

const DIRECTORY = join(tmpdir(), 'palisade-demo-')

function databaseIn(directory: string): Client {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    // The name can be guessed, and every user of the machine may write to the parent directory.
    const isOurs = process.getuid === undefined || lstatSync(directory).uid === process.getuid()
    if (directory.startsWith(DIRECTORY) && !isOurs) throw new Error("it is somebody else's")
    return createClient({ url: pathToFileURL(join(directory, 'orders.db')).href })
  } catch (error) {
    return unusable(directory)(error)
  }
}

/** For what goes wrong with files in a directory. @throws StartError */
export const unusable =
  (directory: string) =>
  (error: unknown): never => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(
      `Orders and bans cannot be kept in ${directory} (${reason}); choose another directory with DEMO_DATA`,
    )
  }

/** Removed however the process ends by itself. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(DIRECTORY)
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** ioredis tries again for ever, and tells each time. */
function complaint(): (error: Error) => void {
  let last = ''
  return ({ message }) => {
    if (message === last) return
    last = message
    console.error(`redis: ${message}`)
  }
}
