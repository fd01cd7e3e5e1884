import { bindMethods } from '@palisade/core/middleware'

/**
 * Whether this process still wants requests. `gracefulShutdown()` begins the drain, `health()`
 * turns readiness to 503 by it, and a team stops its own background work by `signal`.
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
  return Object.freeze(bindMethods(new ProcessLifecycle(), 'drain', 'onDrain'))
}

/**
 * Calls the listener when the drain begins. It asks for no `AbortSignal` unless the lifecycle is a
 * team's own.
 *
 * @returns a function that takes the listener away
 */
export function onDrain(lifecycle: Lifecycle, listener: () => void): () => void {
  if (lifecycle instanceof ProcessLifecycle) return lifecycle.onDrain(listener)
  const { signal } = lifecycle
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

class ProcessLifecycle implements Lifecycle {
  readonly #listeners = new Set<() => void>()
  #why: Error | undefined
  /** Made when it is asked for: some runtimes make none while modules load. */
  #controller: AbortController | undefined

  get draining(): boolean {
    return this.#why !== undefined
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#why !== undefined) this.#controller.abort(this.#why)
    return this.#controller.signal
  }

  onDrain(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  drain(reason: string): void {
    if (this.#why !== undefined) return
    this.#why = new Error(`The process shuts down: ${reason}`)
    this.#controller?.abort(this.#why)
    for (const listener of this.#listeners) listener()
    this.#listeners.clear()
  }
}
