import type { Clock } from '@palisade/core'

export interface HistoryClock extends Clock {
  /** Moves both times to a moment. It may step back, which a real monotonic time never does. */
  set(moment: number): void
}

/** A clock whose two times are one, for histories that are written as moments. */
export function historyClock(moment: number): HistoryClock {
  let time = moment
  return {
    now: () => time,
    monotonic: () => time,
    set(to) {
      time = to
    },
  }
}
