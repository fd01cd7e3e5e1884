import type { Clock } from '@palisade/core/middleware'

/**
 * The time of a store: the time of day of its first use, moved on by the clock's monotonic time only. So aligned windows
 * begin with the minute and the hour, and no step of the clock changes a count. All limiters of a store share it, as
 * they share counts.
 */
export class SteadyTime {
  private offset = Number.NaN

  now(clock: Clock): number {
    const steady = clock.monotonic()
    if (Number.isNaN(this.offset)) this.offset = clock.now() - steady
    return Math.floor(this.offset + steady)
  }
}
