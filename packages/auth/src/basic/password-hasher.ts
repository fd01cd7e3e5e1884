import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { checkOptions, integer, optional } from '@palisade/core'
import { formatPhc, memoryOf, type PasswordHash, parsePhc, type ScryptCost } from './phc.js'
import { WorkQueue } from './work-queue.js'

export interface PasswordHasherOptions {
  /** The logarithm of scrypt's N to base 2. Default 17: 128 MiB and some 300 ms a hash. */
  cost?: number
  /** scrypt's r. Default 8. */
  blockSize?: number
  /** scrypt's p. Default 1. */
  parallelization?: number
  /** How many hashes are computed at a time. Default 4. */
  concurrency?: number
  /** How many may wait for their turn; past it `Overloaded` is thrown. Default 64. */
  waiting?: number
}

const SALT_BYTES = 16
const HASH_BYTES = 32
/** In bytes of UTF-8; more is no password. */
export const LONGEST_PASSWORD = 1024

/**
 * Hashes passwords by scrypt (RFC 7914), which is in Node itself, as PHC strings. The defaults are those of the OWASP Password Storage Cheat Sheet.
 *
 * @throws ConfigError for a wrong option
 */
export function passwordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  return new PasswordHasher(options)
}

export class PasswordHasher {
  readonly #cost: ScryptCost
  readonly #queue: WorkQueue
  /** The cost of the hash that was read last: the password of an unknown user is compared at this cost. */
  #lastCost: ScryptCost
  /** The salt and hash that no user has. Drawn on first use: some runtimes have no random values while modules load. */
  #noUser: Pick<PasswordHash, 'salt' | 'hash'> | undefined

  constructor(options: PasswordHasherOptions) {
    const { cost, blockSize, parallelization, concurrency, waiting } = checkOptions(
      'passwordHasher',
      options,
      {
        cost: optional(integer({ min: 10, max: 20 }), 17),
        blockSize: optional(integer({ min: 1, max: 32 }), 8),
        parallelization: optional(integer({ min: 1, max: 16 }), 1),
        concurrency: optional(integer({ min: 1, max: 64 }), 4),
        waiting: optional(integer({ min: 0, max: 10_000 }), 64),
      },
    )
    this.#cost = { ln: cost, r: blockSize, p: parallelization }
    this.#queue = new WorkQueue(concurrency, waiting)
    this.#lastCost = this.#cost
  }

  /** @throws RangeError for a password that is empty or over 1 KiB; Overloaded */
  async hash(password: string): Promise<string> {
    const text = password.normalize('NFC')
    const bytes = Buffer.byteLength(text)
    if (bytes === 0 || bytes > LONGEST_PASSWORD)
      throw new RangeError(`a password has 1 to ${LONGEST_PASSWORD} bytes, not ${bytes}`)
    const salt = randomBytes(SALT_BYTES)
    const hash = await this.#queue.run(() => derive(text, { ...this.#cost, salt, length: HASH_BYTES }))
    return formatPhc({ ...this.#cost, salt, hash })
  }

  /**
   * Whether the password is that of the hash. Without a hash, or with one that cannot be read, the same work is done for nothing, so that
   * time does not tell who exists: that of the last hash that could be read, since most stored ones cost less than today's after the cost was raised.
   *
   * @throws Overloaded
   */
  async verify(password: string, phc: string | undefined, signal?: AbortSignal): Promise<boolean> {
    const stored = phc === undefined ? undefined : parsePhc(phc)
    if (stored !== undefined) this.#lastCost = stored
    const against = stored ?? this.#nobody()
    const text = password.normalize('NFC')
    const derived = await this.#queue.run(
      () => derive(text, { ...against, length: against.hash.length }),
      signal,
    )
    return timingSafeEqual(derived, against.hash) && stored !== undefined
  }

  #nobody(): PasswordHash {
    this.#noUser ??= { salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) }
    const { ln, r, p } = this.#lastCost
    return { ln, r, p, ...this.#noUser }
  }

  /** Whether a hash that was just verified should be made anew: it costs an attacker less than today's would. */
  needsRehash(phc: string): boolean {
    const stored = parsePhc(phc)
    if (stored === undefined) return true
    const { ln, r, p } = this.#cost
    return (
      2 ** stored.ln * stored.r * stored.p < 2 ** ln * r * p ||
      stored.salt.length < SALT_BYTES ||
      stored.hash.length < HASH_BYTES
    )
  }
}

function derive(
  password: string,
  { ln, r, p, salt, length }: ScryptCost & { salt: Buffer; length: number },
): Promise<Buffer> {
  // Node refuses more than 32 MiB unless it is told otherwise.
  const maxmem = 2 * memoryOf({ ln, r, p })
  return new Promise((resolve, reject) => {
    // Node passes `null` when all is well, Bun passes `undefined`.
    scrypt(password, salt, length, { N: 2 ** ln, r, p, maxmem }, (error, key) =>
      error == null ? resolve(key) : reject(error),
    )
  })
}
