/**
 * Decides when the JSON view begins anew. It has no timer: code that is about to change or read the
 * view calls it first. Nothing changes between the end of a period and the first call, so the view
 * is then the same as at the end.
 */
export class Period {
  readonly #lengthMs: number
  readonly #begin: () => void
  endsAtMs: number

  /** @param lengthMs `Infinity` never ends */
  constructor(lengthMs: number, nowMs: number, begin: () => void) {
    this.#lengthMs = lengthMs
    this.#begin = begin
    this.endsAtMs = nowMs + lengthMs
  }

  get isEndless(): boolean {
    return this.endsAtMs === Number.POSITIVE_INFINITY
  }

  /** @param nowMs of a clock that never steps back */
  turn(nowMs: number): void {
    if (nowMs >= this.endsAtMs) this.#end(nowMs)
  }

  #end(nowMs: number): void {
    this.endsAtMs += (Math.floor((nowMs - this.endsAtMs) / this.#lengthMs) + 1) * this.#lengthMs
    this.#begin()
  }
}
