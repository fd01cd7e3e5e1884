import { createHash } from 'node:crypto'
import {
  type Check,
  type Checked,
  type Duration,
  duration,
  integer,
  object,
  optional,
} from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import type { Suspect } from '../strategy.js'

export interface LockoutOptions {
  /** Wrong passwords for one account from one client before it has to wait. Default 5. */
  perClient?: number
  /**
   * Wrong passwords for one account from any client. Higher, since any client can use it to lock
   * out an owner for a while, unless the owner has logged in from the same client before. Default
   * 100.
   */
  perAccount?: number
  /** The first wait; it doubles with each further failure. Default 1 second. */
  first?: Duration
  /** The longest wait. Default 15 minutes, at most a day: it is never permanent. */
  longest?: Duration
}

const DEFAULTS = { perClient: 5, perAccount: 100, first: 1000, longest: 900_000 }
const MOST_ACCOUNTS = 10_000
const MOST_THRESHOLD = 1_000_000

const SHAPE = {
  perClient: optional(integer({ min: 1, max: MOST_THRESHOLD })),
  perAccount: optional(integer({ min: 1, max: MOST_THRESHOLD })),
  first: optional(duration({ max: '1h' })),
  longest: optional(duration({ max: '1d' })),
}
export const lockoutOptions: Check<Checked<typeof SHAPE>> = object(SHAPE)

/** What becomes of an attempt that was reserved: one of these is called. */
export interface LockoutAttempt {
  readonly isLocked: boolean
  /** The password was right: the client starts anew, and what others did to the account stays. */
  succeeded(): void
  failed(): void
  /** The verification failed: the attempt counts for nothing. */
  forgotten(): void
}

/**
 * Makes a client that guesses the password of an account wait, longer with each failure. An attempt
 * counts before it is verified, so that parallel attempts gain nothing. An attempt during the wait
 * neither counts nor makes it longer. Guesses from many addresses meet the account's own limit,
 * which a login of the owner does not reset. That limit does not hold for a client that has been
 * right before: an owner is not locked out from their usual client.
 */
export class Lockout {
  readonly #perClient: FailureCounts
  readonly #perAccount: FailureCounts
  /** Pairs of a client and an account for which it was right. */
  readonly #known = new LRUCache<string, true>({ max: MOST_ACCOUNTS })

  constructor(options: Checked<typeof SHAPE> | undefined) {
    const given = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined))
    const { perClient, perAccount, first, longest } = { ...DEFAULTS, ...given }
    this.#perClient = new FailureCounts(perClient, first, longest)
    this.#perAccount = new FailureCounts(perAccount, first, longest)
  }

  /**
   * Whether the account has to wait, from this client or from everywhere.
   *
   * @param account what `accountOf` made of a name
   * @param now monotonic, as all times here
   */
  isLocked(account: string, client: string | undefined, now: number): boolean {
    if (client === undefined) return this.#perAccount.isLocked(account, now)
    const fromClient = pair(client, account)
    return (
      this.#perClient.isLocked(fromClient, now) ||
      (this.#perAccount.isLocked(account, now) && !this.#known.has(fromClient))
    )
  }

  /** @param account what `accountOf` made of a name */
  reserve(account: string, client: string | undefined, now: number): LockoutAttempt {
    if (this.isLocked(account, client, now)) return LOCKED
    const fromClient = client === undefined ? undefined : pair(client, account)
    const endOfAccount = this.#perAccount.begin(account, now)
    const endOfClient = fromClient === undefined ? undefined : this.#perClient.begin(fromClient, now)
    const end = () => {
      endOfAccount()
      endOfClient?.()
    }
    return {
      isLocked: false,
      succeeded: () => {
        end()
        if (fromClient === undefined) return
        this.#perAccount.takeBack(account, this.#perClient.countOf(fromClient))
        this.#perClient.clear(fromClient)
        this.#known.set(fromClient, true)
      },
      failed: () => {
        end()
        this.#perAccount.add(account, now)
        if (fromClient !== undefined) this.#perClient.add(fromClient, now)
      },
      forgotten: end,
    }
  }

  /** Forgets a client's failures with any account, or an account's from anywhere. */
  clear({ client, account }: Suspect): void {
    if (client !== undefined) {
      this.#perClient.clearAll(key => key.startsWith(pair(client, '')))
      return
    }
    const name = accountOf(account)
    this.#perAccount.clear(name)
    this.#perClient.clearAll(key => key.slice(key.indexOf(' ') + 1) === name)
  }
}

/**
 * One text for all spellings under which a database may find the same user. Many databases ignore
 * case, accents, width, characters that are not shown or a space at the end; otherwise each
 * spelling would be an account with guesses of its own. Users whose names differ in nothing else
 * share the wait.
 */
