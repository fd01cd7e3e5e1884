const SWEEP_MS = 30_000

/**
 * Calls `sweep` every 30 seconds, from the first use on. A runtime may have no timers while modules
 * load, and may end those of a request with it (workerd does both): then the violations that come
 * later sweep.
 */
export class Sweeper {
  readonly #sweep: () => void
  #timer: ReturnType<typeof setInterval> | undefined
  #sweptAt = 0

  constructor(sweep: () => void) {
    this.#sweep = sweep
  }

  /** @param now monotonic */
  start(now: number): void {
    if (this.#timer !== undefined) return
    this.#sweptAt = now
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    // A number where timers keep no process alive.
    if (typeof this.#timer === 'object') this.#timer.unref()
  }

  /** Sweeps when the timer has not, which it says by `swept`. */
  catchUp(now: number): void {
    this.start(now)
    if (now - this.#sweptAt >= 2 * SWEEP_MS) this.#sweep()
  }

  swept(now: number): void {
    this.#sweptAt = now
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
