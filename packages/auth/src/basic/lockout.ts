import { type Check, type Checked, type Duration, duration, integer, object, optional } from '@palisade/core'
import { LRUCache } from 'lru-cache'
import type { Suspect } from '../strategy.js'

export interface LockoutOptions {
  /** Wrong passwords for one account from one client before it has to wait. Default 5. */
  perClient?: number
  /** Wrong passwords for one account from wherever. Higher, since anybody can use it to keep somebody out for a while. Default 100. */
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

/** What becomes of an attempt that was reserved. */
export interface Reservation {
  readonly isLocked: boolean
  /** The password was right: the account starts anew. */
  succeeded(): void
  /** Nobody could tell: it counts for nothing. */
  forgotten(): void
}

/**
 * Makes who guesses the password of an account wait, longer with each failure. An attempt counts before it is verified, so that parallel
 * ones gain nothing; what comes while it waits neither counts nor makes it longer. Who does it from many addresses meets the account's own limit.
 */
export class Lockout {
  readonly #perClient: FailureCounts
  readonly #perAccount: FailureCounts

  constructor(options: Checked<typeof SHAPE> | undefined) {
    const given = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined))
    const { perClient, perAccount, first, longest } = { ...DEFAULTS, ...given }
    this.#perClient = new FailureCounts(perClient, first, longest)
    this.#perAccount = new FailureCounts(perAccount, first, longest)
  }

  /** Whether the account has to wait, from this client or from everywhere. */
  isLocked(username: string, client: string | undefined, now: number): boolean {
    const account = folded(username)
    return (
      this.#perAccount.isLocked(account, now) ||
      (client !== undefined && this.#perClient.isLocked(pair(client, account), now))
    )
  }

  reserve(username: string, client: string | undefined, now: number): Reservation {
    if (this.isLocked(username, client, now)) return LOCKED
    const account = folded(username)
    const fromClient = client === undefined ? undefined : pair(client, account)
    this.#perAccount.add(account, now)
    if (fromClient !== undefined) this.#perClient.add(fromClient, now)
    const each = (settle: (counts: FailureCounts, key: string) => void) => () => {
      settle(this.#perAccount, account)
      if (fromClient !== undefined) settle(this.#perClient, fromClient)
    }
    return {
      isLocked: false,
      succeeded: each((counts, key) => counts.clear(key)),
      forgotten: each((counts, key) => counts.takeBack(key)),
    }
  }

  /** Forgets a client's failures with any account, or an account's from anywhere. */
  clear({ client, account }: Suspect): void {
    if (client !== undefined) {
      this.#perClient.clearAll(key => key.startsWith(pair(client, '')))
      return
    }
    const name = folded(account)
    this.#perAccount.clear(name)
    this.#perClient.clearAll(key => key.slice(key.indexOf(' ') + 1) === name)
  }
}

/**
 * All spellings under which a database may find the same user: many compare without regard to case, width or a space at the end, and each would
 * else be an account with guesses of its own. Users who really differ in nothing else wait for each other.
 */
const folded = (username: string) => username.normalize('NFKC').toLowerCase().trimEnd()

/** A client's key has no space in it; an account may. */
const pair = (client: string, account: string) => `${client} ${account}`

const LOCKED: Reservation = Object.freeze({ isLocked: true, succeeded() {}, forgotten() {} })

interface Failures {
  count: number
  lockedUntil: number
  lastAt: number
}

class FailureCounts {
  readonly #failures = new LRUCache<string, Failures>({ max: MOST_ACCOUNTS })
  readonly #threshold: number
  readonly #firstMs: number
  readonly #longestMs: number

  constructor(threshold: number, firstMs: number, longestMs: number) {
    this.#threshold = threshold
    this.#firstMs = firstMs
    this.#longestMs = longestMs
  }

  isLocked(key: string, now: number): boolean {
    return (this.#failures.get(key)?.lockedUntil ?? 0) > now
  }

  add(key: string, now: number): void {
    const known = this.#failures.get(key)
    // Twice the longest wait without a failure, and it is as if there had been none.
    const isOld = known === undefined || now - Math.max(known.lastAt, known.lockedUntil) > 2 * this.#longestMs
    const count = isOld ? 1 : known.count + 1
    const over = count - this.#threshold
    const wait = over < 0 ? 0 : Math.min(this.#longestMs, this.#firstMs * 2 ** Math.min(over, 40))
    this.#failures.set(key, { count, lockedUntil: wait === 0 ? 0 : now + wait, lastAt: now })
  }

  takeBack(key: string): void {
    const known = this.#failures.get(key)
    if (known === undefined) return
    known.count -= 1
    if (known.count < this.#threshold) known.lockedUntil = 0
  }

  clear(key: string): void {
    this.#failures.delete(key)
  }

  clearAll(isMeant: (key: string) => boolean): void {
    for (const key of [...this.#failures.keys()]) if (isMeant(key)) this.#failures.delete(key)
  }
}
