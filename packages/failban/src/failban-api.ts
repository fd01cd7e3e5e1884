import type { Duration, Middleware } from '@palisade/core/middleware'
import type { Ban } from './bans/ban.js'
import type { RangeList } from './lists/access-lists.js'

export interface ManualBan {
  /** 1 to 500 characters on one line. Default `banned by hand`. */
  reason?: string
  /** `'1h'`, milliseconds or `'permanent'`. Default: as long as a first ban of the first jail. */
  duration?: Duration | 'permanent'
  /** The name of a jail, or `manual`, the default. */
  jail?: string
}

export interface BanStats {
  /** Shadow bans included. */
  readonly activeBans: number
  readonly byJail: Readonly<Record<string, number>>
  /** How many were counted since the start. */
  readonly violations: number
  /** How many requests were refused, or in shadow mode would have been. */
  readonly refusals: number
  /** How many clients jails count at the moment; one in two jails is two. */
  readonly trackedKeys: number
  /** How many clients or bans had to be forgotten before their time, for lack of room. */
  readonly evictions: number
}

export interface Failban extends Middleware {
  /**
   * Loads the bans that the store has kept; await it before listening. Returns false if it took
   * longer than `timeout` (default 10 s). Requests are then served without bans
   * (`security:store-error` is emitted), and the bans come in force when they are read.
   *
   * @throws whatever the store fails with, a file that another process holds included
   */
  ready(options?: { timeout?: Duration }): Promise<boolean>
  /** The ban that contains the whole address or network, in any notation. */
  find(ip: string): Ban | undefined
  /** Bans in force, the newest first. */
  list(): readonly Ban[]
  /**
   * Bans by hand. Settles when the ban is kept.
   *
   * @throws ConfigError for an option that is wrong
   * @throws RangeError for what is neither an address nor a network, or is allowed
   * @throws RequestError 503 when the store fails: then the ban is in force in this process only
   */
  ban(ip: string, options?: ManualBan): Promise<Ban>
  /**
   * Lifts every ban that contains the address or network, its counters and its memory; what the
   * store has not given yet, when it has. Settles when that is kept. Returns what was banned.
   *
   * @throws RequestError 503
   */
  unban(ip: string): Promise<readonly string[]>
  /**
   * From now on these are never banned; bans that they cover are lifted. Replaces the list. @throws
   * ConfigError
   */
  setAllow(ranges: RangeList): void
  /** From now on these are always refused. Replaces the list. @throws ConfigError */
  setDeny(ranges: RangeList): void
  stats(): BanStats
}
