import type { Logger, MaybePromise } from '@palisade/core/middleware'
import type { BanRecord } from '../bans/ban.js'

/** The bans of a process, as its store sees them. */
export interface ProcessBans {
  /**
   * Everything that is to be kept, in the order in which it was made: bans in force, and past ones
   * that lengthen the next. For a store that writes all of it anew.
   */
  records(): Iterable<BanRecord>
  readonly logger: Logger
}

/**
 * A place where bans outlive the process. Decisions never ask it: a process holds all bans itself.
 * A store belongs to one `failban()`. `banStoreSuite` of `@palisade/failban/testing` tests one.
 */
export interface BanStore {
  /**
   * Called once. Returns everything that was kept, also bans that are over: they lengthen the next.
   * `save` and `remove` may be called before it has settled, and wait for it.
   */
  open(bans: ProcessBans): MaybePromise<Iterable<BanRecord>>
  /**
   * Settles when the ban would survive the end of this process. The last one of an address and jail
   * counts.
   */
  save(record: BanRecord): MaybePromise<void>
  /** Forgets all bans of an address or network, past ones included. Settles like `save`. */
  remove(ip: string): MaybePromise<void>
  /** Called every 30 s while a pipeline has it: to try again what failed. */
  sweep?(): void
  /** Writes what waits, and closes what the store has opened. */
  close?(): MaybePromise<void>
}