export function accountOf(username: string): string {
  const bare = username.normalize('NFKD').replace(/[\p{M}\p{Default_Ignorable_Code_Point}]/gu, '')
  // To upper case first: it has no other form for the end of a word, nor for a double s.
  const account = bare.toUpperCase().toLowerCase().trim()
  return account.length <= LONGEST_ACCOUNT ? account : digestOf(account)
}

/**
 * Longer accounts are kept as a digest: letters such as U+FDFA become 18 in a compatible form, so
 * that 10,000 made-up names of 1 KiB would take 120 MiB. No account begins with a space, so that
 * none has the text of a digest.
 */
const LONGEST_ACCOUNT = 64
const digestOf = (account: string) => ` ${createHash('sha256').update(account).digest('base64')}`

/** A client's key has no space in it; an account may. */
const pair = (client: string, account: string) => `${client} ${account}`

const LOCKED: LockoutAttempt = Object.freeze({ isLocked: true, succeeded() {}, failed() {}, forgotten() {} })

interface FailureRecord {
  count: number
  lockedUntil: number
  lastAt: number
}

/** Attempts at one account that are not verified yet. */
interface OpenAttempts {
  count: number
  lastAt: number
}

/**
 * Bounded: past `MOST_ACCOUNTS` the oldest failures are evicted, and those of a client that has to
 * wait now only if no others are left.
 */
class FailureCounts {
  readonly #failures = new Map<string, FailureRecord>()
  /** Apart, so that attempts which are never verified push no failure out. */
  readonly #open = new LRUCache<string, OpenAttempts>({ max: MOST_ACCOUNTS })
  readonly #threshold: number
  readonly #firstMs: number
  readonly #longestMs: number

  constructor(threshold: number, firstMs: number, longestMs: number) {
    this.#threshold = threshold
    this.#firstMs = firstMs
    this.#longestMs = longestMs
  }

  isLocked(key: string, now: number): boolean {
    const failures = this.#failures.get(key)
    if (failures !== undefined && failures.lockedUntil > now) return true
    const open = this.#open.get(key)
    // An attempt that hangs longer than the longest wait does not count any more: a lock always
    // ends.
    if (open === undefined || now - open.lastAt > this.#longestMs) return false
    const count = failures === undefined || this.#isOld(failures, now) ? 0 : failures.count
    return count + open.count >= this.#threshold
  }

  /** Counts an attempt until the returned function is called. */
  begin(key: string, now: number): () => void {
    const open = this.#open.get(key) ?? { count: 0, lastAt: now }
    open.count += 1
    open.lastAt = now
    this.#open.set(key, open)
    return () => {
      open.count -= 1
      if (open.count === 0 && this.#open.peek(key) === open) this.#open.delete(key)
    }
  }

  add(key: string, now: number): void {
    const known = this.#failures.get(key)
    const count = known === undefined || this.#isOld(known, now) ? 1 : known.count + 1
    const over = count - this.#threshold
    const wait = over < 0 ? 0 : Math.min(this.#longestMs, this.#firstMs * 2 ** Math.min(over, 40))
    // Anew at the end: those that failed longest ago come first.
    this.#failures.delete(key)
    if (this.#failures.size >= MOST_ACCOUNTS) this.#makeRoom(now)
    this.#failures.set(key, { count, lockedUntil: wait === 0 ? 0 : now + wait, lastAt: now })
  }

  countOf(key: string): number {
    return this.#failures.get(key)?.count ?? 0
  }

  takeBack(key: string, count: number): void {
    const known = this.#failures.get(key)
    if (known === undefined) return
    known.count -= count
    if (known.count < this.#threshold) known.lockedUntil = 0
    if (known.count <= 0) this.#failures.delete(key)
  }

  clear(key: string): void {
    this.#failures.delete(key)
  }

  clearAll(isMeant: (key: string) => boolean): void {
    for (const key of [...this.#failures.keys()]) if (isMeant(key)) this.#failures.delete(key)
  }

  /** Twice the longest wait without a failure, and it is as if there had been none. */
  #isOld({ lastAt, lockedUntil }: FailureRecord, now: number): boolean {
    return now - Math.max(lastAt, lockedUntil) > 2 * this.#longestMs
  }

  #makeRoom(now: number): void {
    let least: string | undefined
    let until = Number.POSITIVE_INFINITY
    for (const [key, { lockedUntil }] of this.#failures) {
      if (lockedUntil < until) {
        least = key
        until = lockedUntil
      }
      if (lockedUntil <= now) break
    }
    if (least !== undefined) this.#failures.delete(least)
  }
}
