/**
 * Where time comes from. Injected, so that a test moves a window with a call instead of a sleep.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC; may step when the machine's clock is set. For dates and windows. */
  now(): number
  /** Milliseconds since some fixed moment, with a fraction; never steps back. For durations. */
  monotonic(): number
}

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  // workerd's stands at 0 while modules load, and goes on from its wall time.
  monotonic: () => performance.now() || Date.now(),
})

/** When something began, by the monotonic time; `undefined` while modules load on a runtime whose clocks stand still then. */
export const startOf = (clock: Clock): number | undefined => (clock.now() > 0 ? clock.monotonic() : undefined)
