const SECONDS = 10

/**
 * Requests a second over the last ten: nine whole seconds and what there is of this one. It falls
 * to 0 by itself when nothing comes, since it asks the clock and not the last request.
 */
export class SlidingRate {
  readonly #counts = new Float64Array(SECONDS)
  readonly #stamps = new Float64Array(SECONDS).fill(-1)
  readonly #bornMs: number

  constructor(nowMs: number) {
    this.#bornMs = nowMs
  }

  /** @param second counted from the clock's zero */
  add(second: number, requests: number): void {
    const slot = second % SECONDS
    if (this.#stamps[slot] !== second) {
      this.#stamps[slot] = second
      this.#counts[slot] = 0
    }
    this.#counts[slot] = (this.#counts[slot] as number) + requests
  }

  /** In the first seconds of a process, over its life so far, but at least one. */
  perSecond(nowMs: number): number {
    const first = Math.floor(nowMs / 1000) - SECONDS + 1
    let total = 0
    for (const [slot, stamp] of this.#stamps.entries())
      if (stamp >= first) total += this.#counts[slot] as number
    const spanMs = nowMs - Math.max(first * 1000, this.#bornMs)
    return total / Math.max(1, spanMs / 1000)
  }
}
