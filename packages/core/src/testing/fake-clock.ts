import type { Clock } from '../vocabulary/clock.js'

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves both times forward by so many milliseconds. */
  advance(ms: number): void
  /**
   * Sets the time of day; it may step back, as a machine's clock does. `monotonic()` does not
   * follow.
   */
  set(epochMs: number): void
}

export function fakeClock(epochMs = 1_700_000_000_000): FakeClock {
  let wall = epochMs
  let steady = 0
  return {
    now: () => wall,
    monotonic: () => steady,
    advance(ms) {
      if (!(ms >= 0))
        throw new RangeError(
          `fakeClock.advance: ${ms}; allowed: milliseconds from 0, a step back goes through set()`,
        )
      wall += ms
      steady += ms
    },
    set(to) {
      wall = to
    },
  }
}
