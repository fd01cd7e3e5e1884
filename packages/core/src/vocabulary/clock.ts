/**
 * Where time comes from. Injected, so that a test moves a window with a call instead of a sleep.
 */
export interface Clock {
  /**
   * Milliseconds since 1970-01-01 UTC; may step when the machine's clock is set. For dates and
   * windows.
   */
  now(): number
  /** Milliseconds since some fixed moment, with a fraction; never steps back. For durations. */
  monotonic(): number
}

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
})

/**
 * When something began, by the monotonic time. `undefined` while modules load on workerd: its clock
 * stands at 0 then, and jumps with the first request.
 */
export function startOf(clock: Clock): number | undefined {
  const now = clock.monotonic()
  return now === 0 && clock === systemClock ? undefined : now
}
