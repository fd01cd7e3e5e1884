/**
 * What one policy of a limiter says of one request, as far as headers tell of it. All times are in
 * milliseconds from the moment of the decision.
 */
export interface QuotaState {
  /** Whether the policy applies to this request at all. */
  readonly active: boolean
  /** Whether it lets the request pass. */
  readonly fits: boolean
  readonly limit: number
  /** What can be taken at once: the limit of a window, the burst of a bucket. */
  readonly capacity: number
  readonly remaining: number
  /** Until the quota is whole again. */
  readonly resetMs: number
  /** Until the same request would pass; `Infinity` for never. */
  readonly retryMs: number
  /** Until there is more quota than now; `Infinity` for never. */
  readonly nextMs: number
}

/**
 * The policy to speak of: of those that refused, the one that has to be waited for the longest;
 * else the one of whose quota the smallest part is left. `undefined` when none applies.
 */
export function tightest<T extends QuotaState>(states: readonly T[], allowed: boolean): T | undefined {
  let best: T | undefined
  for (let i = 0; i < states.length; i++) {
    const state = states[i] as T
    if (!state.active || state.fits !== allowed) continue
    if (best === undefined || (allowed ? isTighter(state, best) : state.retryMs > best.retryMs)) best = state
  }
  return best
}

interface Left {
  readonly remaining: number
  readonly capacity: number
}

/** Whether a smaller part is left of the one quota than of the other. */
export function isTighter(one: Left, other: Left): boolean {
  return one.remaining * other.capacity < other.remaining * one.capacity
}
