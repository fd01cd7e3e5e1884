import { constants } from 'node:os'
import type { Clock } from '@palisade/core/middleware'

/** npm hands a signal on to a process that the terminal has already given it to. */
const DUPLICATE_MS = 1000

export interface SignalRules {
  readonly clock: Clock
  readonly onFirst: (signal: NodeJS.Signals) => void
  /** `code` is 128 plus the number of the signal, as shells tell it. */
  readonly onForce: (signal: NodeJS.Signals, code: number) => void
}

/**
 * Tells apart the first signal, a duplicate of it within a second, and a later one, which forces
 * the end.
 */
export function signalGate({ clock, onFirst, onForce }: SignalRules): (signal: NodeJS.Signals) => void {
  let firstAt: number | undefined
  return signal => {
    const now = clock.monotonic()
    if (firstAt === undefined) {
      firstAt = now
      onFirst(signal)
    } else if (now - firstAt >= DUPLICATE_MS) {
      onForce(signal, 128 + constants.signals[signal])
    }
  }
}
