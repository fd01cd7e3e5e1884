/**
 * The state of one policy of a limiter for one request, as far as headers show it. All times are in
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
