import type { Clock, Logger, MaybePromise } from '@palisade/core/middleware'
import type { BanRecord } from '../bans/ban.js'

/** The bans that a process knows, as its store sees them. */
export interface Replica {
  /** Everything that is to be kept, in the order in which it was made: bans in force, and past ones that lengthen the next. */
  records(): Iterable<BanRecord>
  /** Another process has banned. Checked against today's lists and durations like a restored ban, and not saved again. */
  banned(record: BanRecord): void
  /** Another process has lifted all bans of this address or network. */
  unbanned(ip: string): void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Where bans outlive the process, and by which other processes hear of them. Decisions never ask it: a process holds all bans itself.
 * A store belongs to one `failban()`.
 */
export interface BanStore {
  /**
   * Called once. Returns everything that was kept; what is over is sorted out by the caller. From then on it tells the replica of others' bans.
   * `save` and `remove` may be called before it has settled, and wait for it.
   */
  open(replica: Replica): MaybePromise<Iterable<BanRecord>>
  /** Settles when the ban would survive the end of this process. The last one of an address and jail counts. */
  save(record: BanRecord): MaybePromise<void>
  /** Forgets all bans of an address or network, past ones included. Settles like `save`. */
  remove(ip: string): MaybePromise<void>
  /** Called every 30 s while a pipeline has it: to try again what failed. */
  sweep?(): void
  /** How far what other processes did may be behind. Absent: there are no others. */
  syncLagMs?(): number
  /** Writes what waits, and lets go of everything. */
  close?(): MaybePromise<void>
}
