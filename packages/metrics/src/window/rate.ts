const SECONDS = 60

/** Requests a second over the last whole seconds. It falls to 0 by itself when nothing comes, since it asks the clock and not the last request. */
export class SlidingRate {
  private readonly counts = new Float64Array(SECONDS)
  private readonly stamps = new Float64Array(SECONDS).fill(-1)
  private readonly bornMs: number

  constructor(nowMs: number) {
    this.bornMs = nowMs
  }

  record(nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    const slot = second % SECONDS
    if (this.stamps[slot] !== second) {
      this.stamps[slot] = second
      this.counts[slot] = 0
    }
    this.counts[slot] = (this.counts[slot] as number) + 1
  }

  /** Per second, over the last `seconds` or, in the first ones of a process, since its start. */
  perSecond(nowMs: number, seconds = 10): number {
    const now = Math.floor(nowMs / 1000)
    let total = 0
    for (let i = 0; i < SECONDS; i++) {
      const age = now - (this.stamps[i] as number)
      if (age >= 0 && age < seconds) total += this.counts[i] as number
    }
    const lived = Math.max(1, (nowMs - this.bornMs) / 1000)
    return total / Math.min(seconds, lived)
  }
}
