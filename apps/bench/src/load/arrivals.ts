import { monotonicMs } from '../clock.js'
import type { Load } from './burst.js'
import type { Connection } from './connection.js'

export interface Arrivals {
  readonly perSecond: number
  readonly seconds: number
  /** Whole numbers from 0 to 2^32. */
  readonly random: () => number
}

/**
 * Requests that arrive by themselves, at random moments (a Poisson process), whether or not the server has answered earlier ones. Resolves
 * with the milliseconds from the arrival of each to its answer, in which the wait for a free connection is counted: a client that waits for one
 * answer before it asks again would not notice that a server stood still.
 */
export async function arrive(
  load: Load,
  { perSecond, seconds, random }: Arrivals,
): Promise<readonly number[]> {
  const idle: Connection[] = [...load.connections]
  const latencies: number[] = []
  const waiting: number[] = []
  let firstWaiting = 0
  let failure: unknown

  const ask = (connection: Connection, dueAt: number): void => {
    connection.drive(once()).then(
      () => {
        latencies.push(monotonicMs() - dueAt)
        if (firstWaiting < waiting.length) ask(connection, waiting[firstWaiting++] as number)
        else idle.push(connection)
      },
      (error: unknown) => {
        failure ??= error
      },
    )
  }

  const pause = () => -Math.log((random() + 1) / 2 ** 32) * (1000 / perSecond)
  const startedAt = monotonicMs()
  let dueAt = startedAt + pause()
  while (dueAt < startedAt + seconds * 1000 || idle.length < load.connections.length) {
    if (failure !== undefined) throw failure
    for (const now = monotonicMs(); dueAt <= now && dueAt < startedAt + seconds * 1000; dueAt += pause()) {
      const connection = idle.pop()
      if (connection === undefined) waiting.push(dueAt)
      else ask(connection, dueAt)
    }
    // Timers are no finer than a millisecond, and most answers are sooner than that.
    await new Promise(setImmediate)
  }
  return latencies
}

function once(): () => boolean {
  let isFirst = true
  return () => {
    const wasFirst = isFirst
    isFirst = false
    return wasFirst
  }
}
