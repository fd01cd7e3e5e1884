import { monotonicMs } from '../clock.js'
import type { Load } from './burst.js'
import type { Connection } from './connection.js'

export interface Arrivals {
  readonly perSecond: number
  readonly seconds: number
  /**
   * For how long before that requests arrive whose latencies do not count: new connections and a
   * heap that shrank are not what is asked.
   */
  readonly settleSeconds: number
  /** Whole numbers from 0 to 2^32. */
  readonly random: () => number
}

/**
 * Requests that arrive by themselves, at random moments (a Poisson process), whether or not the
 * server has answered earlier ones. Resolves with the milliseconds from the arrival of each to its
 * answer, in which the wait for a free connection is counted: a client that waits for one answer
 * before it asks again would not notice that a server stood still. No promise and no function is
 * made for a request: collecting those would stop this process, and be taken for the server's.
 */
export function arrive(
  load: Load,
  { perSecond, seconds, settleSeconds, random }: Arrivals,
): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const latencies: number[] = []
    const waiting = new Queue<number>()
    const idle = new Queue<Seat>()
    let failure: Error | undefined
    for (const connection of load.connections) {
      connection.onFailure(error => {
        failure = error
      })
      idle.add(new Seat(connection, answered))
    }

    const pause = () => -Math.log((random() + 1) / 2 ** 32) * (1000 / perSecond)
    const startsAt = monotonicMs() + settleSeconds * 1000
    const endsAt = startsAt + seconds * 1000
    let dueAt = monotonicMs() + pause()

    function answered(seat: Seat): void {
      if (seat.dueAt >= startsAt) latencies.push(monotonicMs() - seat.dueAt)
      const next = waiting.take()
      if (next === undefined) idle.add(seat)
      else seat.ask(next)
    }

    // Timers are no finer than a millisecond, and most answers are sooner than that.
    function turn(): void {
      if (failure !== undefined) {
        reject(failure)
        return
      }
      for (const now = monotonicMs(); dueAt <= now && dueAt < endsAt; dueAt += pause()) {
        const seat = idle.take()
        if (seat === undefined) waiting.add(dueAt)
        else seat.ask(dueAt)
      }
      if (dueAt >= endsAt && idle.length === load.connections.length) resolve(latencies)
      else setImmediate(turn)
    }
    turn()
  })
}

/** A connection and when the request that is on it arrived. */
class Seat {
  dueAt = 0
  private readonly connection: Connection
  private readonly answered: () => void

  constructor(connection: Connection, answered: (seat: Seat) => void) {
    this.connection = connection
    this.answered = () => answered(this)
  }

  ask(dueAt: number): void {
    this.dueAt = dueAt
    this.connection.ask(this.answered)
  }
}

/** First in, first out, so that all connections are used and none is closed for being idle. */
class Queue<T> {
  private readonly items: T[] = []
  private first = 0

  get length(): number {
    return this.items.length - this.first
  }

  add(item: T): void {
    this.items.push(item)
  }

  take(): T | undefined {
    if (this.first === this.items.length) return undefined
    const item = this.items[this.first++]
    if (this.first === 256) {
      this.items.splice(0, this.first)
      this.first = 0
    }
    return item
  }
}
