/**
 * Whether this process still wants requests. `gracefulShutdown()` begins the drain, `health()` turns readiness to 503 by it, and a team stops
 * its own background work by `signal`.
 */
export interface Lifecycle {
  /** True from the first moment of a shutdown on; it never goes back. */
  readonly draining: boolean
  /** Aborted when the drain begins. Its `reason` is an Error that tells why. */
  readonly signal: AbortSignal
  /** Begins the drain. Only the first call counts. */
  drain(reason: string): void
}

/**
 * What `health()` and `gracefulShutdown()` share, so that neither has to know the other:
 *
 *     const life = lifecycle()
 *     const edge = pipeline().use(health({ lifecycle: life }))
 *     gracefulShutdown(app.listen(3000), { lifecycle: life })
 */
export function lifecycle(): Lifecycle {
  const controller = new AbortController()
  const { signal } = controller
  return Object.freeze({
    get draining() {
      return signal.aborted
    },
    signal,
    drain(reason: string) {
      if (!signal.aborted) controller.abort(new Error(`The process shuts down: ${reason}`))
    },
  })
}
