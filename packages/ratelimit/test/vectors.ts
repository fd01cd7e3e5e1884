import type { QuotaOptions } from '@palisade/ratelimit'

/** One attempt and what is expected of it; what is not named is not looked at. */
export interface Step {
  /** Milliseconds since the beginning, which is a whole multiple of the window. */
  readonly at: number
  readonly cost?: number
  /** How often; the expectations are of the last one, the others must be allowed. Default 1. */
  readonly times?: number
  readonly allowed: boolean
  readonly remaining?: number
  readonly reset?: number
  readonly retry?: number
}

export interface Vector {
  readonly title: string
  readonly policies: readonly QuotaOptions<string>[]
  readonly steps: readonly Step[]
}

/** A whole multiple of a minute. */
export const START = 1_700_000_040_000

/** Worked examples of every algorithm, by hand. Run against each store. */
export const vectors: readonly Vector[] = [
  {
    title: 'fixed-window 10 a minute',
    policies: [{ algorithm: 'fixed-window', limit: 10, window: 60_000 }],
    steps: [
      { at: 0, allowed: true, remaining: 9, reset: 60_000 },
      { at: 1000, times: 9, allowed: true, remaining: 0, reset: 59_000 },
      { at: 1000, allowed: false, retry: 59_000 },
      { at: 59_999, allowed: false, retry: 1 },
      { at: 60_000, allowed: true, remaining: 9 },
      { at: 61_000, cost: 8, allowed: true, remaining: 1 },
      { at: 61_000, cost: 2, allowed: false, remaining: 1, retry: 59_000 },
      { at: 61_000, cost: 1, allowed: true, remaining: 0 },
    ],
  },
  {
    title: 'sliding-window 10 a minute',
    policies: [{ algorithm: 'sliding-window', limit: 10, window: 60_000 }],
    steps: [
      { at: 50_000, times: 8, allowed: true, remaining: 2 },
      { at: 60_000, allowed: true, remaining: 1 },
      { at: 60_000, allowed: true, remaining: 0 },
      { at: 60_000, allowed: false, retry: 7500 },
      { at: 67_499, allowed: false, retry: 1 },
      { at: 67_500, allowed: true, remaining: 0 },
      { at: 90_000, cost: 0, allowed: true, remaining: 3 },
      { at: 90_000, allowed: true, remaining: 2 },
      { at: 90_000, cost: 3, allowed: false, retry: 7500 },
      { at: 90_000, cost: 2, allowed: true, remaining: 0 },
    ],
  },
  ...(['token-bucket', 'leaky-bucket', 'gcra'] as const).map(algorithm => ({
    title: `${algorithm} 10 a minute, burst 10`,
    policies: [{ algorithm, limit: 10, window: 60_000, burst: 10 }],
    steps: [
      { at: 0, times: 10, allowed: true, remaining: 0 },
      { at: 0, allowed: false, retry: 6000, reset: 60_000 },
      { at: 5999, allowed: false, retry: 1 },
      { at: 6000, allowed: true, remaining: 0 },
    ],
  })),
  {
    title: 'gcra with burst 1 arrests spikes',
    policies: [{ algorithm: 'gcra', limit: 10, window: 1000, burst: 1 }],
    steps: [
      { at: 0, allowed: true, remaining: 0 },
      { at: 0, allowed: false, retry: 100 },
      { at: 99, allowed: false, retry: 1 },
      { at: 100, allowed: true, remaining: 0 },
    ],
  },
  {
    title: 'sliding-log 3 a second',
    policies: [{ algorithm: 'sliding-log', limit: 3, window: 1000 }],
    steps: [
      { at: 0, allowed: true, remaining: 2, reset: 1000 },
      { at: 400, cost: 2, allowed: true, remaining: 0, reset: 1000 },
      { at: 999, allowed: false, retry: 1 },
      { at: 999, cost: 2, allowed: false, retry: 401 },
      { at: 1000, allowed: true, remaining: 0, reset: 1000 },
      { at: 1399, allowed: false, retry: 1 },
      { at: 1400, cost: 2, allowed: true, remaining: 0 },
    ],
  },
  {
    title: 'a token bucket of 5 a second and a fixed window of 8 a minute, as one decision',
    policies: [
      { name: 'bucket', algorithm: 'token-bucket', limit: 5, window: 1000, burst: 5 },
      { name: 'window', algorithm: 'fixed-window', limit: 8, window: 60_000 },
    ],
    steps: [
      { at: 0, times: 5, allowed: true },
      { at: 0, allowed: false, retry: 200 },
      // The refusal above took nothing from the window: three more fit.
      { at: 1000, times: 3, allowed: true, remaining: 0 },
      { at: 1000, allowed: false, retry: 59_000 },
    ],
  },
]
