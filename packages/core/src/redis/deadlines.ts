import { systemClock } from '../vocabulary/clock.js'

/** Something that waits, in a list with its neighbours. */
export interface Waiting {
  /** Takes it off the list. False if its time was up before: then whatever came is too late. */
  done(): boolean
}

interface QueuedCall extends Waiting {
  readonly due: number
  readonly expire: () => void
  before: QueuedCall | undefined
  after: QueuedCall | undefined
  listed: boolean
}

/**
 * Deadlines of one length. As all are equally long, the oldest is always due first: a list in order
 * of arrival and one timer for its head do what a timer per call would, and a call that is answered
 * costs two pointers.
 *
 * Real time, not the injected clock: what it bounds is the wait for a real socket.
 */
export class Deadlines {
  readonly #ms: number
  #oldest: QueuedCall | undefined
  #newest: QueuedCall | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  /** `expire` is called once, unless `done` is before. */
  add(expire: () => void): Waiting {
    const entry: QueuedCall = {
      due: systemClock.monotonic() + this.#ms,
      expire,
      before: this.#newest,
      after: undefined,
      listed: true,
      done: () => this.#remove(entry),
    }
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.after = entry
    this.#newest = entry
    this.#timer ??= this.#wakeIn(this.#ms)
    return entry
  }

  /** Expires all that wait, at once. */
  expireAll(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#expireUntil(Number.POSITIVE_INFINITY)
  }

  #remove(entry: QueuedCall): boolean {
    if (!entry.listed) return false
    entry.listed = false
    if (entry.before === undefined) this.#oldest = entry.after
    else entry.before.after = entry.after
    if (entry.after === undefined) this.#newest = entry.before
    else entry.after.before = entry.before
    return true
  }

  #wakeIn(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      // Timers run before sockets are read. After a pause of this very process the answers may lie
      // there already: they are read first, so that Redis is not blamed for our own pause. The
      // immediate keeps its reference: without it the loop would sleep on.
      setImmediate(() => this.#wake())
    }, ms)
    return timer.unref()
  }

  #wake(): void {
    const now = systemClock.monotonic()
    // A timer may fire a fraction of a millisecond early.
    this.#expireUntil(now + 1)
    this.#timer = this.#oldest === undefined ? undefined : this.#wakeIn(Math.max(1, this.#oldest.due - now))
  }

  #expireUntil(time: number): void {
    for (let entry = this.#oldest; entry !== undefined && entry.due <= time; entry = this.#oldest) {
      this.#remove(entry)
      entry.expire()
    }
  }
}
