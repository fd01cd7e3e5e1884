import type { Clock } from '../vocabulary/clock.js'

/**
 * `closed`: calls go through. `open`: none does. `half-open`: one is on its way, to see whether the
 * server is back.
 */
export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerRules {
  /** Failures in a row that open it. */
  readonly failures: number
  /** Milliseconds until the first probe; doubled by each probe that fails. */
  readonly backoff: number
  /** Milliseconds that the back-off never exceeds. */
  readonly maxBackoff: number
  readonly onChange?: ((state: BreakerState, previous: BreakerState) => void) | undefined
}

/** What a call was let through with, to report by. */
export type Pass = number

/**
 * Keeps calls from a server that does not answer them, so that an outage costs one deadline per
 * back-off instead of one per request.
 *
 * It counts failures in a row, not their share. The keys of a store have one hash tag, so a store
 * talks to one shard, which is there or is not; a share would need a window to be tuned, and would
 * take longer to see exactly that. A server that answers now and then keeps the breaker closed, and
 * each call that it does not answer is bounded by its deadline.
 *
 * It has no timer: the first call after the back-off is the probe.
 */
export class CircuitBreaker {
  readonly #rules: BreakerRules
  readonly #clock: Clock
  #state: BreakerState = 'closed'
  #failures = 0
  #backoff: number
  #probeAt = 0
  /**
   * Grows with each change of state, so that what was sent before it says nothing about the state
   * after.
   */
  #era: Pass = 0

  constructor(rules: BreakerRules, clock: Clock) {
    this.#rules = rules
    this.#clock = clock
    this.#backoff = rules.backoff
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Whether `enter` would let a call through now. */
  get admits(): boolean {
    return this.#state === 'closed' || (this.#state === 'open' && this.#clock.monotonic() >= this.#probeAt)
  }

  /**
   * Lets a call through, or not. The caller of a call that is let through reports once, by
   * `succeeded` or `failed`.
   */
  enter(): Pass | undefined {
    if (!this.admits) return undefined
    if (this.#state === 'open') this.#become('half-open')
    return this.#era
  }

  succeeded(pass: Pass): void {
    if (pass !== this.#era) return
    this.#failures = 0
    if (this.#state === 'closed') return
    this.#backoff = this.#rules.backoff
    this.#become('closed')
  }

  failed(pass: Pass): void {
    if (pass !== this.#era) return
    if (this.#state === 'half-open') {
      this.#backoff = Math.min(this.#backoff * 2, this.#rules.maxBackoff)
    } else {
      this.#failures++
      if (this.#failures < this.#rules.failures) return
    }
    this.#failures = 0
    this.#probeAt = this.#clock.monotonic() + this.#backoff
    this.#become('open')
  }

  #become(state: BreakerState): void {
    const previous = this.#state
    this.#state = state
    this.#era++
    try {
      this.#rules.onChange?.(state, previous)
    } catch {
      // An error of the observer must not decide whether calls go through.
    }
  }
}
