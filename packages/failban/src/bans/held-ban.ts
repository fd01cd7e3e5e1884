import type { Clock } from '@palisade/core/middleware'
import { type BanRecord, endOf } from './ban.js'

/**
 * A ban in this process. Its record has times of day, since it outlives the process. In here the
 * ban runs by monotonic time: a machine whose clock is set neither shortens nor lengthens it.
 */
export class HeldBan {
  readonly record: BanRecord
  /** What the times of the record are ahead of the monotonic time. */
  #offset: number

  constructor(record: BanRecord, offset: number) {
    this.record = record
    this.#offset = offset
  }

  /** Monotonic; `Infinity` for a permanent ban. */
  get endsAt(): number {
    return endOf(this.record) - this.#offset
  }

  /** @param now monotonic */
  isOver(now: number): boolean {
    return this.endsAt <= now
  }

  /** The record with the times that the machine's clock, as it is set now, gives them. */
  recordAt(offset: number): BanRecord {
    const step = Math.round(offset - this.#offset)
    if (step === 0) return this.record
    const { bannedAt, expiresAt, earlier } = this.record
    // No record has times before 1970.
    const moved = (at: number) => Math.max(0, at + step)
    return {
      ...this.record,
      bannedAt: moved(bannedAt),
      expiresAt: expiresAt === null ? null : moved(expiresAt),
      earlier: earlier.map(moved),
    }
  }

  /**
   * The process goes on with another clock, whose time of day is so much more ahead of its
   * monotonic time.
   */
  rebase(by: number): void {
    this.#offset += by
  }
}

/**
 * What the time of day is ahead of the monotonic time. The same until the machine's clock is set,
 * so that ends of bans compare.
 */
export class Offset {
  #last = Number.NaN

  of(clock: Clock): number {
    const offset = clock.now() - clock.monotonic()
    if (!(Math.abs(offset - this.#last) < GRAIN_MS)) this.#last = offset
    return this.#last
  }
}

/** Readings of two clocks, one after the other, differ by less. */
const GRAIN_MS = 10
