import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { bindMethods, checkOptions, integer, optional } from '@palisade/core/middleware'
import { costsOf, formatPhc, memoryOf, type PasswordHash, parsePhc, type ScryptCost, workOf } from './phc.js'
import { WorkQueue } from './work-queue.js'

export interface PasswordHasherOptions {
  /** The logarithm of scrypt's N to base 2. Default 17: 128 MiB and some 300 ms a hash. */
  cost?: number
  /** scrypt's r. Default 8. */
  blockSize?: number
  /** scrypt's p. Default 1. */
  parallelization?: number
  /**
   * How many hashes are computed at a time. Default 2: Node has four threads for such work, and
   * tokens, files and name look-ups need the others.
   */
  concurrency?: number
  /** How many may wait for their turn; past it `Overloaded` is thrown. Default 64. */
  waiting?: number
  /** How many of those that wait may come from one client. Default: a quarter of `waiting`. */
  waitingPerClient?: number
}

const SALT_BYTES = 16
const HASH_BYTES = 32
/** In bytes of UTF-8; more is no password. */
export const LONGEST_PASSWORD = 1024

/**
 * Hashes passwords by scrypt (RFC 7914), which is in Node itself, as PHC strings. The defaults are
 * those of the OWASP Password Storage Cheat Sheet.
 *
 * @throws ConfigError for a wrong option
 */
export function passwordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  return bindMethods(new PasswordHasher(options), 'hash', 'verify', 'needsRehash')
}

export class PasswordHasher {
  readonly #cost: ScryptCost
  readonly #queue: WorkQueue
  /**
   * The cost of the costliest hash that was read, or today's if that is more: every password costs
   * so much.
   */
  #costliest: ScryptCost
  /**
   * For work that no hash is compared with. Drawn on first use: some runtimes have no random values
   * while modules load.
   */
  #salt: Buffer | undefined

  constructor(options: PasswordHasherOptions) {
    const checked = checkOptions('passwordHasher', options, {
      cost: optional(integer({ min: 10, max: 20 }), 17),
      blockSize: optional(integer({ min: 1, max: 32 }), 8),
      parallelization: optional(integer({ min: 1, max: 16 }), 1),
      concurrency: optional(integer({ min: 1, max: 64 }), 2),
      waiting: optional(integer({ min: 0, max: 10_000 }), 64),
      waitingPerClient: optional(integer({ min: 1, max: 10_000 })),
    })
    const { cost, blockSize, parallelization, concurrency, waiting } = checked
    const { waitingPerClient = Math.max(1, Math.ceil(waiting / 4)) } = checked
    this.#cost = { ln: cost, r: blockSize, p: parallelization }
    this.#queue = new WorkQueue({ concurrency, waiting, waitingPerClient })
    this.#costliest = this.#cost
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
   * Whether the password is that of the hash.
   *
   * Every password costs the same work, so that time does not tell which users exist. Without a
   * hash, or with one that cannot be read, it is the work of the costliest hash that was read so
   * far, or of today's. A hash that costs less is brought up to that.
   *
   * @param client by whose share it waits for its turn: the key of the client
   * @throws Overloaded
   */
  async verify(
    password: string,
    phc: string | undefined,
    signal?: AbortSignal,
    client?: string,
  ): Promise<boolean> {
    const stored = phc === undefined ? undefined : parsePhc(phc)
    if (stored !== undefined && workOf(stored) > workOf(this.#costliest))
      this.#costliest = { ln: stored.ln, r: stored.r, p: stored.p }
    const text = password.normalize('NFC')
    return this.#queue.run(() => this.#compare(text, stored), signal, client)
  }

  async #compare(password: string, stored: PasswordHash | undefined): Promise<boolean> {
    const full = this.#costliest
    this.#salt ??= randomBytes(SALT_BYTES)
    const salt = this.#salt
    if (stored === undefined) {
      await derive(password, { ...full, salt, length: HASH_BYTES })
      return false
    }
    const derived = await derive(password, { ...stored, length: stored.hash.length })
    for (const cost of costsOf(workOf(full) - workOf(stored), full))
      await derive(password, { ...cost, salt, length: HASH_BYTES })
    return timingSafeEqual(derived, stored.hash)
  }

  /**
   * Whether a hash that was just verified should be made anew: it costs an attacker less than
   * today's would.
   */
  needsRehash(phc: string): boolean {
    const stored = parsePhc(phc)
    if (stored === undefined) return true
    return (
      workOf(stored) < workOf(this.#cost) ||
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
