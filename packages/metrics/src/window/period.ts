/**
 * When the JSON view begins anew. No timer: whoever is about to change or read the view asks first, and as nothing changes between the end of a
 * period and the first who asks, the view is at that moment what it was at the end.
 */
export class Period {
  private readonly lengthMs: number
  private readonly begin: () => void
  endsAtMs: number

  /** @param lengthMs `Infinity` never ends */
  constructor(lengthMs: number, nowMs: number, begin: () => void) {
    this.lengthMs = lengthMs
    this.begin = begin
    this.endsAtMs = nowMs + lengthMs
  }

  get isEndless(): boolean {
    return this.endsAtMs === Number.POSITIVE_INFINITY
  }

  /** @param nowMs of a clock that never steps back */
  turn(nowMs: number): void {
    if (nowMs >= this.endsAtMs) this.end(nowMs)
  }

  private end(nowMs: number): void {
    this.endsAtMs += (Math.floor((nowMs - this.endsAtMs) / this.lengthMs) + 1) * this.lengthMs
    this.begin()
  }
}
