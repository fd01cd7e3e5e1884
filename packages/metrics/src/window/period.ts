/**
 * When the JSON view begins anew. No timer: whoever is about to change or read the view asks first, and as nothing changes between the end of a
 * period and the first who asks, the view is at that moment what it was at the end.
 */
export class Period {
  private readonly lengthMs: number
  private readonly begin: () => void
  private endsAt: number

  /** @param lengthMs `Infinity` never ends */
  constructor(lengthMs: number, nowMs: number, begin: () => void) {
    this.lengthMs = lengthMs
    this.begin = begin
    this.endsAt = nowMs + lengthMs
  }

  /** @param nowMs of a clock that never steps back */
  turn(nowMs: number): void {
    if (nowMs < this.endsAt) return
    this.endsAt += (Math.floor((nowMs - this.endsAt) / this.lengthMs) + 1) * this.lengthMs
    this.begin()
  }
}
