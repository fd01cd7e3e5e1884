/**
 * - `REDIS_DEADLINE`: it did not answer in time. It may still do what it was asked.
 * - `REDIS_BREAKER_OPEN`: it was not asked, because it failed a moment ago.
 * - `REDIS_FAILED`: it could not be reached, answered with an error or with something that the
 *   store does not understand.
 */
export type RedisUnavailableCode = 'REDIS_DEADLINE' | 'REDIS_BREAKER_OPEN' | 'REDIS_FAILED'

/**
 * A store has no answer from Redis, for whatever reason, and decides by its own rule for that. The
 * only error that a guarded call rejects with.
 */
export class RedisUnavailableError extends Error {
  readonly code: RedisUnavailableCode
  /** The script or the command. Its keys and arguments are not told: they may name a client. */
  readonly operation: string

  /** @param cause what the client rejected with; for an open breaker, the failure that opened it */
  constructor(code: RedisUnavailableCode, operation: string, what: string, cause?: unknown) {
    super(`Redis: ${operation} ${what}`, cause === undefined ? undefined : { cause })
    this.name = 'RedisUnavailableError'
    this.code = code
    this.operation = operation
  }
}

/**
 * The first word of an error reply, such as `NOSCRIPT` or `WRONGTYPE`; `undefined` for an error
 * that the server did not send. The protocol says that such a word comes first, in upper case
 * (redis.io, "RESP simple errors"); the classes differ between clients.
 */
export function replyCode(error: unknown): string | undefined {
  // Errors of the system and of TLS carry a code of their own, and may begin in upper case too.
  if (!(error instanceof Error) || 'code' in error) return undefined
  return /^([A-Z][A-Z0-9_]*)(?: |$)/.exec(error.message)?.[1]
}

/**
 * Error replies that say something of the server, or of how it is reached, rather than of the one
 * command: it starts, is read-only, full, busy, has lost its cluster, does not let this client in,
 * or is a cluster to a client that knows none.
 */
const OUT_OF_SERVICE: ReadonlySet<string> = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'MOVED',
  'NOAUTH',
  'NOPERM',
  'NOREPLICAS',
  'OOM',
  'READONLY',
  'TRYAGAIN',
  'WRONGPASS',
])

/**
 * Whether an error counts against the server. A wrong type at one key does not count: otherwise a
 * client that can spoil one key could turn every limit off.
 */
export function isOutage(error: unknown): boolean {
  const code = replyCode(error)
  return code === undefined || OUT_OF_SERVICE.has(code) || isUnable(error as Error)
}

/**
 * A server that has no such command, or lets no script of this user run one, refuses every call
 * alike.
 */
function isUnable({ message }: Error): boolean {
  return UNABLE.test(message)
}

const UNABLE =
  /^ERR (?:unknown (?:redis )?command|acl failure in script|the user executing the script)|unknown redis command called from/i

/**
 * The error without the arguments of its command, which name a client: a server repeats those of a
 * command that it does not know, and ioredis attaches all of them to its errors.
 */
export function withoutArguments(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const message = error.message.replace(ARGUMENTS, '')
  if (message === error.message && !('command' in error)) return error
  const copy = new Error(message)
  copy.name = error.name
  if (error.stack !== undefined) copy.stack = error.stack.replace(error.message, () => message)
  const { code } = error as { readonly code?: unknown }
  return code === undefined ? copy : Object.assign(copy, { code })
}

const ARGUMENTS = /,? with args beginning with:.*$/s
